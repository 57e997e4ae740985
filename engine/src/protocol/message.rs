//! The JSON messages about streams of documents and about replicas.

use serde::{Deserialize, Serialize};

use super::problem::Problem;
use crate::document::{DocumentId, Generation, Position, ReplicaId, Revision};

/// What a replica needs to know before a synchronisation: `GET …/peers/{replica}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncInfo {
    /// The id of the user's store at this server.
    pub store: ReplicaId,
    /// The head of the store's history.
    pub position: Position,
    /// The last position in the replica's history that the store has recorded; the start, if there is none.
    pub noted: Position,
}

/// Most documents whose contents one request names.
pub const MAX_WANTED: usize = 1000;

/// The documents whose contents a replica requests: `POST …/contents`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedContents {
    /// At most [`MAX_WANTED`].
    pub documents: Vec<DocumentId>,
}

/// Whether a pull returns contents, or only headers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contents {
    /// Whole documents.
    #[default]
    Yes,
    /// Headers.
    No,
}

/// What a replica reports after a synchronisation: `PUT …/peers/{replica}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// The position that the store had recorded before.
    pub from: Position,
    /// The head of the replica's history now.
    pub to: Position,
    /// Up to here the replica has everything of the store.
    pub seen: Position,
}

/// A batch is durable at the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    /// Where the batch ended in the replica's history.
    pub noted: Position,
    /// The head of the store's history before the batch.
    pub before: Position,
    /// The head of the store's history after the batch.
    pub after: Position,
}

/// A version that deleted its document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tombstone {
    /// The document.
    pub id: DocumentId,
    /// The version.
    #[serde(with = "revision_text")]
    pub revision: Revision,
}

/// What a replica asks a server to purge: `POST …/peers/{replica}/tombstones`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurgeRequest {
    /// Up to here the replica has everything of the store.
    pub seen: Position,
    /// At most [`PURGE_LIMIT`].
    pub tombstones: Vec<Tombstone>,
}

/// Most tombstones of one request.
pub const PURGE_LIMIT: usize = 1000;

/// The result of a purge request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurgeAnswer {
    /// Tombstones that were purged.
    pub purged: u64,
    /// Tombstones that stay because a replica has not seen them yet.
    pub waiting: u64,
}

/// A replica as a server knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownReplica {
    /// Its name.
    pub replica: ReplicaId,
    /// Up to this generation of the store it has everything.
    pub seen: Generation,
    /// Its last contact, in seconds since 1970, to within a day; 0 means unknown.
    pub last: i64,
}

/// The replicas of a user: `GET …/peers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownReplicas {
    /// Those that are not forgotten.
    pub replicas: Vec<KnownReplica>,
}

mod revision_text {
    //! Revisions as their texts.

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::document::Revision;

    pub(super) fn serialize<S: Serializer>(revision: &Revision, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(revision)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Revision, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A line of the answer to a push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushLine {
    /// A batch is durable.
    Acknowledged(Acknowledgement),
    /// This batch and all later ones were rejected. The last line.
    Problem(Problem),
}
