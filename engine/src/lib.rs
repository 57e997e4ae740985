//! An end-to-end-encrypted sync engine: documents that live on a person's devices and meet through a server that can read
//! nothing. The rooms in reading order; imports between them flow downwards only, and none knows that it is measured.

/// The client, which brings a replica and a server together.
pub mod client;
/// The knobs.
pub mod config;
/// Keys, and sealing under them.
pub mod crypto;
/// Documents, their revisions, and the rule by which versions merge.
pub mod document;
/// Where work that keeps a processor busy is done.
pub mod pool;
/// What a client and a server say to each other.
pub mod protocol;
/// The server, which keeps what it cannot read.
pub mod server;
/// A device's replica of the documents, in an encrypted database.
pub mod store;
