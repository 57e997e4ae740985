//! The tables of a user's blobs. `docs/STORAGE.md` explains them.

/// What the second version of a user's store adds. Triggers keep `usage` true, so that no statement can forget it, in
/// whichever transaction it runs.
pub(in crate::server) const TABLES: &str = "
    CREATE TABLE blobs (
        namespace TEXT NOT NULL,
        id        TEXT NOT NULL,
        object    TEXT NOT NULL,
        length    INTEGER NOT NULL CHECK (length >= 0),
        digest    BLOB NOT NULL CHECK (length(digest) = 32),
        flags     INTEGER NOT NULL,
        created   INTEGER NOT NULL,
        PRIMARY KEY (namespace, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE uploads (
        object    TEXT PRIMARY KEY,
        namespace TEXT NOT NULL,
        id        TEXT NOT NULL,
        length    INTEGER NOT NULL CHECK (length >= 0),
        digest    BLOB NOT NULL CHECK (length(digest) = 32),
        flags     INTEGER NOT NULL,
        offset    INTEGER NOT NULL CHECK (offset BETWEEN 0 AND length),
        resumable INTEGER NOT NULL,
        writer    INTEGER,
        expires   INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX uploads_by_name ON uploads (namespace, id) WHERE resumable;
    CREATE TABLE usage (
        only  INTEGER PRIMARY KEY CHECK (only = 1),
        bytes INTEGER NOT NULL CHECK (bytes >= 0)
    ) STRICT;
    INSERT INTO usage (only, bytes) VALUES (1, 0);
    CREATE TRIGGER blob_came AFTER INSERT ON blobs BEGIN UPDATE usage SET bytes = bytes + new.length; END;
    CREATE TRIGGER blob_went AFTER DELETE ON blobs BEGIN UPDATE usage SET bytes = bytes - old.length; END;
    CREATE TRIGGER upload_came AFTER INSERT ON uploads BEGIN UPDATE usage SET bytes = bytes + new.length; END;
    CREATE TRIGGER upload_went AFTER DELETE ON uploads BEGIN UPDATE usage SET bytes = bytes - old.length; END;
";
