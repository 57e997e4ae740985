//! `PUT` and `POST /v1/users/{user}/bundles/{namespace}`: many small blobs come or go in one request. What a request of its
//! own would check is checked for each; a bundle that is malformed or was cut leaves nothing.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;

use super::keep::{Arrived, keep};
use super::put::make_room;
use super::records::{Name, Record};
use super::source::Source;
use super::uploads::Announced;
use crate::protocol::{
    BUNDLE, BUNDLE_BLOBS, BUNDLE_BYTES, BUNDLE_LIMIT, BUNDLED_BYTES, BlobId, BundleDecoder, BundleError, BundleItem,
    BundleWanted, Bundled, BundledBlob, Namespace, encode_item,
};
use crate::server::Server;
use crate::server::body;
use crate::server::caller::{Caller, PathNamespace, malformed};
use crate::server::conditions::header;
use crate::server::refusal::Refusal;

/// Most bytes of a list of wanted ids.
const WANTED_LIMIT: usize = 128 << 10;

/// `PUT`: blobs come. The answer says of each, in order, what its own request would have got.
pub(in crate::server) async fn put(
    State(server): State<Server>,
    caller: Caller,
    PathNamespace(namespace): PathNamespace,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Vec<Bundled>>, Refusal> {
    if header(&headers, CONTENT_TYPE.as_str()) != Some(BUNDLE) {
        return Err(Refusal::UnsupportedMediaType(BUNDLE));
    }
    let _turn = server.blobs().write_turn(caller.store.shelf())?;
    let begun = caller.store.shelf().now().await?;
    let mut source = Source::new(body, &headers, caller.patience, server.blobs().stopping().clone());
    let received = receive(&mut source, &namespace).await;
    server.metrics().received(source.received());
    let arrived = match received {
        Ok(arrived) => arrived,
        Err(refusal) => {
            tokio::spawn(source.drain());
            return Err(refusal);
        }
    };
    let ids: Vec<BlobId> = arrived.iter().map(|blob| blob.announced.name.id.clone()).collect();
    // Whether it was enough room is decided for each blob, in the transaction that counts it.
    let bytes = arrived.iter().map(|blob| blob.announced.length).sum();
    make_room(&server, caller.store.shelf(), caller.quota, bytes).await?;
    // A task of its own, which a client that goes away does not cut short.
    let kept = tokio::spawn(async move { keep(&server, &caller, arrived, begun).await });
    let kept = kept.await.unwrap_or(Err(Refusal::Busy))?;
    let answers = ids.into_iter().zip(kept).map(|(id, kept)| match kept {
        Ok(kept) => Bundled { id, status: kept.status.as_u16(), problem: None },
        Err(refusal) => {
            let problem = refusal.problem();
            Bundled { id, status: problem.status, problem: Some(problem) }
        }
    });
    Ok(Json(answers.collect()))
}

async fn receive(source: &mut Source, namespace: &Namespace) -> Result<Vec<Arrived>, Refusal> {
    let mut decoder = BundleDecoder::default();
    let mut arrived = Vec::new();
    while let Some(piece) = source.next(BUNDLE_LIMIT as u64).await? {
        decoder.push(&piece);
        while let Some(item) = decoder.next_item()? {
            match item {
                BundleItem::Blob(blob) => arrived.push(announced(blob, namespace)),
                BundleItem::End => {}
                _ => return Err(Refusal::Malformed("a bundle that is sent has blobs only".to_owned())),
            }
        }
    }
    if decoder.is_ended() {
        Ok(arrived)
    } else {
        Err(Refusal::Malformed("the bundle was cut short: send it again".to_owned()))
    }
}

fn announced(blob: BundledBlob, namespace: &Namespace) -> Arrived {
    let BundledBlob { id, flags, digest, content } = blob;
    let name = Name { namespace: namespace.clone(), id };
    Arrived { announced: Announced { name, length: content.len() as u64, digest, flags }, content }
}

/// `POST`: blobs go. They come in the order in which they are asked for, until the bundle is full; whatever the answer
/// does not mention is to be asked for again.
pub(in crate::server) async fn post(
    State(server): State<Server>,
    caller: Caller,
    PathNamespace(namespace): PathNamespace,
    body: Body,
) -> Result<Response, Refusal> {
    let bytes = body::read(body, WANTED_LIMIT, caller.patience).await?;
    let BundleWanted { ids } = serde_json::from_slice(&bytes).map_err(malformed)?;
    if ids.len() > BUNDLE_BLOBS {
        return Err(Refusal::TooLarge(format!("at most {BUNDLE_BLOBS} blobs can be asked for at once")));
    }
    let found = caller.store.shelf().find_bundle(namespace, ids, BUNDLED_BYTES, BUNDLE_BYTES).await?;
    let mut bundle = BytesMut::with_capacity(BUNDLE_LIMIT.min(found.iter().map(|found| found.bytes() + 300).sum()));
    for found in found {
        encode_item(&mut bundle, &item(&server, found).await?);
    }
    encode_item(&mut bundle, &BundleItem::End);
    server.metrics().sent(bundle.len());
    Ok(([(CONTENT_TYPE, BUNDLE)], Body::from(bundle.freeze())).into_response())
}

/// A blob that was asked for.
pub(super) enum Found {
    /// There is none.
    Absent(BlobId),
    /// It does not fit.
    Alone(BlobId),
    /// It is there, and perhaps its content is at hand.
    Blob(Record, Option<Bytes>),
}

impl Found {
    fn bytes(&self) -> usize {
        if let Self::Blob(record, _) = self { record.entry.length as usize } else { 0 }
    }
}

async fn item(server: &Server, found: Found) -> Result<BundleItem, Refusal> {
    let (record, content) = match found {
        Found::Absent(id) => return Ok(BundleItem::Absent(id)),
        Found::Alone(id) => return Ok(BundleItem::Alone(id)),
        Found::Blob(record, content) => (record, content),
    };
    let content = match content {
        Some(content) => content,
        None if record.entry.length == 0 => Bytes::new(),
        None => {
            let mut pieces = server.blobs().backend().read(record.object, 0..record.entry.length).await?;
            let mut content = BytesMut::with_capacity(record.entry.length as usize);
            while let Some(piece) = pieces.try_next().await? {
                content.extend_from_slice(&piece);
            }
            content.freeze()
        }
    };
    let entry = record.entry;
    Ok(BundleItem::Blob(BundledBlob { id: entry.id, flags: entry.flags, digest: entry.digest, content }))
}

impl From<BundleError> for Refusal {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Malformed(_) => Self::Malformed(error.to_string()),
            BundleError::BlobTooLarge(_) | BundleError::TooLarge => Self::TooLarge(error.to_string()),
        }
    }
}
