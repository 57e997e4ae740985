//! Where documents and blobs live on a device: encrypted databases with one writer and several readers, and the plumbing
//! that a server's databases share. This room alone knows SQL on the client's side; it must never report a success that is not
//! durable, and never block the reactor.
//!
//! Read `replica` first; `writer` explains group commit, `versions` the tables, `indexes` what finds
//! documents by what they say, `absent` contents that come later, `exchange` what synchronising needs,
//! `blobs` where large things are.

mod absent;
mod blobs;
mod connection;
mod database;
mod error;
mod exchange;
mod flushing;
#[cfg(test)]
mod following;
pub(crate) mod history;
mod indexes;
mod purging;
mod readers;
mod replica;
mod schema;
#[cfg(test)]
mod tests;
mod versions;
mod writer;

pub use absent::Version;
pub use blobs::{BlobAddress, BlobRecord, BlobState, BlobStoreError, InvalidBlobAddress, Priority};
pub(crate) use blobs::{BlobIndex, BlobStore, Content, ContentId, Deleted, Entering, Stored, Work, open_blobs};
pub(crate) use database::{Database, Kind};
pub use error::{DatabaseError, StoreError};
#[cfg(test)]
use exchange::Received;
pub(crate) use exchange::{Outgoing, Peer, Taking};
pub(crate) use flushing::begin_flush;
pub use indexes::{Found, Index, IndexError, IndexValue, InvalidJsonPath, MAX_INDEXES, Wanted};
pub(crate) use purging::FromPeer;
pub use replica::{Change, Entry, Put, Replica};
pub(crate) use schema::migrate;
pub(crate) use versions::{Held, Incoming};
