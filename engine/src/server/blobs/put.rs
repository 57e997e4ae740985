//! `PUT /v1/users/{user}/blobs/{namespace}/{id}`: uploads a blob, in one request or in several. Its length and digest are
//! known before its first byte, so a blob that exists already is not transferred again, and one that exceeds the quota is
//! rejected immediately.

use aws_lc_rs::digest::{Context, SHA256};
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_LENGTH, ETAG};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use serde::Deserialize;
use tokio::sync::oneshot;

use super::appender;
use super::backend::{ObjectName, Start};
use super::blob_records::StoredBlob;
use super::deletions::LastDeletion;
use super::headers::{CONTENT_DIGEST, REPR_DIGEST, UPLOAD_LENGTH, complete, digest, number};
use super::store::{ReceivedBlob, Stored, check_length, enter, store_small, verify};
use super::upload_locks::UploadLock;
use super::upload_records::{BlobSpec, Reservation, Upload};
use crate::protocol::{BUNDLED_BYTES, BlobDigest, BlobFlags};
use crate::server::Server;
use crate::server::body::BodyReader;
use crate::server::caller::{Caller, PathBlob, malformed};
use crate::server::conditions::Conditions;
use crate::server::refusal::{Missing, Refusal};

/// The largest blob, in bytes, that is received whole before anything is stored, which saves a transaction.
const SMALL: u64 = BUNDLED_BYTES as u64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct PutQuery {
    /// The flags that the blob has when it appears.
    #[serde(default)]
    flags: String,
}

/// How a blob is uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// In one request; if that fails, nothing is kept.
    Whole,
    /// In several requests.
    Resumable {
        /// Whether this request brings the rest of the blob.
        last: bool,
    },
}

/// `PUT`.
pub(in crate::server) async fn put(
    State(server): State<Server>,
    caller: Caller,
    PathBlob(name): PathBlob,
    query: Result<Query<PutQuery>, QueryRejection>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let Query(query) = query.map_err(malformed)?;
    let flags: BlobFlags = query.flags.parse().map_err(malformed)?;
    let mode = complete(&headers)?.map_or(Mode::Whole, |last| Mode::Resumable { last });
    let length = length(&headers, mode)?;
    let limit = server.blobs().limits().blob_bytes;
    if length > limit {
        return Err(Refusal::TooLarge(format!("a blob may have at most {limit} bytes")));
    }
    let spec = BlobSpec { name, length, digest: announced_digest(&headers, mode)?, flags };
    let conditions = Conditions::of(&headers);
    let mut reader = BodyReader::new(body, &headers, caller.body_timeout, server.blobs().stopping().clone());
    let (sender, answer) = oneshot::channel();
    // A separate task, so that a client that disconnects does not cancel it.
    tokio::spawn(async move {
        let upload = BlobUpload { server: &server, caller: &caller, spec, reader: &mut reader };
        let outcome = upload.run(mode, &conditions, &uri).await;
        server.metrics().add_received(reader.received());
        // If the client has disconnected, nobody needs the answer.
        let _ = sender.send(outcome);
        reader.drain().await;
    });
    answer.await.unwrap_or(Err(Refusal::Busy))
}

fn length(headers: &HeaderMap, mode: Mode) -> Result<u64, Refusal> {
    let body = number(headers, CONTENT_LENGTH.as_str())?.filter(|_| mode != Mode::Resumable { last: false });
    match (number(headers, UPLOAD_LENGTH)?, body) {
        (Some(announced), Some(body)) if announced != body => {
            Err(Refusal::Malformed(format!("Upload-Length is {announced} bytes, but Content-Length is {body}")))
        }
        (announced, body) => announced.or(body).ok_or(Refusal::LengthRequired),
    }
}

fn announced_digest(headers: &HeaderMap, mode: Mode) -> Result<BlobDigest, Refusal> {
    let body = digest(headers, CONTENT_DIGEST)?.filter(|_| mode != Mode::Resumable { last: false });
    match (digest(headers, REPR_DIGEST)?, body) {
        (Some(whole), Some(body)) if whole != body => Err(Refusal::Malformed(
            "Repr-Digest and Content-Digest differ, although the body is the whole blob".to_owned(),
        )),
        (whole, body) => whole.or(body).ok_or(Refusal::DigestRequired),
    }
}

/// A blob that is being uploaded.
struct BlobUpload<'a> {
    server: &'a Server,
    caller: &'a Caller,
    spec: BlobSpec,
    reader: &'a mut BodyReader,
}

impl BlobUpload<'_> {
    async fn run(mut self, mode: Mode, conditions: &Conditions, uri: &Uri) -> Result<Response, Refusal> {
        let blobs = self.caller.store.blobs();
        let _permit = self.server.blobs().acquire_write(blobs)?;
        let (existing, begun) = blobs.find_with_last_deletion(&self.spec.name).await?;
        let tag = existing.as_ref().map(StoredBlob::tag);
        if !conditions.if_match(tag.as_deref()) || !conditions.if_none_match(tag.as_deref()) {
            return Err(Refusal::PreconditionFailed);
        }
        if let Some(blob) = existing {
            let BlobSpec { length, digest, .. } = self.spec;
            let same = blob.entry.length == length && blob.entry.digest == digest;
            return if same { Ok(response((StatusCode::NO_CONTENT, blob))) } else { Err(Refusal::BlobConflict) };
        }
        if let Mode::Resumable { last } = mode {
            return appender::begin(self.server, self.caller, self.spec, begun, last, uri, self.reader).await;
        }
        self.server.blobs().check_quota(blobs, self.caller.quota, self.spec.length).await?;
        if self.spec.length <= SMALL {
            return self.put_small(begun).await;
        }
        let object = self.server.blobs().processes().new_object_name(blobs.user());
        // Locked before the upload is visible, so that a request that ends the upload always finds the lock.
        let lock = blobs.upload_locks().try_lock(object).ok_or(Refusal::Busy)?;
        blobs.reserve(self.upload(object), false, self.caller.quota, begun).await?;
        let received = self.receive(object, &lock).await;
        drop(lock);
        if let Err(refusal) = received {
            let existed = blobs.cancel_upload(object).await?;
            return Err(if existed { refusal } else { Refusal::NotFound(Missing::UploadEnded) });
        }
        Ok(response(enter(self.server, self.caller, object, self.spec, Reservation::Upload).await?))
    }

    /// Receives and verifies the blob before it stores anything.
    async fn put_small(self, begun: LastDeletion) -> Result<Response, Refusal> {
        let mut content = BytesMut::with_capacity(self.spec.length as usize);
        while let Some(chunk) = self.reader.next(self.spec.length).await? {
            content.extend_from_slice(&chunk);
        }
        check_length(&self.spec, self.reader.received())?;
        let received = ReceivedBlob { spec: self.spec, content: content.freeze() };
        let stored = store_small(self.server, self.caller, vec![received], begun).await?.pop();
        stored.unwrap_or(Err(Refusal::Busy)).map(response)
    }

    /// The upload that reserves the length.
    fn upload(&self, object: ObjectName) -> Upload {
        let blobs = self.server.blobs();
        Upload {
            spec: self.spec.clone(),
            object,
            offset: 0,
            writer: Some(blobs.processes().own_id()),
            expires: blobs.upload_expiry(),
        }
    }

    /// Writes the body to the backend as it arrives, unless it is interrupted.
    async fn receive(&mut self, object: ObjectName, lock: &UploadLock) -> Result<(), Refusal> {
        let blobs = self.server.blobs();
        let mut writer = blobs.backend().write(object, Start::Whole).await?;
        let mut hash = Context::new(&SHA256);
        let received = async {
            loop {
                let chunk = tokio::select! {
                    chunk = self.reader.next(self.spec.length) => chunk?,
                    () = lock.interrupted() => return Err(Refusal::NotFound(Missing::UploadEnded)),
                };
                let Some(chunk) = chunk else { break };
                hash.update(&chunk);
                writer.write(chunk).await?;
            }
            verify(&self.spec, self.reader.received(), hash)
        };
        if let Err(refusal) = received.await {
            if let Err(error) = writer.discard().await {
                tracing::warn!(%error, "cannot remove a rejected blob; the next start of the server removes it");
            }
            return Err(refusal);
        }
        if let Err(error) = writer.finish().await {
            blobs.remove(object).await;
            return Err(error.into());
        }
        Ok(())
    }
}

fn response((status, blob): Stored) -> Response {
    (status, [(ETAG, blob.tag())]).into_response()
}
