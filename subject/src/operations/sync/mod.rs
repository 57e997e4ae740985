//! The operations between replicas through a server. `client` is what all clients share, `receiving` what those do that fill an
//! empty replica; `server` is the server of every operation that has one.

pub(super) mod client;
pub(super) mod conflict;
pub(super) mod download;
pub(super) mod initialise;
pub(super) mod metadata;
pub(super) mod nothing;
mod receiving;
pub(super) mod server;
pub(super) mod upload;
