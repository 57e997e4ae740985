//! The only test binary of the engine: one module per room.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod crypto;
mod support;
mod synchronising;
