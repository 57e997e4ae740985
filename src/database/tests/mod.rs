//! What a store promises, whatever it stores: here, words.

mod migration;
mod refusals;
mod snapshots;

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

use super::{DatabaseError, Store, StoreReader, StoreWriter};

/// The first version of a store of words.
static WORDS: Store = store(&[FIRST]);

const FIRST: &str = "CREATE TABLE words (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
CREATE TABLE uses (word_id INTEGER NOT NULL REFERENCES words (id), place TEXT NOT NULL) STRICT;";

const fn store(migrations: &'static [&'static str]) -> Store {
    Store {
        name: "word list",
        application_id: 0x776f_7264,
        abandoned_ids: &[0x6f6c_6421],
        migrations,
        create_command: "words add",
        verify_command: "words verify",
        path_option: "--words",
    }
}

/// A folder that goes when this is dropped, for one store.
struct Place(TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("lists").join("words.db")
    }

    #[track_caller]
    fn writer(&self) -> StoreWriter {
        StoreWriter::open(&WORDS, &self.path()).unwrap()
    }
}

fn add(writer: &mut StoreWriter, word: &str) {
    let added = writer.change(|connection| connection.execute("INSERT INTO words (text) VALUES (?1)", [word]));
    assert_eq!(added.unwrap(), 1);
}

/// The words of a snapshot, in order.
fn words(connection: &Connection) -> Result<Vec<String>, DatabaseError> {
    super::query_all(connection, "SELECT text FROM words ORDER BY id", [], |row| Ok(row.get(0)?))
}

#[track_caller]
fn read(store: &'static Store, path: &Path) -> Vec<String> {
    StoreReader::open(store, path).unwrap().with_snapshot(words).unwrap()
}
