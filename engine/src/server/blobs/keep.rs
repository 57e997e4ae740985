//! What becomes of small blobs that came whole, whether in a request each or in a bundle: there is no other way in, so the
//! same quota, locks and checks hold for both.

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::StatusCode;
use bytes::Bytes;

use super::backend::{BackendError, ObjectName, Start};
use super::deletions::Moment;
use super::records::Record;
use super::shelf::GONE;
use super::uploads::{Announced, Entered};
use crate::server::Server;
use crate::server::caller::Caller;
use crate::server::refusal::Refusal;

/// A small blob that came.
pub(super) struct Arrived {
    /// What it shall be.
    pub(super) announced: Announced,
    /// Its bytes.
    pub(super) content: Bytes,
}

/// A small blob whose content is verified, and where that is kept.
pub(super) struct Keeping {
    /// Its name among contents.
    pub(super) object: ObjectName,
    /// What it shall be.
    pub(super) announced: Announced,
    /// Its bytes, where the database is to keep them; else the backend has them, durable.
    pub(super) content: Option<Bytes>,
}

/// A blob that is there.
#[derive(Debug)]
pub(super) struct Kept {
    /// 201 where it is new, 204 where it was there already.
    pub(super) status: StatusCode,
    /// What is known of it.
    pub(super) record: Record,
}

/// Makes blobs of what came, in a request that began at a moment, all in one transaction, each judged by itself; the
/// answers are in the same order.
pub(super) async fn keep(
    server: &Server,
    caller: &Caller,
    arrived: Vec<Arrived>,
    begun: Moment,
) -> Result<Vec<Result<Kept, Refusal>>, Refusal> {
    let shelf = caller.store.shelf();
    let mut answers = Vec::with_capacity(arrived.len());
    let mut keeping = Vec::with_capacity(arrived.len());
    for blob in arrived {
        match prepare(server, shelf.user(), blob).await {
            Ok(blob) => {
                keeping.push(blob);
                answers.push(None);
            }
            Err(refusal) => answers.push(Some(Err(refusal))),
        }
    }
    let places: Vec<_> = keeping.iter().map(|blob| (blob.object, blob.content.is_none())).collect();
    let entered = match shelf.keep(keeping, caller.quota, begun).await {
        Ok(entered) => entered,
        Err(refusal) => {
            for (object, _) in places.into_iter().filter(|(_, in_backend)| *in_backend) {
                server.blobs().remove(object).await;
            }
            return Err(refusal);
        }
    };
    let mut outcomes = places.into_iter().zip(entered);
    for answer in answers.iter_mut().filter(|answer| answer.is_none()) {
        let Some(((object, in_backend), (entered, obsolete))) = outcomes.next() else { break };
        for object in obsolete {
            shelf.turns().interrupt(object).await;
            server.blobs().remove(object).await;
        }
        if in_backend && !matches!(entered, Entered::New(_)) {
            server.blobs().remove(object).await;
        }
        *answer = Some(said(entered));
    }
    Ok(answers.into_iter().flatten().collect())
}

/// Verifies a content, and hands it to the backend unless the database keeps it.
async fn prepare(server: &Server, user: i64, blob: Arrived) -> Result<Keeping, Refusal> {
    let Arrived { announced, content } = blob;
    if content.len() as u64 != announced.length || digest(&SHA256, &content).as_ref() != announced.digest.0 {
        return Err(Refusal::DigestMismatch);
    }
    let blobs = server.blobs();
    let object = blobs.processes().name(user);
    if blobs.keeps(announced.length) {
        return Ok(Keeping { object, announced, content: Some(content) });
    }
    let stored: Result<(), BackendError> = async {
        let mut writer = blobs.backend().write(object, Start::Whole).await?;
        writer.write(content).await?;
        writer.finish().await
    }
    .await;
    if let Err(error) = stored {
        blobs.remove(object).await;
        return Err(error.into());
    }
    Ok(Keeping { object, announced, content: None })
}

fn said(entered: Entered) -> Result<Kept, Refusal> {
    match entered {
        Entered::New(record) => Ok(Kept { status: StatusCode::CREATED, record }),
        Entered::Same(record) => Ok(Kept { status: StatusCode::NO_CONTENT, record }),
        Entered::Conflict => Err(Refusal::BlobConflict),
        Entered::Gone => Err(GONE),
        Entered::Unclear => Err(Refusal::Busy),
        Entered::OverQuota => Err(Refusal::QuotaExceeded),
    }
}
