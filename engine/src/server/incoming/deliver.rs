//! `PUT /v1/incoming/{user}/{message}`, on the listener of services: a message is handed over. It is in memory as a whole,
//! encrypted there, and only then written; it is visible, pending, from the moment that its row is committed, when its
//! content is durable; never before, and never in part.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use bytes::{Bytes, BytesMut};
use tokio::sync::oneshot;

use super::imprint::Imprint;
use super::mailbox::{Entered, Expected};
use crate::crypto::{PublicKey, is_encrypted};
use crate::protocol::{BlobDigest, MessageId, MessageState};
use crate::server::Server;
use crate::server::blobs::{Source, Stored, check_quota, number};
use crate::server::caller::{PathMessage, PathUser, Service};
use crate::server::refusal::Refusal;
use crate::server::user_store::UserStore;

/// Bytes of a piece that is given to the backend.
const PIECE: usize = 1 << 20;

/// `PUT`.
pub(super) async fn put(
    State(server): State<Server>,
    _service: Service,
    PathUser(name): PathUser,
    PathMessage(id): PathMessage,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let config = server.config();
    let limit = config.incoming.message_bytes;
    let length = number(&headers, CONTENT_LENGTH.as_str())?;
    if length.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let user = server.accounts().find(&name).await?.ok_or(Refusal::NotFound("there is no such user"))?;
    let store = server.stores().get(user.id).await?;
    let quota = user.quota.unwrap_or(config.blobs.quota);
    let patience = Duration::from_secs(config.server.body_seconds.into());
    let mut source = Source::new(body, &headers, patience, server.blobs().stopping().clone());
    let (tell, answer) = oneshot::channel();
    // A task of its own, which a service that goes away does not cut short.
    tokio::spawn(async move {
        let delivery = Delivery { server: &server, store, user: user.id, quota, id, length, limit };
        let outcome = delivery.receive(&mut source).await;
        // Who went away does not want to know.
        let _ = tell.send(outcome);
        source.drain().await;
    });
    answer.await.unwrap_or(Err(Refusal::Busy))
}

fn too_large(limit: u64) -> Refusal {
    Refusal::TooLarge(format!("a message may have {limit} bytes"))
}

/// A message that comes.
struct Delivery<'a> {
    server: &'a Server,
    store: Arc<UserStore>,
    user: i64,
    quota: u64,
    id: MessageId,
    length: Option<u64>,
    limit: u64,
}

impl Delivery<'_> {
    async fn receive(self, source: &mut Source) -> Result<StatusCode, Refusal> {
        let (blobs, shelf) = (self.server.blobs(), self.store.shelf());
        let Expected { imprint, key } = self.store.mailbox().expect(&self.id).await?;
        if imprint.is_none() {
            check_quota(self.server, shelf, self.quota, self.length.unwrap_or(0)).await?;
        }
        let key = match (&imprint, key) {
            (None, None) => return Err(Refusal::NoKey("the user has registered none yet")),
            (_, key) => key.unwrap_or_default(),
        };
        let _room = self.server.incoming_room().take(self.length).await?;
        let message = self.read(source).await?;
        if let Some(imprint) = imprint {
            return compare(imprint, message).await;
        }
        let Sealed { content, digest, imprint } = {
            let message = message.clone();
            off_the_reactor(move || Sealed::new(&key, message)).await?
        };
        let object = blobs.processes().name(self.user);
        let stored = Stored { object, length: content.len() as u64, digest };
        if let Err(error) = blobs.store(object, pieces(&content)).await {
            blobs.remove(object).await;
            return Err(error.into());
        }
        let entered = self.store.mailbox().enter(self.id, stored, imprint, self.quota).await;
        if !matches!(entered, Ok(Entered::New)) {
            blobs.remove(object).await;
        }
        match entered? {
            Entered::New => {
                self.server.metrics().messages(MessageState::Pending, 1);
                Ok(StatusCode::CREATED)
            }
            Entered::Known(imprint) => compare(imprint, message).await,
            Entered::OverQuota => Err(Refusal::QuotaExceeded),
        }
    }

    async fn read(&self, source: &mut Source) -> Result<Bytes, Refusal> {
        let announced = usize::try_from(self.length.unwrap_or(0)).unwrap_or(0);
        let mut message = BytesMut::with_capacity(announced);
        while let Some(piece) = source.next(u64::MAX).await? {
            if source.received() > self.limit {
                return Err(too_large(self.limit));
            }
            message.extend_from_slice(&piece);
        }
        if message.is_empty() {
            return Err(Refusal::Malformed("a message is not empty".to_owned()));
        }
        Ok(message.freeze())
    }
}

/// A message as it may be written down.
struct Sealed {
    content: Bytes,
    digest: BlobDigest,
    imprint: Imprint,
}

impl Sealed {
    /// Encrypts a message to this key, unless it is encrypted as a whole already.
    fn new(key: &[u8], message: Bytes) -> Result<Self, Refusal> {
        let imprint = Imprint::of(&message)?;
        let content = if is_encrypted(&message) {
            message
        } else {
            let sealed = PublicKey::from_bytes(key).and_then(|key| key.encrypt(&message));
            sealed.map(Bytes::from).map_err(|error| {
                tracing::warn!(%error, "a message could not be encrypted to its user's key");
                Refusal::NoKey("the one that the user has registered is not usable now")
            })?
        };
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &content).as_ref());
        Ok(Self { content, digest: BlobDigest(hash), imprint })
    }
}

/// Answers to a message that came before, or to another one under its name.
async fn compare(imprint: Imprint, message: Bytes) -> Result<StatusCode, Refusal> {
    let same = off_the_reactor(move || Ok(imprint.is_of(&message))).await?;
    if same { Ok(StatusCode::NO_CONTENT) } else { Err(Refusal::MessageConflict) }
}

/// Does what takes a while on a thread that may block.
pub(super) async fn off_the_reactor<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    // It ends early only if the runtime does.
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Refusal::Busy))
}

fn pieces(content: &Bytes) -> Vec<Bytes> {
    (0..content.len()).step_by(PIECE).map(|start| content.slice(start..content.len().min(start + PIECE))).collect()
}
