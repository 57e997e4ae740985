//! The history as a store: its name, its mark and its migrations.

use crate::database::Store;

/// The history's database. Version 1 is the schema of Benchline 0.1.0.
pub(super) static HISTORY: Store = Store {
    name: "history",
    application_id: 0x626e_6368,   // "bnch"
    abandoned_ids: &[0x6265_6e63], // "benc", of the formats before 0.1.0
    migrations: &[include_str!("migrations/0001_history.sql")],
    create_command: "benchline run",
    verify_command: "benchline history verify",
    path_option: "--database",
};

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};

    use super::*;

    /// The SHA-256 of each shipped migration. A change of one of these is a mistake: append a migration and its digest.
    const SHIPPED: [&str; 1] = ["a944982424ac7d4c25e95f63183daa06b880b63b075958b8edbc5517dcb9646c"];

    #[test]
    fn a_shipped_migration_is_never_edited() {
        let hex = |sql: &&str| -> String {
            digest(&SHA256, sql.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
        };
        assert_eq!(HISTORY.migrations.iter().map(hex).collect::<Vec<_>>(), SHIPPED);
    }
}
