//! An end-to-end-encrypted sync engine: a user's devices synchronise documents and blobs through a server that cannot read
//! them. Imports between the rooms flow downwards only, and no room knows that it is measured.

/// The client, which synchronises a replica with a server.
pub mod client;
/// Settings of clients and servers.
pub mod config;
/// Keys, and sealing under them.
pub mod crypto;
/// Documents, their revisions, and the rules for merging versions.
pub mod document;
/// Threads and processes for CPU-bound work.
pub mod pool;
/// The protocol between client and server.
pub mod protocol;
/// The server, which stores data that it cannot read.
pub mod server;
/// A device's documents and blobs, in encrypted databases.
pub mod store;
