//! SQLite databases: one writer, many readers, migrations, backups. The only room that knows which database engine it is.
//!
//! A room that stores records describes its database as a [`Store`] and brings its own SQL. This room must never know a
//! record of such a room, and must never lose or overwrite what a database holds: after any error the file is as it was.
//!
//! Calls are synchronous and may wait for the disk: asynchronous callers use `spawn_blocking`.
//!
//! Start with [`Store`], then [`StoreWriter`] and [`StoreReader`].

mod backup;
mod connection;
mod error;
mod integrity;
mod lock;
mod migration;
mod query;
mod reader;
mod store;
mod writer;

#[cfg(test)]
mod tests;

pub use error::DatabaseError;
pub use integrity::{broken_links, structural_damage};
pub use query::{query_all, query_first, signed, unsigned};
pub use reader::StoreReader;
pub use rusqlite::{Connection, Error as SqlError, Params, Row, params};
pub use store::Store;
pub use writer::StoreWriter;
