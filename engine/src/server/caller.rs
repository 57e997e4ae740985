//! Authentication, and parsing of paths. A handler that takes a `Caller` runs only for a valid token, and only on paths of its
//! user.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::blobs::BlobName;
use super::refusal::{Missing, Refusal};
use super::state::Server;
use super::user_store::UserStore;
use crate::document::ReplicaId;
use crate::protocol::{MessageId, Namespace, UserName};

/// The authenticated sender of a request.
pub(super) struct Caller {
    /// The user's store.
    pub(super) store: Arc<UserStore>,
    /// Bytes of blobs that the user may store.
    pub(super) quota: u64,
    /// How long the next chunk of the body may take to arrive.
    pub(super) body_timeout: Duration,
}

impl FromRequestParts<Server> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Refusal> {
        let user = server.accounts().authenticate(bearer(parts)?).await?.ok_or(Refusal::Unauthorized)?;
        let addressed: UserName = path_part(parts, server, "user").await?.parse().map_err(malformed)?;
        if user.name != addressed {
            return Err(Refusal::Forbidden);
        }
        let config = server.config();
        Ok(Self {
            store: server.stores().get(user.id).await?,
            quota: user.quota.unwrap_or(config.blobs.quota),
            body_timeout: Duration::from_secs(config.server.body_seconds.into()),
        })
    }
}

/// The replica in the path.
pub(super) struct PathReplica(pub(super) ReplicaId);

impl FromRequestParts<Server> for PathReplica {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Refusal> {
        path_part(parts, server, "replica").await?.parse().map(Self).map_err(malformed)
    }
}

/// The namespace of blobs in the path.
pub(super) struct PathNamespace(pub(super) Namespace);

impl FromRequestParts<Server> for PathNamespace {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Refusal> {
        path_part(parts, server, "namespace").await?.parse().map(Self).map_err(malformed)
    }
}

/// The blob in the path.
pub(super) struct PathBlob(pub(super) BlobName);

impl FromRequestParts<Server> for PathBlob {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Refusal> {
        let namespace = path_part(parts, server, "namespace").await?.parse().map_err(malformed)?;
        let id = path_part(parts, server, "id").await?.parse().map_err(malformed)?;
        Ok(Self(BlobName { namespace, id }))
    }
}

/// An authenticated mail service. It may deliver messages to every user.
pub(super) struct Service;

impl FromRequestParts<Server> for Service {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Refusal> {
        let valid = server.accounts().services().authenticate(bearer(parts)?).await?;
        if valid { Ok(Self) } else { Err(Refusal::Unauthorized) }
    }
}

/// The user in the path, whoever sends the request.
pub(super) struct PathUser(pub(super) UserName);

impl FromRequestParts<Server> for PathUser {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Refusal> {
        path_part(parts, server, "user").await?.parse().map(Self).map_err(malformed)
    }
}

/// The message in the path.
pub(super) struct PathMessage(pub(super) MessageId);

impl FromRequestParts<Server> for PathMessage {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Refusal> {
        path_part(parts, server, "message").await?.parse().map(Self).map_err(malformed)
    }
}

/// The rejection of text that cannot be parsed.
pub(super) fn malformed(error: impl std::fmt::Display) -> Refusal {
    Refusal::Malformed(error.to_string())
}

fn bearer(parts: &Parts) -> Result<&str, Refusal> {
    let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() => Ok(token),
        _ => Err(Refusal::Unauthorized),
    }
}

async fn path_part(parts: &mut Parts, server: &Server, name: &str) -> Result<String, Refusal> {
    let path = RawPathParams::from_request_parts(parts, server).await.map_err(malformed)?;
    let part = path.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
    part.ok_or(Refusal::NotFound(Missing::Route))
}
