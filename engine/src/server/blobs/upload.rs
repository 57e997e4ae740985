//! `/v1/users/{user}/blobs/{namespace}/{id}/upload`: a blob that arrives in several requests, by the subset of
//! draft-ietf-httpbis-resumable-upload that `docs/PROTOCOL.md` describes. A reported offset is durable and never decreases, so
//! a client whose request failed asks for the offset and resumes there.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::sync::oneshot;

use super::appender::{append, upload_limit, without_writer};
use super::blob_records::BlobName;
use super::headers::{
    REPR_DIGEST, UPLOAD_COMPLETE, UPLOAD_LENGTH, UPLOAD_LIMIT, UPLOAD_OFFSET, complete, digest_field, number,
};
use super::upload_records::Upload;
use crate::protocol::PARTIAL_UPLOAD;
use crate::server::Server;
use crate::server::body::BodyReader;
use crate::server::caller::{Caller, PathBlob};
use crate::server::conditions::header;
use crate::server::refusal::{Missing, Refusal};

/// `HEAD`: the offset of the upload. It interrupts a request that still appends, so that the offset stays correct.
pub(in crate::server) async fn head(
    State(server): State<Server>,
    caller: Caller,
    PathBlob(name): PathBlob,
) -> Result<Response, Refusal> {
    if let Some(blob) = caller.store.blobs().find(&name).await? {
        let fields = [
            (UPLOAD_COMPLETE, "?1".to_owned()),
            (UPLOAD_OFFSET, blob.entry.length.to_string()),
            (UPLOAD_LENGTH, blob.entry.length.to_string()),
            (REPR_DIGEST, digest_field(blob.entry.digest)),
        ];
        return Ok((StatusCode::NO_CONTENT, fields, [(ETAG, blob.tag())]).into_response());
    }
    let upload = find(&server, &caller, &name).await?;
    let fields = [
        (UPLOAD_COMPLETE, "?0".to_owned()),
        (UPLOAD_OFFSET, upload.offset.to_string()),
        (UPLOAD_LENGTH, upload.spec.length.to_string()),
        (UPLOAD_LIMIT, upload_limit(&server, upload.expires)),
        (REPR_DIGEST, digest_field(upload.spec.digest)),
    ];
    Ok((StatusCode::NO_CONTENT, fields, [(CACHE_CONTROL, "no-store")]).into_response())
}

/// `PATCH`: appends to the upload.
pub(in crate::server) async fn patch(
    State(server): State<Server>,
    caller: Caller,
    PathBlob(name): PathBlob,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    if header(&headers, CONTENT_TYPE) != Some(PARTIAL_UPLOAD) {
        return Err(Refusal::UnsupportedMediaType(PARTIAL_UPLOAD));
    }
    let missing = |name: &str| Refusal::Malformed(format!("send {name}"));
    let offset = number(&headers, UPLOAD_OFFSET)?.ok_or_else(|| missing(UPLOAD_OFFSET))?;
    let last = complete(&headers)?.ok_or_else(|| missing(UPLOAD_COMPLETE))?;
    let mut reader = BodyReader::new(body, &headers, caller.body_timeout, server.blobs().stopping().clone());
    let (sender, answer) = oneshot::channel();
    // A separate task, so that a client that disconnects does not cancel it.
    tokio::spawn(async move {
        let outcome = async {
            let _permit = server.blobs().acquire_write(caller.store.blobs())?;
            let upload = find(&server, &caller, &name).await?;
            if upload.offset != offset {
                return Err(Refusal::OffsetMismatch(upload.offset));
            }
            caller.store.blobs().claim_upload(upload.object, server.blobs().processes().own_id()).await?;
            append(&server, &caller, upload, last, &mut reader).await
        };
        let outcome = outcome.await;
        server.metrics().add_received(reader.received());
        // If the client has disconnected, nobody needs the answer.
        let _ = sender.send(outcome);
        reader.drain().await;
    });
    answer.await.unwrap_or(Err(Refusal::Busy))
}

/// `DELETE`: cancels the upload.
pub(in crate::server) async fn delete(
    State(server): State<Server>,
    caller: Caller,
    PathBlob(name): PathBlob,
) -> Result<StatusCode, Refusal> {
    let upload = find(&server, &caller, &name).await?;
    if !caller.store.blobs().cancel_upload(upload.object).await? {
        return Err(Refusal::NotFound(Missing::Upload));
    }
    server.blobs().remove(upload.object).await;
    Ok(StatusCode::NO_CONTENT)
}

/// The upload under this name, once no request writes it any more.
async fn find(server: &Server, caller: &Caller, name: &BlobName) -> Result<Upload, Refusal> {
    let blobs = caller.store.blobs();
    let upload = blobs.upload(name).await?.ok_or(Refusal::NotFound(Missing::Upload))?;
    without_writer(server, blobs, upload).await
}
