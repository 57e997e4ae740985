//! Entry of the one integration-test binary: a module a subject.

mod browser;
mod cli;
mod revision;
mod runner;
mod support;
mod tidy;
mod witness;
//! Everything that is tested from outside the packages' rooms, in one binary.

// `clippy.toml` allows these in tests, but clippy does not take the helpers of an integration test for tests.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod history;
