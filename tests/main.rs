//! Entry of the one integration-test binary: a module a subject.

mod revision;
mod runner;
mod tidy;
