//! The schema of the accounts database. `docs/STORAGE.md` explains the tables.

/// History: 1, the first; 2, quotas of users; 3, the layout of the users' stores (a server that had users before this
/// migration has one database for each user); 4, tokens of services.
pub(in crate::server) const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE users (
        id   INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE
    ) STRICT;
    CREATE TABLE tokens (
        hash    BLOB PRIMARY KEY CHECK (length(hash) = 32),
        user    INTEGER NOT NULL REFERENCES users (id),
        expires INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX tokens_by_user ON tokens (user);
",
    "
    ALTER TABLE users ADD COLUMN quota INTEGER CHECK (quota >= 0);
",
    "
    CREATE TABLE layout (
        only     INTEGER PRIMARY KEY CHECK (only = 1),
        database TEXT NOT NULL
    ) STRICT;
    INSERT INTO layout SELECT 1, 'per-user' FROM users LIMIT 1;
",
    "
    CREATE TABLE service_tokens (
        hash    BLOB PRIMARY KEY CHECK (length(hash) = 32),
        service TEXT NOT NULL UNIQUE,
        created INTEGER NOT NULL,
        expires INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
",
];
