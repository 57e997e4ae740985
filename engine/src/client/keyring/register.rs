//! Registers the public key at the server. A registered key is replaced only by another key of the same ring.

use reqwest::header::{ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH};
use reqwest::{Method, Response};

use super::{KeyRing, KeyRingError};
use crate::client::SyncError;
use crate::client::connection::{self, Connection};
use crate::crypto::{Fingerprint, PublicKey};
use crate::protocol::{MAX_OPENPGP_KEY, ProblemKind, RegisteredKey};

const PATH: &[&str] = &["openpgp-key"];

/// Attempts at registering while other devices change the slot.
const ATTEMPTS: usize = 4;

/// Makes the server encrypt to the ring's current key, and returns its fingerprint, which the server has confirmed.
pub(in crate::client) async fn register(connection: &Connection, ring: &KeyRing) -> Result<Fingerprint, KeyRingError> {
    let keys = ring.unlocked().await?;
    let own = keys.current().public();
    for _ in 0..ATTEMPTS {
        let stored = match registered(connection).await? {
            None => store(connection, &own, IF_NONE_MATCH, "*").await?,
            Some((key, _)) if key.fingerprint() == own.fingerprint() => true,
            Some((key, etag)) if keys.contains(&key.fingerprint()) => store(connection, &own, IF_MATCH, &etag).await?,
            Some((key, _)) => {
                return Err(KeyRingError::Foreign { registered: key.fingerprint(), own: own.fingerprint() });
            }
        };
        if stored {
            return Ok(own.fingerprint());
        }
    }
    Err(KeyRingError::Overtaken)
}

/// The registered key, and its entity tag.
async fn registered(connection: &Connection) -> Result<Option<(PublicKey, String)>, KeyRingError> {
    let answer = match connection::send(connection.request(Method::GET, PATH)).await {
        Err(SyncError::Rejected(problem)) if problem.kind() == ProblemKind::NotFound => return Ok(None),
        answer => answer?,
    };
    let etag = etag(&answer)?;
    let bytes = connection::read_up_to(answer, MAX_OPENPGP_KEY).await?;
    Ok(Some((PublicKey::from_bytes(&bytes)?, etag)))
}

/// Registers the key under a condition; `false` where it does not hold.
async fn store(
    connection: &Connection,
    key: &PublicKey,
    condition: HeaderName,
    value: &str,
) -> Result<bool, SyncError> {
    let request = connection.request(Method::PUT, PATH).header(condition, value).body(key.to_bytes());
    let answer = match connection::send(request).await {
        Err(SyncError::Rejected(problem)) if problem.kind() == ProblemKind::PreconditionFailed => return Ok(false),
        answer => connection::read(answer?).await?,
    };
    let confirmed = serde_json::from_slice::<RegisteredKey>(&answer).ok().map(|registered| registered.fingerprint);
    if confirmed != Some(key.fingerprint().to_string()) {
        return Err(SyncError::Protocol("the server confirmed another key than the one it was given".to_owned()));
    }
    Ok(true)
}

fn etag(answer: &Response) -> Result<String, SyncError> {
    let etag = answer.headers().get(ETAG).and_then(|value| value.to_str().ok());
    etag.map(str::to_owned).ok_or_else(|| SyncError::Protocol("the OpenPGP key has no ETag".to_owned()))
}
