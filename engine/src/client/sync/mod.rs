//! Synchronising documents with a server. An exchange compares the state of both sides, pushes what the server lacks, and
//! pulls what the replica lacks. Nothing is exchanged with a server, or by a replica, that was restored or replaced.
//!
//! Read `exchange` for the order of the steps, `push` and `pull` for the streams, `decrypt` for what both check,
//! `contents` for documents whose headers alone are here, and `purge` for tombstones.

mod client;
mod contents;
mod decrypt;
mod exchange;
mod pull;
mod purge;
mod push;
mod state;

pub use client::{SyncClient, SyncReport};
