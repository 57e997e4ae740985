//! What is under test: git revisions, their trees at one fixed path, and reproducible builds kept in a cache.
//!
//! This room never writes into the repository that it reads: not its objects (git may renew the time of one, which
//! keeps it from being collected), not its index, not its work tree. Only a cache folder of Benchline's own is written,
//! and the folder that the recipe's command builds into.
//! Start with [`Repository`], then [`Builder`].

mod build_env;
mod builder;
mod checkout;
mod digest;
mod error;
mod git;
mod inputs;
mod lock;
mod recipe;
mod repository;
mod request;
mod resolve;
mod snapshot;
mod store;
mod supervise;

pub use build_env::flags_of_the_caller;
pub use builder::{BuildOutcome, Builder, BuiltSubject};
pub use error::RevisionError;
pub use recipe::{BuildVariant, Recipe};
pub use repository::Repository;
pub use resolve::MAX_REVISIONS;
pub use store::cache_root;
