//! The tables of a user's blobs. `docs/STORAGE.md` explains them.

/// What version 2 of a user's store adds. Triggers keep `usage` correct, so that no statement has to.
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

/// What version 4 changes: every row names its user, so that one database can hold the blobs of all users.
pub(in crate::server) const TABLES_BY_USER: &str = "
    DROP TRIGGER blob_came;
    DROP TRIGGER blob_went;
    DROP TRIGGER upload_came;
    DROP TRIGGER upload_went;
    ALTER TABLE blobs RENAME TO old_blobs;
    CREATE TABLE blobs (
        user      INTEGER NOT NULL,
        namespace TEXT NOT NULL,
        id        TEXT NOT NULL,
        object    TEXT NOT NULL,
        length    INTEGER NOT NULL CHECK (length >= 0),
        digest    BLOB NOT NULL CHECK (length(digest) = 32),
        flags     INTEGER NOT NULL,
        created   INTEGER NOT NULL,
        PRIMARY KEY (user, namespace, id)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO blobs SELECT :user, namespace, id, object, length, digest, flags, created FROM old_blobs;
    DROP TABLE old_blobs;
    ALTER TABLE uploads RENAME TO old_uploads;
    CREATE TABLE uploads (
        user      INTEGER NOT NULL,
        object    TEXT NOT NULL,
        namespace TEXT NOT NULL,
        id        TEXT NOT NULL,
        length    INTEGER NOT NULL CHECK (length >= 0),
        digest    BLOB NOT NULL CHECK (length(digest) = 32),
        flags     INTEGER NOT NULL,
        offset    INTEGER NOT NULL CHECK (offset BETWEEN 0 AND length),
        resumable INTEGER NOT NULL,
        writer    INTEGER,
        expires   INTEGER NOT NULL,
        PRIMARY KEY (user, object)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO uploads
        SELECT :user, object, namespace, id, length, digest, flags, offset, resumable, writer, expires FROM old_uploads;
    DROP TABLE old_uploads;
    CREATE UNIQUE INDEX uploads_by_name ON uploads (user, namespace, id) WHERE resumable;
    ALTER TABLE usage RENAME TO old_usage;
    CREATE TABLE usage (
        user  INTEGER PRIMARY KEY,
        bytes INTEGER NOT NULL CHECK (bytes >= 0)
    ) STRICT;
    INSERT INTO usage SELECT :user, bytes FROM old_usage WHERE bytes > 0;
    DROP TABLE old_usage;
    CREATE TRIGGER blob_came AFTER INSERT ON blobs BEGIN
        INSERT INTO usage VALUES (new.user, new.length) ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
    END;
    CREATE TRIGGER blob_went AFTER DELETE ON blobs BEGIN
        UPDATE usage SET bytes = bytes - old.length WHERE user = old.user;
    END;
    CREATE TRIGGER upload_came AFTER INSERT ON uploads BEGIN
        INSERT INTO usage VALUES (new.user, new.length) ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
    END;
    CREATE TRIGGER upload_went AFTER DELETE ON uploads BEGIN
        UPDATE usage SET bytes = bytes - old.length WHERE user = old.user;
    END;
";
