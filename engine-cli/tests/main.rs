//! Entry of the one integration-test binary: the program as people use it.

// `clippy.toml` allows these in tests, but clippy does not take the helpers of an integration test for tests.
#![allow(clippy::unwrap_used)]

mod devices;
mod help;
mod knobs;
mod mail;
// The platform's tests start and await processes in the same way.
#[path = "../../tests/support/process.rs"]
mod process;
mod server;
mod support;
