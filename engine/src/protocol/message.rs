//! The JSON that goes with streams of documents.

use serde::{Deserialize, Serialize};

use super::Problem;
use crate::document::{DocumentId, Generation, Position, ReplicaId, Revision};

/// What a server tells a replica before they exchange anything: `GET …/peers/{replica}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncInfo {
    /// Name of the user's store at this server, given when it was made.
    pub store: ReplicaId,
    /// Where the store's history stands.
    pub position: Position,
    /// The last place in the replica's history that the store has noted; the start, where it knows nothing.
    pub noted: Position,
}

/// Most documents whose contents one request asks for.
pub const MAX_WANTED: usize = 1000;

/// Whose contents a replica wants: `POST …/contents`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedContents {
    /// At most [`MAX_WANTED`].
    pub documents: Vec<DocumentId>,
}

/// Whether a pull brings contents, or headers alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contents {
    /// Whole documents.
    #[default]
    Yes,
    /// Headers.
    No,
}

/// What a replica tells a server after an exchange: `PUT …/peers/{replica}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// What the store had noted before.
    pub from: Position,
    /// Where the replica's history stands now.
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
    /// Where the store's history stood before the batch.
    pub before: Position,
    /// Where it stands with it.
    pub after: Position,
}

/// A version that deleted its document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tombstone {
    /// Which document.
    pub id: DocumentId,
    /// Which version of it.
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

/// What became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurgeAnswer {
    /// Tombstones that went.
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
    /// When it was last heard of, in seconds since 1970, to within a day; 0 is longer ago than the server remembers.
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
    /// This batch and all after it were refused. The last line.
    Problem(Problem),
}
