//! The tables of incoming messages. `docs/STORAGE.md` explains them.

/// What version 5 of a user's store adds. The triggers keep `usage` correct, as those of blobs do. The table `imprints` holds
/// the fingerprints of messages.
pub(in crate::server) const TABLES: &str = "
    CREATE TABLE mailboxes (
        user INTEGER PRIMARY KEY,
        last INTEGER NOT NULL,
        key  BLOB
    ) STRICT;
    CREATE TABLE incoming (
        user    INTEGER NOT NULL,
        id      TEXT NOT NULL,
        object  TEXT NOT NULL,
        length  INTEGER NOT NULL CHECK (length >= 0),
        digest  BLOB NOT NULL CHECK (length(digest) = 32),
        arrival INTEGER NOT NULL,
        created INTEGER NOT NULL,
        state   INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),
        tries   INTEGER NOT NULL,
        fence   INTEGER NOT NULL,
        expires INTEGER NOT NULL,
        PRIMARY KEY (user, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX incoming_to_do ON incoming (user, arrival) WHERE state < 2;
    CREATE INDEX incoming_done ON incoming (user, expires) WHERE state = 2;
    CREATE TABLE imprints (
        user   INTEGER NOT NULL,
        id     TEXT NOT NULL,
        salt   BLOB NOT NULL CHECK (length(salt) = 32),
        hash   BLOB NOT NULL CHECK (length(hash) = 32),
        forget INTEGER,
        PRIMARY KEY (user, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX imprints_to_forget ON imprints (user, forget) WHERE forget IS NOT NULL;
    CREATE TRIGGER message_came AFTER INSERT ON incoming BEGIN
        INSERT INTO usage VALUES (new.user, new.length) ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
    END;
    CREATE TRIGGER message_went AFTER DELETE ON incoming BEGIN
        UPDATE usage SET bytes = bytes - old.length WHERE user = old.user;
    END;
";
