//! Blobs on a device: an index that records for each what is to be done with it, and stores that hold the sealed bytes. It
//! must never hold unsealed content, and never derive a content's name from user input.
//!
//! Read `record` for the states and `transitions` for how they change, `store` for the contract of a store; `rows` and
//! `files` implement it, and `combined_store` selects between them. `open` opens all of it.

mod address;
mod combined_store;
mod content;
mod error;
mod files;
mod index;
mod open;
mod record;
mod rows;
mod store;
#[cfg(test)]
mod store_tests;
mod transitions;

pub use address::{BlobAddress, InvalidBlobAddress};
pub(crate) use content::{Content, ContentId};
pub use error::BlobStoreError;
pub(crate) use index::BlobIndex;
pub(crate) use open::open_blobs;
pub use record::{BlobRecord, BlobState, FailureCause, Priority, TransferFailure};
pub(crate) use record::{Deletion, Work};
pub(crate) use store::{BlobStore, Insertion, Stored, WRITE_SIZE};
