//! `PUT` and `POST /v1/users/{user}/bundles/{namespace}`: uploads or downloads many small blobs in one request. Each
//! blob is checked as in a request of its own. Nothing of a malformed or incomplete bundle is stored.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;

use super::blob_records::BlobName;
use super::store::{ReceivedBlob, store_small};
use super::upload_records::BlobSpec;
use super::user_blobs::BundleLookup;
use crate::protocol::{
    BUNDLE, BUNDLE_BLOBS, BUNDLE_BYTES, BUNDLE_LIMIT, BUNDLED_BYTES, BlobId, BundleDecoder, BundleError, BundleItem,
    BundleWanted, Bundled, BundledBlob, Namespace, encode_item,
};
use crate::server::Server;
use crate::server::body::{self, BodyReader};
use crate::server::caller::{Caller, PathNamespace, malformed};
use crate::server::conditions::header;
use crate::server::refusal::Refusal;

/// Most bytes of a list of requested ids.
const REQUEST_LIMIT: usize = 128 << 10;

/// `PUT`: uploads blobs. The answer lists, in order, the status that each would have had in a request of its own.
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
    let _permit = server.blobs().acquire_write(caller.store.blobs())?;
    let begun = caller.store.blobs().last_deletion().await?;
    let mut reader = BodyReader::new(body, &headers, caller.body_timeout, server.blobs().stopping().clone());
    let received = receive(&mut reader, &namespace).await;
    server.metrics().add_received(reader.received());
    let received = match received {
        Ok(received) => received,
        Err(refusal) => {
            tokio::spawn(reader.drain());
            return Err(refusal);
        }
    };
    let ids: Vec<BlobId> = received.iter().map(|blob| blob.spec.name.id.clone()).collect();
    // Whether a blob fits is decided in the transaction that stores it.
    let bytes = received.iter().map(|blob| blob.spec.length).sum();
    server.blobs().make_room(caller.store.blobs(), caller.quota, bytes).await?;
    // A separate task, so that a client that disconnects does not cancel it.
    let results = tokio::spawn(async move { store_small(&server, &caller, received, begun).await });
    let results = results.await.unwrap_or(Err(Refusal::Busy))?;
    let answers = ids.into_iter().zip(results).map(|(id, result)| match result {
        Ok((status, _)) => Bundled { id, status: status.as_u16(), problem: None },
        Err(refusal) => {
            let problem = refusal.problem();
            Bundled { id, status: problem.status, problem: Some(problem) }
        }
    });
    Ok(Json(answers.collect()))
}

async fn receive(reader: &mut BodyReader, namespace: &Namespace) -> Result<Vec<ReceivedBlob>, Refusal> {
    let mut decoder = BundleDecoder::default();
    let mut received = Vec::new();
    while let Some(chunk) = reader.next(BUNDLE_LIMIT as u64).await? {
        decoder.push(&chunk);
        while let Some(item) = decoder.next_item()? {
            match item {
                BundleItem::Blob(blob) => received.push(received_blob(blob, namespace)),
                BundleItem::End => {}
                _ => return Err(Refusal::Malformed("an uploaded bundle may contain only blobs".to_owned())),
            }
        }
    }
    if decoder.is_ended() {
        Ok(received)
    } else {
        Err(Refusal::Malformed("the bundle is incomplete: send it again".to_owned()))
    }
}

fn received_blob(blob: BundledBlob, namespace: &Namespace) -> ReceivedBlob {
    let BundledBlob { id, flags, digest, content } = blob;
    let name = BlobName { namespace: namespace.clone(), id };
    ReceivedBlob { spec: BlobSpec { name, length: content.len() as u64, digest, flags }, content }
}

/// `POST`: downloads blobs, in the requested order, until the bundle is full. The client requests again what the answer does
/// not mention.
pub(in crate::server) async fn post(
    State(server): State<Server>,
    caller: Caller,
    PathNamespace(namespace): PathNamespace,
    body: Body,
) -> Result<Response, Refusal> {
    let bytes = body::read(body, REQUEST_LIMIT, caller.body_timeout).await?;
    let BundleWanted { ids } = serde_json::from_slice(&bytes).map_err(malformed)?;
    if ids.len() > BUNDLE_BLOBS {
        return Err(Refusal::TooLarge(format!("one request may name at most {BUNDLE_BLOBS} blobs")));
    }
    let lookups = caller.store.blobs().find_bundle(namespace, ids, BUNDLED_BYTES, BUNDLE_BYTES).await?;
    let mut bundle =
        BytesMut::with_capacity(BUNDLE_LIMIT.min(lookups.iter().map(|blob| content_length(blob) + 300).sum()));
    for lookup in lookups {
        encode_item(&mut bundle, &item(&server, lookup).await?);
    }
    encode_item(&mut bundle, &BundleItem::End);
    server.metrics().add_sent(bundle.len());
    Ok(([(CONTENT_TYPE, BUNDLE)], Body::from(bundle.freeze())).into_response())
}

fn content_length(lookup: &BundleLookup) -> usize {
    if let BundleLookup::Blob(blob, _) = lookup { blob.entry.length as usize } else { 0 }
}

async fn item(server: &Server, lookup: BundleLookup) -> Result<BundleItem, Refusal> {
    let (blob, content) = match lookup {
        BundleLookup::Absent(id) => return Ok(BundleItem::Absent(id)),
        BundleLookup::TooLarge(id) => return Ok(BundleItem::Alone(id)),
        BundleLookup::Blob(blob, content) => (blob, content),
    };
    let content = match content {
        Some(content) => content,
        None if blob.entry.length == 0 => Bytes::new(),
        None => {
            let mut chunks = server.blobs().backend().read(blob.object, 0..blob.entry.length).await?;
            let mut content = BytesMut::with_capacity(blob.entry.length as usize);
            while let Some(chunk) = chunks.try_next().await? {
                content.extend_from_slice(&chunk);
            }
            content.freeze()
        }
    };
    let entry = blob.entry;
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
