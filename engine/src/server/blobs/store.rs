//! How a received content becomes a blob: it is verified, stored durably, and entered in the database. Single uploads and
//! bundles use the same functions, so the same quota, locks and checks apply to both.

use aws_lc_rs::digest::{Context, SHA256, digest};
use axum::http::StatusCode;
use bytes::Bytes;

use super::backend::ObjectName;
use super::blob_records::StoredBlob;
use super::deletions::LastDeletion;
use super::upload_records::{BlobSpec, EntryOutcome, Reservation};
use super::user_blobs::VerifiedBlob;
use crate::server::Server;
use crate::server::caller::Caller;
use crate::server::refusal::{Missing, Refusal};

/// A small blob as it was received, not verified yet.
pub(super) struct ReceivedBlob {
    /// What the client announced.
    pub(super) spec: BlobSpec,
    /// Its bytes.
    pub(super) content: Bytes,
}

/// A blob that exists, and the status of the answer: 201 if it is new, 204 if it existed already.
pub(super) type Stored = (StatusCode, StoredBlob);

/// Rejects a content that differs from what was announced.
pub(super) fn verify(spec: &BlobSpec, received: u64, hash: Context) -> Result<(), Refusal> {
    check_length(spec, received)?;
    if hash.finish().as_ref() == spec.digest.0 { Ok(()) } else { Err(Refusal::DigestMismatch) }
}

/// Rejects a body that ended early.
pub(super) fn check_length(spec: &BlobSpec, received: u64) -> Result<(), Refusal> {
    if received == spec.length {
        return Ok(());
    }
    Err(Refusal::Malformed(format!("the body ended after {received} of {} bytes: send it again", spec.length)))
}

/// Makes a blob of a content that is verified and durable. If it does not become one, the content is removed.
pub(super) async fn enter(
    server: &Server,
    caller: &Caller,
    object: ObjectName,
    spec: BlobSpec,
    reservation: Reservation,
) -> Result<Stored, Refusal> {
    let (outcome, obsolete) = caller.store.blobs().enter(object, spec, reservation).await?;
    remove_uploads(server, caller, obsolete).await;
    if !matches!(outcome, EntryOutcome::Created(_)) {
        server.blobs().remove(object).await;
    }
    stored(outcome)
}

/// Makes blobs of small contents that one request brought, all in one transaction. `begun` is the last deletion before the
/// request began. Each blob has a result of its own; the results are in the same order.
pub(super) async fn store_small(
    server: &Server,
    caller: &Caller,
    received: Vec<ReceivedBlob>,
    begun: LastDeletion,
) -> Result<Vec<Result<Stored, Refusal>>, Refusal> {
    let blobs = caller.store.blobs();
    let mut results = Vec::with_capacity(received.len());
    let mut verified = Vec::with_capacity(received.len());
    for blob in received {
        match prepare(server, blobs.user(), blob).await {
            Ok(blob) => {
                verified.push(blob);
                results.push(None);
            }
            Err(refusal) => results.push(Some(Err(refusal))),
        }
    }
    let objects: Vec<_> = verified.iter().map(|blob| (blob.object, blob.content.is_none())).collect();
    let outcomes = match blobs.store_small(verified, caller.quota, begun).await {
        Ok(outcomes) => outcomes,
        Err(refusal) => {
            for (object, _) in objects.into_iter().filter(|(_, in_backend)| *in_backend) {
                server.blobs().remove(object).await;
            }
            return Err(refusal);
        }
    };
    let mut outcomes = objects.into_iter().zip(outcomes);
    for result in results.iter_mut().filter(|result| result.is_none()) {
        let Some(((object, in_backend), (outcome, obsolete))) = outcomes.next() else { break };
        remove_uploads(server, caller, obsolete).await;
        if in_backend && !matches!(outcome, EntryOutcome::Created(_)) {
            server.blobs().remove(object).await;
        }
        *result = Some(stored(outcome));
    }
    Ok(results.into_iter().flatten().collect())
}

/// Verifies a content, and writes it to the backend unless the database stores it.
async fn prepare(server: &Server, user: i64, blob: ReceivedBlob) -> Result<VerifiedBlob, Refusal> {
    let ReceivedBlob { spec, content } = blob;
    if content.len() as u64 != spec.length || digest(&SHA256, &content).as_ref() != spec.digest.0 {
        return Err(Refusal::DigestMismatch);
    }
    let blobs = server.blobs();
    let object = blobs.processes().new_object_name(user);
    if blobs.is_small(spec.length) {
        return Ok(VerifiedBlob { object, spec, content: Some(content) });
    }
    if let Err(error) = blobs.write(object, vec![content]).await {
        blobs.remove(object).await;
        return Err(error.into());
    }
    Ok(VerifiedBlob { object, spec, content: None })
}

/// Removes contents that no row names any more, after interrupting the requests that still write them.
pub(super) async fn remove_uploads(server: &Server, caller: &Caller, objects: Vec<ObjectName>) {
    for object in objects {
        caller.store.blobs().upload_locks().interrupt(object).await;
        server.blobs().remove(object).await;
    }
}

fn stored(outcome: EntryOutcome) -> Result<Stored, Refusal> {
    match outcome {
        EntryOutcome::Created(blob) => Ok((StatusCode::CREATED, blob)),
        EntryOutcome::Unchanged(blob) => Ok((StatusCode::NO_CONTENT, blob)),
        EntryOutcome::Conflict => Err(Refusal::BlobConflict),
        EntryOutcome::UploadEnded => Err(Refusal::NotFound(Missing::UploadEnded)),
        EntryOutcome::Unknown => Err(Refusal::Busy),
        EntryOutcome::OverQuota => Err(Refusal::QuotaExceeded),
    }
}
