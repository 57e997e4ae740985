//! Entry of the one integration-test binary: a module a subject.

mod browser;
mod cli;
mod history;
mod revision;
mod runner;
mod support;
mod tidy;
mod witness;
