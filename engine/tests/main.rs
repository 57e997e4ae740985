//! The only test binary of the engine: one module per room, and one per promise that rooms keep together.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod attacking;
mod backends;
mod blobs;
mod crypto;
mod killing;
mod memory;
mod mismatching;
mod parsing;
mod recovering;
mod refusing;
mod support;
mod synchronising;
mod tampering;
mod transfers;
