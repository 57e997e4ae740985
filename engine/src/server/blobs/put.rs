//! `PUT /v1/users/{user}/blobs/{namespace}/{id}`: a blob comes, at once or with pauses. Its length and digest are known
//! before its first byte, so a blob that is there already costs no transfer, and one that does not fit is refused at once.

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

use super::backend::{ObjectName, Start};
use super::deletions::Moment;
use super::fields::{CONTENT_DIGEST, REPR_DIGEST, UPLOAD_LENGTH, complete, digest, number};
use super::keep::{Arrived, keep};
use super::records::Record;
use super::resume;
use super::shelf::{GONE, Shelf};
use super::source::Source;
use super::turns::Turn;
use super::uploads::{Announced, Entered, Reservation, Upload};
use crate::protocol::{BUNDLED_BYTES, BlobDigest, BlobFlags};
use crate::server::Server;
use crate::server::caller::{Caller, PathBlob, malformed};
use crate::server::conditions::Conditions;
use crate::server::refusal::Refusal;

/// Bytes up to which a blob is received before anything is stored, which saves a transaction.
const SMALL: u64 = BUNDLED_BYTES as u64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct PutQuery {
    /// Flags that the blob has from the first moment on.
    #[serde(default)]
    flags: String,
}

/// How a blob comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// In this request; if that breaks, nothing stays.
    Whole,
    /// In this request and others after it. Whether this one is the last.
    Resumable(bool),
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
    let mode = complete(&headers)?.map_or(Mode::Whole, Mode::Resumable);
    let length = length(&headers, mode)?;
    let limit = server.blobs().limits().blob_bytes;
    if length > limit {
        return Err(Refusal::TooLarge(format!("a blob may have {limit} bytes")));
    }
    let announced = Announced { name, length, digest: announced_digest(&headers, mode)?, flags };
    let conditions = Conditions::of(&headers);
    let mut source = Source::new(body, &headers, caller.patience, server.blobs().stopping().clone());
    let (tell, answer) = oneshot::channel();
    // A task of its own, which a client that goes away does not cut short.
    tokio::spawn(async move {
        let outcome = Putting { server: &server, caller: &caller, announced, source: &mut source };
        let outcome = outcome.put(mode, &conditions, &uri).await;
        server.metrics().received(source.received());
        // Who went away does not want to know.
        let _ = tell.send(outcome);
        source.drain().await;
    });
    answer.await.unwrap_or(Err(Refusal::Busy))
}

fn length(headers: &HeaderMap, mode: Mode) -> Result<u64, Refusal> {
    let body = number(headers, CONTENT_LENGTH.as_str())?.filter(|_| mode != Mode::Resumable(false));
    match (number(headers, UPLOAD_LENGTH)?, body) {
        (Some(announced), Some(body)) if announced != body => {
            Err(Refusal::Malformed(format!("Upload-Length says {announced} bytes, Content-Length {body}")))
        }
        (announced, body) => announced.or(body).ok_or(Refusal::LengthRequired),
    }
}

fn announced_digest(headers: &HeaderMap, mode: Mode) -> Result<BlobDigest, Refusal> {
    let body = digest(headers, CONTENT_DIGEST)?.filter(|_| mode != Mode::Resumable(false));
    match (digest(headers, REPR_DIGEST)?, body) {
        (Some(whole), Some(body)) if whole != body => Err(Refusal::Malformed(
            "Repr-Digest and Content-Digest differ though the body is the whole blob".to_owned(),
        )),
        (whole, body) => whole.or(body).ok_or(Refusal::DigestRequired),
    }
}

/// A blob that comes.
struct Putting<'a> {
    server: &'a Server,
    caller: &'a Caller,
    announced: Announced,
    source: &'a mut Source,
}

impl Putting<'_> {
    async fn put(mut self, mode: Mode, conditions: &Conditions, uri: &Uri) -> Result<Response, Refusal> {
        let shelf = self.caller.store.shelf();
        let _turn = self.server.blobs().write_turn(shelf)?;
        let (present, begun) = shelf.find_now(&self.announced.name).await?;
        let tag = present.as_ref().map(Record::tag);
        if !conditions.matches(tag.as_deref()) || !conditions.is_news(tag.as_deref()) {
            return Err(Refusal::PreconditionFailed);
        }
        if let Some(record) = present {
            let Announced { length, digest, .. } = self.announced;
            let same = record.entry.length == length && record.entry.digest == digest;
            return if same { Ok(unchanged(&record)) } else { Err(Refusal::BlobConflict) };
        }
        if let Mode::Resumable(last) = mode {
            return resume::begin(self.server, self.caller, self.announced, begun, last, uri, self.source).await;
        }
        check_quota(self.server, shelf, self.caller.quota, self.announced.length).await?;
        if self.announced.length <= SMALL {
            return self.put_small(begun).await;
        }
        let object = self.server.blobs().processes().name(shelf.user());
        // Taken before the upload can be found, so that who ends it never misses it.
        let turn = shelf.turns().begin(object).ok_or(Refusal::Busy)?;
        shelf.reserve(self.upload(object), false, self.caller.quota, begun).await?;
        let received = self.receive(object, &turn).await;
        drop(turn);
        if let Err(refusal) = received {
            return Err(if shelf.give_up(object).await? { refusal } else { GONE });
        }
        enter(self.server, self.caller, object, self.announced, Reservation::Upload).await
    }

    /// Receives and verifies first, then stores: no trace of what is refused.
    async fn put_small(self, begun: Moment) -> Result<Response, Refusal> {
        let mut content = BytesMut::with_capacity(self.announced.length as usize);
        while let Some(piece) = self.source.next(self.announced.length).await? {
            content.extend_from_slice(&piece);
        }
        check_length(&self.announced, self.source.received())?;
        let arrived = Arrived { announced: self.announced, content: content.freeze() };
        let kept = keep(self.server, self.caller, vec![arrived], begun).await?.pop().unwrap_or(Err(Refusal::Busy))?;
        Ok((kept.status, [(ETAG, kept.record.tag())]).into_response())
    }

    /// The upload that reserves the length.
    fn upload(&self, object: ObjectName) -> Upload {
        let blobs = self.server.blobs();
        Upload {
            announced: self.announced.clone(),
            object,
            offset: 0,
            writer: Some(blobs.processes().own()),
            expires: blobs.expiry(),
        }
    }

    /// Stores while the body arrives, unless the turn ends before.
    async fn receive(&mut self, object: ObjectName, turn: &Turn) -> Result<(), Refusal> {
        let blobs = self.server.blobs();
        let mut writer = blobs.backend().write(object, Start::Whole).await?;
        let mut hash = Context::new(&SHA256);
        let received = async {
            loop {
                let piece = tokio::select! {
                    piece = self.source.next(self.announced.length) => piece?,
                    () = turn.ended() => return Err(GONE),
                };
                let Some(piece) = piece else { break };
                hash.update(&piece);
                writer.write(piece).await?;
            }
            verify(&self.announced, self.source.received(), hash)
        };
        if let Err(refusal) = received.await {
            if let Err(error) = writer.discard().await {
                tracing::warn!(%error, "a refused blob could not be removed; the next start of the server will");
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

/// Refuses early what will not fit. The transaction that counts it has the last word.
pub(in crate::server) async fn check_quota(
    server: &Server,
    shelf: &Shelf,
    quota: u64,
    length: u64,
) -> Result<(), Refusal> {
    if make_room(server, shelf, quota, length).await? { Ok(()) } else { Err(Refusal::QuotaExceeded) }
}

/// Says whether so many bytes fit now, after giving up what nobody goes on with where that is needed.
pub(super) async fn make_room(server: &Server, shelf: &Shelf, quota: u64, length: u64) -> Result<bool, Refusal> {
    let fits = |used: u64| used.saturating_add(length) <= quota;
    if fits(shelf.usage().await?) {
        return Ok(true);
    }
    let cleared = server.blobs().clear_lost(shelf).await?;
    Ok(cleared > 0 && fits(shelf.usage().await?))
}

/// Refuses a content that is not what was announced.
pub(super) fn verify(announced: &Announced, received: u64, hash: Context) -> Result<(), Refusal> {
    check_length(announced, received)?;
    if hash.finish().as_ref() == announced.digest.0 { Ok(()) } else { Err(Refusal::DigestMismatch) }
}

/// Refuses a body that ended early.
fn check_length(announced: &Announced, received: u64) -> Result<(), Refusal> {
    if received == announced.length {
        return Ok(());
    }
    Err(Refusal::Malformed(format!("the body ended after {received} of {} bytes: send it again", announced.length)))
}

/// Makes a blob of a content that is durable and verified. Where it becomes none, the content is removed.
pub(super) async fn enter(
    server: &Server,
    caller: &Caller,
    object: ObjectName,
    announced: Announced,
    reservation: Reservation,
) -> Result<Response, Refusal> {
    let (entered, obsolete) = caller.store.shelf().enter(object, announced, reservation).await?;
    for object in obsolete {
        caller.store.shelf().turns().interrupt(object).await;
        server.blobs().remove(object).await;
    }
    if !matches!(entered, Entered::New(_)) {
        server.blobs().remove(object).await;
    }
    match entered {
        Entered::New(record) => Ok((StatusCode::CREATED, [(ETAG, record.tag())]).into_response()),
        Entered::Same(record) => Ok(unchanged(&record)),
        Entered::Conflict => Err(Refusal::BlobConflict),
        Entered::Gone => Err(GONE),
        Entered::Unclear => Err(Refusal::Busy),
        Entered::OverQuota => Err(Refusal::QuotaExceeded),
    }
}

fn unchanged(record: &Record) -> Response {
    (StatusCode::NO_CONTENT, [(ETAG, record.tag())]).into_response()
}
