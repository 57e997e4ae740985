//! Secondary indexes on values inside JSON documents. An index has one entry for each document whose current version has a
//! value at its path, and every change of a document updates its entries in the same transaction. Paths and values come
//! from outside: they are bound as parameters, and never become part of a statement.

mod entries;
mod error;
mod find;
mod index;
mod json;
mod query;
mod value;

pub(super) use entries::Indexer;
pub use error::{IndexError, MAX_INDEXES};
pub use index::Index;
pub use json::InvalidJsonPath;
pub use query::{Found, Wanted};
pub use value::IndexValue;
