//! Storage of documents and blobs on a device: encrypted databases with one writer and several readers, and the database
//! layer that it shares with the server. On the client's side only this room knows SQL. It must never report a success that
//! is not durable, and never block the runtime.
//!
//! Read `replica` first; `writer` explains group commit, `versions` the tables, `indexes` the search by value,
//! `absent_content` contents that are fetched later, `peer` synchronisation, and `blobs` large content.

mod absent_content;
mod blobs;
mod connection;
mod database;
mod error;
#[cfg(test)]
mod feed_tests;
mod flush;
pub(crate) mod history;
mod indexes;
mod peer;
mod readers;
mod replica;
mod schema;
#[cfg(test)]
mod tests;
mod tombstones;
mod versions;
mod writer;

pub use absent_content::Version;
pub use blobs::{
    BlobAddress, BlobRecord, BlobState, BlobStoreError, FailureCause, InvalidBlobAddress, Priority, TransferFailure,
};
pub(crate) use blobs::{
    BlobIndex, BlobStore, Content, ContentId, Deletion, Insertion, Stored, WRITE_SIZE, Work, open_blobs,
};
pub(crate) use database::{Database, Kind};
pub use error::{DatabaseError, StoreError};
pub(crate) use flush::begin_flush;
pub use indexes::{Found, Index, IndexError, IndexValue, InvalidJsonPath, MAX_INDEXES, Wanted};
#[cfg(test)]
use peer::Received;
pub(crate) use peer::{Outgoing, Peer, PeerChange, TakeResult};
pub use replica::{Change, Entry, Put, Replica};
pub(crate) use schema::migrate;
pub(crate) use versions::{Incoming, IncomingContent};
