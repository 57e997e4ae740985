//! The only test binary of the engine: one module per room, and one per promise that rooms keep together.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backends;
mod blobs;
mod crypto;
mod incoming;
mod incoming_client;
mod layouts;
mod mismatching;
mod pooling;
mod recovering;
mod refusing;
mod serving;
mod support;
mod synchronising;
mod transfers;
