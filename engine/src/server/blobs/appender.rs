//! Appends to resumable uploads. A request makes durable what it received however it ends, so that a later one can resume
//! there.

use aws_lc_rs::digest::{Context, SHA256};
use axum::http::header::{ETAG, LOCATION};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;

use super::backend::{BackendError, Start, Writer};
use super::deletions::LastDeletion;
use super::headers::{UPLOAD_COMPLETE, UPLOAD_LIMIT, UPLOAD_OFFSET};
use super::store::{enter, verify};
use super::upload_locks::UploadLock;
use super::upload_records::{BlobSpec, Reservation, Upload};
use super::user_blobs::UserBlobs;
use crate::server::Server;
use crate::server::body::BodyReader;
use crate::server::caller::Caller;
use crate::server::clock::now;
use crate::server::refusal::{Missing, Refusal};

/// Received bytes after which an upload is made durable while more arrives.
const CHECKPOINT: u64 = 16 << 20;

/// The upload as it is once no request writes it any more.
pub(super) async fn without_writer(server: &Server, blobs: &UserBlobs, upload: Upload) -> Result<Upload, Refusal> {
    if !blobs.upload_locks().interrupt(upload.object).await {
        return Err(Refusal::Busy);
    }
    let upload = blobs.upload(&upload.spec.name).await?.ok_or(Refusal::NotFound(Missing::Upload))?;
    let processes = server.blobs().processes();
    // A request in another process cannot be interrupted; it ends when its client's timeout does.
    let elsewhere = upload.writer.is_some_and(|writer| writer != processes.own_id() && processes.is_alive(writer));
    if elsewhere { Err(Refusal::Busy) } else { Ok(upload) }
}

/// Begins an upload, which replaces any other under its name.
pub(super) async fn begin(
    server: &Server,
    caller: &Caller,
    spec: BlobSpec,
    begun: LastDeletion,
    last: bool,
    uri: &Uri,
    reader: &mut BodyReader,
) -> Result<Response, Refusal> {
    let (service, blobs) = (server.blobs(), caller.store.blobs());
    if let Some(earlier) = blobs.upload(&spec.name).await? {
        without_writer(server, blobs, earlier).await?;
    }
    let object = service.processes().new_object_name(blobs.user());
    let (writer, expires) = (Some(service.processes().own_id()), service.upload_expiry());
    let upload = Upload { spec, object, offset: 0, writer, expires };
    let reserved = match blobs.reserve(upload.clone(), true, caller.quota, begun).await {
        Err(Refusal::QuotaExceeded) if service.remove_abandoned(blobs).await? > 0 => {
            blobs.reserve(upload.clone(), true, caller.quota, begun).await
        }
        reserved => reserved,
    };
    if let Some(replaced) = reserved? {
        service.remove(replaced).await;
    }
    let mut response = append(server, caller, upload, last, reader).await?;
    if !last {
        *response.status_mut() = StatusCode::CREATED;
        if let Ok(location) = format!("{}/upload", uri.path()).parse() {
            response.headers_mut().insert(LOCATION, location);
        }
    }
    Ok(response)
}

/// Appends a body to an upload that this process has claimed; the `last` body completes the blob. If the upload ended in
/// the meantime, its content is removed.
pub(super) async fn append(
    server: &Server,
    caller: &Caller,
    upload: Upload,
    last: bool,
    reader: &mut BodyReader,
) -> Result<Response, Refusal> {
    let object = upload.object;
    let outcome = append_to(server, caller, upload, last, reader).await;
    if let Err(Refusal::NotFound(Missing::Upload | Missing::UploadEnded)) = outcome {
        server.blobs().remove(object).await;
    }
    outcome
}

async fn append_to(
    server: &Server,
    caller: &Caller,
    upload: Upload,
    last: bool,
    reader: &mut BodyReader,
) -> Result<Response, Refusal> {
    let blobs = caller.store.blobs();
    let lock = blobs.upload_locks().try_lock(upload.object).ok_or(Refusal::Busy)?;
    let writer = match server.blobs().backend().write(upload.object, Start::At(upload.offset)).await {
        Err(BackendError::Absent(_)) => {
            tracing::error!(object = %upload.object, user = blobs.user(), "the content of an upload is missing");
            blobs.cancel_upload(upload.object).await?;
            return Err(Refusal::NotFound(Missing::Upload));
        }
        begun => begun?,
    };
    let hash = match last {
        true => Some(hash_of_start(server, &upload).await?),
        false => None,
    };
    let written = upload.offset;
    let mut appender = Appender { server, blobs, upload, writer, hash, written };
    let received = appender.receive(reader, &lock).await;
    if received.is_ok()
        && appender.written == appender.upload.spec.length
        && let Some(hash) = appender.hash.take()
    {
        return appender.finish(caller, hash).await;
    }
    let released = match appender.release().await {
        Err(ended @ Refusal::NotFound(Missing::UploadEnded)) => return Err(ended),
        released => released,
    };
    received?;
    let Upload { spec, offset, .. } = released?;
    if last {
        let text = format!("the body ended at byte {offset} of {}: resume there", spec.length);
        return Err(Refusal::Malformed(text));
    }
    Ok(progress(server, offset))
}

/// An upload that one request appends to.
struct Appender<'a> {
    server: &'a Server,
    blobs: &'a UserBlobs,
    /// Its offset is the number of durable bytes.
    upload: Upload,
    writer: Box<dyn Writer>,
    /// The digest of everything up to `written`, if this request is the last one.
    hash: Option<Context>,
    written: u64,
}

impl Appender<'_> {
    /// Writes the body as it arrives, and makes it durable at every checkpoint.
    async fn receive(&mut self, reader: &mut BodyReader, lock: &UploadLock) -> Result<(), Refusal> {
        let remaining = self.upload.spec.length - self.upload.offset;
        loop {
            let chunk = tokio::select! {
                chunk = reader.next(remaining) => chunk?,
                () = lock.interrupted() => return Err(Refusal::Busy),
            };
            let Some(chunk) = chunk else { return Ok(()) };
            if let Some(hash) = &mut self.hash {
                hash.update(&chunk);
            }
            let length = chunk.len() as u64;
            self.writer.write(chunk).await?;
            self.written += length;
            if self.written - self.upload.offset >= CHECKPOINT {
                self.make_durable(false).await?;
            }
        }
    }

    /// Makes durable what was received and releases the upload, however the request ended. If that fails, the offset stays
    /// as it was.
    async fn release(mut self) -> Result<Upload, Refusal> {
        if let Err(refusal) = self.make_durable(true).await {
            self.blobs.advance(&self.upload, self.server.blobs().processes().own_id(), true).await?;
            return Err(refusal);
        }
        Ok(self.upload)
    }

    async fn make_durable(&mut self, release: bool) -> Result<(), Refusal> {
        self.writer.sync().await?;
        self.upload.offset = self.written;
        self.upload.expires = self.server.blobs().upload_expiry();
        self.blobs.advance(&self.upload, self.server.blobs().processes().own_id(), release).await
    }

    /// Makes a blob of an upload that has all its bytes, if their digest is correct.
    async fn finish(self, caller: &Caller, hash: Context) -> Result<Response, Refusal> {
        let Self { server, blobs, upload, writer, written, .. } = self;
        if let Err(refusal) = verify(&upload.spec, written, hash) {
            blobs.cancel_upload(upload.object).await?;
            writer.discard().await?;
            return Err(refusal);
        }
        if let Err(error) = writer.finish().await {
            // The client may resume at the last durable offset, unless the failure was that the upload had been cancelled.
            blobs.advance(&upload, server.blobs().processes().own_id(), true).await?;
            return Err(error.into());
        }
        let (status, blob) = enter(server, caller, upload.object, upload.spec, Reservation::Upload).await?;
        let mut response = (status, [(ETAG, blob.tag())]).into_response();
        response.headers_mut().insert(UPLOAD_COMPLETE, HeaderValue::from_static("?1"));
        Ok(response)
    }
}

/// The digest of what earlier requests brought.
async fn hash_of_start(server: &Server, upload: &Upload) -> Result<Context, Refusal> {
    let mut hash = Context::new(&SHA256);
    if upload.offset > 0 {
        let mut content = server.blobs().backend().read_partial(upload.object, upload.offset).await?;
        while let Some(chunk) = content.try_next().await? {
            hash.update(&chunk);
        }
    }
    Ok(hash)
}

fn progress(server: &Server, offset: u64) -> Response {
    let fields = [
        (UPLOAD_COMPLETE, "?0".to_owned()),
        (UPLOAD_OFFSET, offset.to_string()),
        (UPLOAD_LIMIT, upload_limit(server, server.blobs().upload_expiry())),
    ];
    (StatusCode::NO_CONTENT, fields).into_response()
}

/// The `Upload-Limit` of an upload that expires at a time in seconds since 1970.
pub(super) fn upload_limit(server: &Server, expires: i64) -> String {
    let remaining = expires.saturating_sub(now()).max(0);
    format!("max-size={}, max-age={remaining}", server.blobs().limits().blob_bytes)
}
