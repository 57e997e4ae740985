//! The description of a store: what sets one database of the platform apart from another.

use std::fmt;

/// One kind of database file. Everything else about databases is the same for all of them.
pub struct Store {
    /// What messages call it: `history`.
    pub name: &'static str,
    /// SQLite's `application_id`, so that no other program's file is taken for this store.
    pub application_id: u32,
    /// Application ids of formats from before version 0.1.0, which are refused.
    pub abandoned_ids: &'static [u32],
    /// The SQL of each migration, oldest first. `user_version` counts those applied. A shipped migration is never edited:
    /// append another.
    pub migrations: &'static [&'static str],
    /// The command that creates the store, for messages: `benchline run`.
    pub create_command: &'static str,
    /// The command that migrates and verifies the store, for messages: `benchline history verify`.
    pub verify_command: &'static str,
    /// The command-line option that names another file, for messages: `--database`.
    pub path_option: &'static str,
}

impl Store {
    /// The newest schema version that this program knows.
    pub const fn version(&self) -> u32 {
        self.migrations.len() as u32
    }
}

impl fmt::Debug for Store {
    /// Without the SQL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("name", &self.name).field("version", &self.version()).finish_non_exhaustive()
    }
}
