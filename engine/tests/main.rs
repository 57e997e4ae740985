//! The only test binary of the engine: one module per room, and one per promise that rooms keep together.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod attacking;
mod backends;
mod backups;
mod blobs;
mod converging;
mod crypto;
mod daemon;
mod fetching;
mod incoming;
mod incoming_client;
mod killing;
mod layouts;
mod memory;
mod mismatching;
mod parsing;
mod pooling;
mod purging;
mod recovering;
mod refusing;
mod support;
mod synchronising;
mod tampering;
mod transfers;
