//! The schema of the users' stores. The same tables are used for one database per user and for one shared database: every row
//! begins with its user, and no statement may omit that. `docs/STORAGE.md` explains the tables.

use super::blobs::{deletions, schema as blobs, small_contents};
use super::incoming::schema as incoming;

/// History: 1, the first; 2, blobs; 3 and 4, the user in every row of documents and of blobs; 5, incoming
/// messages; 6, purging of tombstones; 7, small contents; 8, the last deletions of blobs.
pub(super) const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE store (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        id   INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE versions (
        generation INTEGER PRIMARY KEY,
        document   TEXT NOT NULL,
        revision   TEXT NOT NULL,
        origin     INTEGER NOT NULL,
        sealed     BLOB NOT NULL
    ) STRICT;
    CREATE INDEX versions_by_document ON versions (document, revision);
    CREATE TABLE transactions (
        last_generation INTEGER PRIMARY KEY,
        id              BLOB NOT NULL CHECK (length(id) = 16)
    ) STRICT;
    CREATE TABLE peers (
        id                INTEGER PRIMARY KEY,
        noted             INTEGER NOT NULL,
        noted_transaction BLOB NOT NULL CHECK (length(noted_transaction) = 16),
        seen              INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE recovery (
        only     INTEGER PRIMARY KEY CHECK (only = 1),
        document BLOB NOT NULL
    ) STRICT;
",
    blobs::TABLES,
    DOCUMENTS_BY_USER,
    blobs::TABLES_BY_USER,
    incoming::TABLES,
    PURGING,
    small_contents::TABLE,
    deletions::TABLE,
];

const PURGING: &str = "
    ALTER TABLE store ADD COLUMN purged INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE peers ADD COLUMN last INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE peers ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0 CHECK (forgotten IN (0, 1));
    CREATE INDEX versions_purged ON versions (user, generation) WHERE sealed = x'';
";

const DOCUMENTS_BY_USER: &str = "
    ALTER TABLE store RENAME TO old_store;
    CREATE TABLE store (
        user INTEGER PRIMARY KEY,
        id   INTEGER NOT NULL
    ) STRICT;
    INSERT INTO store SELECT :user, id FROM old_store;
    DROP TABLE old_store;
    ALTER TABLE versions RENAME TO old_versions;
    CREATE TABLE versions (
        user       INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        document   TEXT NOT NULL,
        revision   TEXT NOT NULL,
        origin     INTEGER NOT NULL,
        sealed     BLOB NOT NULL,
        PRIMARY KEY (user, generation)
    ) STRICT;
    INSERT INTO versions SELECT :user, generation, document, revision, origin, sealed FROM old_versions;
    DROP TABLE old_versions;
    CREATE INDEX versions_by_document ON versions (user, document, revision);
    ALTER TABLE transactions RENAME TO old_transactions;
    CREATE TABLE transactions (
        user            INTEGER NOT NULL,
        last_generation INTEGER NOT NULL,
        id              BLOB NOT NULL CHECK (length(id) = 16),
        PRIMARY KEY (user, last_generation)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO transactions SELECT :user, last_generation, id FROM old_transactions;
    DROP TABLE old_transactions;
    ALTER TABLE peers RENAME TO old_peers;
    CREATE TABLE peers (
        user              INTEGER NOT NULL,
        id                INTEGER NOT NULL,
        noted             INTEGER NOT NULL,
        noted_transaction BLOB NOT NULL CHECK (length(noted_transaction) = 16),
        seen              INTEGER NOT NULL,
        PRIMARY KEY (user, id)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO peers SELECT :user, id, noted, noted_transaction, seen FROM old_peers;
    DROP TABLE old_peers;
    ALTER TABLE recovery RENAME TO old_recovery;
    CREATE TABLE recovery (
        user     INTEGER PRIMARY KEY,
        document BLOB NOT NULL
    ) STRICT;
    INSERT INTO recovery SELECT :user, document FROM old_recovery;
    DROP TABLE old_recovery;
";
