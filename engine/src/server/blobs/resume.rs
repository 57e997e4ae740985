//! `/v1/users/{user}/blobs/{namespace}/{id}/upload`: a blob that comes in several requests, by a subset of
//! draft-ietf-httpbis-resumable-upload that `docs/PROTOCOL.md` names. The offset that is told is durable and never goes
//! back; whatever breaks, the client asks for it and goes on there.

use aws_lc_rs::digest::{Context, SHA256};
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;
use tokio::sync::oneshot;

use super::backend::{BackendError, Start, Writer};
use super::deletions::Moment;
use super::fields::{
    REPR_DIGEST, UPLOAD_COMPLETE, UPLOAD_LENGTH, UPLOAD_LIMIT, UPLOAD_OFFSET, complete, digest_field, number,
};
use super::put::{enter, verify};
use super::shelf::Shelf;
use super::source::Source;
use super::turns::Turn;
use super::uploads::{Announced, Reservation, Upload};
use crate::protocol::PARTIAL_UPLOAD;
use crate::server::Server;
use crate::server::caller::{Caller, PathBlob};
use crate::server::clock::now;
use crate::server::conditions::header;
use crate::server::refusal::Refusal;

/// Bytes after which what came is made durable while more comes.
const CHECKPOINT: u64 = 16 << 20;

const NO_UPLOAD: Refusal = Refusal::NotFound("no upload of this blob is under way: begin one with PUT");

/// `HEAD`: how far the upload has come. It ends a request that still appends, so that the answer holds.
pub(in crate::server) async fn head(
    State(server): State<Server>,
    caller: Caller,
    PathBlob(name): PathBlob,
) -> Result<Response, Refusal> {
    let shelf = caller.store.shelf();
    if let Some(record) = shelf.find(&name).await? {
        let fields = [
            (UPLOAD_COMPLETE, "?1".to_owned()),
            (UPLOAD_OFFSET, record.entry.length.to_string()),
            (UPLOAD_LENGTH, record.entry.length.to_string()),
            (REPR_DIGEST, digest_field(record.entry.digest)),
        ];
        return Ok((StatusCode::NO_CONTENT, fields, [(ETAG, record.tag())]).into_response());
    }
    let upload = settled(&server, shelf, shelf.upload(&name).await?.ok_or(NO_UPLOAD)?).await?;
    let fields = [
        (UPLOAD_COMPLETE, "?0".to_owned()),
        (UPLOAD_OFFSET, upload.offset.to_string()),
        (UPLOAD_LENGTH, upload.announced.length.to_string()),
        (UPLOAD_LIMIT, limit(&server, upload.expires)),
        (REPR_DIGEST, digest_field(upload.announced.digest)),
    ];
    Ok((StatusCode::NO_CONTENT, fields, [(CACHE_CONTROL, "no-store")]).into_response())
}

/// `PATCH`: more of the blob.
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
    let mut source = Source::new(body, &headers, caller.patience, server.blobs().stopping().clone());
    let (tell, answer) = oneshot::channel();
    tokio::spawn(async move {
        let outcome = async {
            let shelf = caller.store.shelf();
            let _turn = server.blobs().write_turn(shelf)?;
            let upload = settled(&server, shelf, shelf.upload(&name).await?.ok_or(NO_UPLOAD)?).await?;
            if upload.offset != offset {
                return Err(Refusal::OffsetMismatch(upload.offset));
            }
            shelf.take(upload.object, server.blobs().processes().own()).await?;
            append(&server, &caller, upload, last, &mut source).await
        };
        let outcome = outcome.await;
        server.metrics().received(source.received());
        // Who went away does not want to know.
        let _ = tell.send(outcome);
        source.drain().await;
    });
    answer.await.unwrap_or(Err(Refusal::Busy))
}

/// `DELETE`: gives the upload up.
pub(in crate::server) async fn delete(
    State(server): State<Server>,
    caller: Caller,
    PathBlob(name): PathBlob,
) -> Result<StatusCode, Refusal> {
    let shelf = caller.store.shelf();
    let upload = settled(&server, shelf, shelf.upload(&name).await?.ok_or(NO_UPLOAD)?).await?;
    if !shelf.give_up(upload.object).await? {
        return Err(NO_UPLOAD);
    }
    server.blobs().remove(upload.object).await;
    Ok(StatusCode::NO_CONTENT)
}

/// The upload as it is when nobody writes it any more.
async fn settled(server: &Server, shelf: &Shelf, upload: Upload) -> Result<Upload, Refusal> {
    if !shelf.turns().interrupt(upload.object).await {
        return Err(Refusal::Busy);
    }
    let upload = shelf.upload(&upload.announced.name).await?.ok_or(NO_UPLOAD)?;
    let processes = server.blobs().processes();
    // Another process that writes it cannot be told to end; it does when its client's silence does.
    let elsewhere = upload.writer.is_some_and(|writer| writer != processes.own() && processes.is_alive(writer));
    if elsewhere { Err(Refusal::Busy) } else { Ok(upload) }
}

/// Begins an upload in place of any other under its name.
pub(super) async fn begin(
    server: &Server,
    caller: &Caller,
    announced: Announced,
    begun: Moment,
    last: bool,
    uri: &Uri,
    source: &mut Source,
) -> Result<Response, Refusal> {
    let (blobs, shelf) = (server.blobs(), caller.store.shelf());
    if let Some(earlier) = shelf.upload(&announced.name).await? {
        settled(server, shelf, earlier).await?;
    }
    let object = blobs.processes().name(shelf.user());
    let upload =
        Upload { announced, object, offset: 0, writer: Some(blobs.processes().own()), expires: blobs.expiry() };
    let reserved = match shelf.reserve(upload.clone(), true, caller.quota, begun).await {
        Err(Refusal::QuotaExceeded) if blobs.clear_lost(shelf).await? > 0 => {
            shelf.reserve(upload.clone(), true, caller.quota, begun).await
        }
        reserved => reserved,
    };
    if let Some(replaced) = reserved? {
        blobs.remove(replaced).await;
    }
    let mut response = append(server, caller, upload, last, source).await?;
    if !last {
        *response.status_mut() = StatusCode::CREATED;
        if let Ok(place) = format!("{}/upload", uri.path()).parse() {
            response.headers_mut().insert(LOCATION, place);
        }
    }
    Ok(response)
}

/// Appends a body to an upload that this process has taken; the `last` one makes the blob whole. Where the upload ended
/// meanwhile, nothing of it stays.
async fn append(
    server: &Server,
    caller: &Caller,
    upload: Upload,
    last: bool,
    source: &mut Source,
) -> Result<Response, Refusal> {
    let object = upload.object;
    let outcome = append_to(server, caller, upload, last, source).await;
    if let Err(Refusal::NotFound(_)) = outcome {
        server.blobs().remove(object).await;
    }
    outcome
}

async fn append_to(
    server: &Server,
    caller: &Caller,
    upload: Upload,
    last: bool,
    source: &mut Source,
) -> Result<Response, Refusal> {
    let (blobs, shelf) = (server.blobs(), caller.store.shelf());
    let turn = shelf.turns().begin(upload.object).ok_or(Refusal::Busy)?;
    let writer = match blobs.backend().write(upload.object, Start::At(upload.offset)).await {
        Err(BackendError::Absent(_)) => {
            tracing::error!(object = %upload.object, user = shelf.user(), "an upload's content is not there");
            shelf.give_up(upload.object).await?;
            return Err(NO_UPLOAD);
        }
        begun => begun?,
    };
    let hash = match last {
        true => Some(hash_of_start(server, &upload).await?),
        false => None,
    };
    let written = upload.offset;
    let mut appending = Appending { server, shelf, upload, writer, hash, written };
    let filled = appending.fill(source, &turn).await;
    if filled.is_ok()
        && appending.written == appending.upload.announced.length
        && let Some(hash) = appending.hash.take()
    {
        return appending.finish(caller, hash).await;
    }
    let kept = match appending.keep().await {
        Err(gone @ Refusal::NotFound(_)) => return Err(gone),
        kept => kept,
    };
    filled?;
    let Upload { announced, offset, .. } = kept?;
    if last {
        let text = format!("the body ended at {offset} of {} bytes: go on there", announced.length);
        return Err(Refusal::Malformed(text));
    }
    Ok(progress(server, offset))
}

/// An upload that one request appends to.
struct Appending<'a> {
    server: &'a Server,
    shelf: &'a Shelf,
    /// Its offset is what is durable.
    upload: Upload,
    writer: Box<dyn Writer>,
    /// Of everything up to `written`, where this request is the last one.
    hash: Option<Context>,
    written: u64,
}

impl Appending<'_> {
    /// Writes what arrives, and makes it durable now and then.
    async fn fill(&mut self, source: &mut Source, turn: &Turn) -> Result<(), Refusal> {
        let room = self.upload.announced.length - self.upload.offset;
        loop {
            let piece = tokio::select! {
                piece = source.next(room) => piece?,
                () = turn.ended() => return Err(Refusal::Busy),
            };
            let Some(piece) = piece else { return Ok(()) };
            if let Some(hash) = &mut self.hash {
                hash.update(&piece);
            }
            let length = piece.len() as u64;
            self.writer.write(piece).await?;
            self.written += length;
            if self.written - self.upload.offset >= CHECKPOINT {
                self.make_durable(false).await?;
            }
        }
    }

    /// Keeps what came, however the request ended. Where even that fails, the offset stays where it was.
    async fn keep(mut self) -> Result<Upload, Refusal> {
        if let Err(refusal) = self.make_durable(true).await {
            self.shelf.advance(&self.upload, self.server.blobs().processes().own(), true).await?;
            return Err(refusal);
        }
        Ok(self.upload)
    }

    async fn make_durable(&mut self, done: bool) -> Result<(), Refusal> {
        self.writer.sync().await?;
        self.upload.offset = self.written;
        self.upload.expires = self.server.blobs().expiry();
        self.shelf.advance(&self.upload, self.server.blobs().processes().own(), done).await
    }

    /// Makes the blob of an upload that has all its bytes, if they are the right ones.
    async fn finish(self, caller: &Caller, hash: Context) -> Result<Response, Refusal> {
        let Self { server, shelf, upload, writer, written, .. } = self;
        if let Err(refusal) = verify(&upload.announced, written, hash) {
            shelf.give_up(upload.object).await?;
            writer.discard().await?;
            return Err(refusal);
        }
        if let Err(error) = writer.finish().await {
            // It may be gone on with from where it was, unless it was given up, which is why it failed then.
            shelf.advance(&upload, server.blobs().processes().own(), true).await?;
            return Err(error.into());
        }
        let mut response = enter(server, caller, upload.object, upload.announced, Reservation::Upload).await?;
        response.headers_mut().insert(UPLOAD_COMPLETE, HeaderValue::from_static("?1"));
        Ok(response)
    }
}

/// The digest so far of what earlier requests brought.
async fn hash_of_start(server: &Server, upload: &Upload) -> Result<Context, Refusal> {
    let mut hash = Context::new(&SHA256);
    if upload.offset > 0 {
        let mut content = server.blobs().backend().read_partial(upload.object, upload.offset).await?;
        while let Some(piece) = content.try_next().await? {
            hash.update(&piece);
        }
    }
    Ok(hash)
}

fn progress(server: &Server, offset: u64) -> Response {
    let fields = [
        (UPLOAD_COMPLETE, "?0".to_owned()),
        (UPLOAD_OFFSET, offset.to_string()),
        (UPLOAD_LIMIT, limit(server, server.blobs().expiry())),
    ];
    (StatusCode::NO_CONTENT, fields).into_response()
}

fn limit(server: &Server, expires: i64) -> String {
    let left = expires.saturating_sub(now()).max(0);
    format!("max-size={}, max-age={left}", server.blobs().limits().blob_bytes)
}
