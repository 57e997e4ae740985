//! Entry of the one integration-test binary: a module a subject.

// `clippy.toml` allows these in tests, but clippy does not take the helpers of an integration test for tests.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod bisect;
mod browser;
mod calibrate;
mod campaign;
mod cli;
mod compare;
mod detect;
mod example;
mod external;
mod findings;
mod history;
mod injections;
mod load;
mod replay;
mod report;
mod revision;
mod runner;
mod support;
mod tidy;
mod witness;
