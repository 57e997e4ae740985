//! Databases that earlier programs wrote: those of each shipped schema version open, migrate and verify with the content that
//! they were written with, and one from before version 0.1.0 is refused and converts without a change.

use std::{fs, path::PathBuf};

use benchline::{
    history::{Reader, Writer},
    model::{FindingEventKind, FindingState},
};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{dump::dump, sample};

/// The folder of a fixture: `v1`, or `before` for the one from before version 0.1.0.
fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/history").join(name)
}

fn unpack(name: &str, file: &str) -> Vec<u8> {
    zstd::stream::decode_all(fs::read(folder(name).join(file)).unwrap().as_slice()).unwrap()
}

/// A copy of a fixture's database in a folder that goes with the first value.
fn database(name: &str) -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("history.db");
    fs::write(&path, unpack(name, "history.db.zst")).unwrap();
    (place, path)
}

/// The schema version of a new database.
fn newest_version() -> u32 {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("history.db");
    drop(Writer::open(&path).unwrap());
    Connection::open(path).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

/// The database verifies, and holds what the fixture's was written with.
#[track_caller]
fn assert_content(path: &std::path::Path, name: &str) {
    assert_eq!(Writer::open(path).unwrap().verify().unwrap(), [""; 0]);
    let reader = Reader::open(path).unwrap();
    let (found, expected) = (dump(&reader), String::from_utf8(unpack(name, "expected.json.zst")).unwrap());
    let differing = found.lines().zip(expected.lines()).position(|(found, expected)| found != expected);
    assert!(found == expected, "the content differs from line {differing:?} on");
    let findings = reader.findings(None, &FindingState::ALL).unwrap();
    let kinds: Vec<_> = findings[0].events.iter().map(|event| event.kind.clone()).collect();
    let moved = FindingEventKind::Moved { to: findings[0].at.id.clone() };
    assert_eq!(kinds, [FindingEventKind::Detected, FindingEventKind::StateChanged, FindingEventKind::Note, moved]);
}

#[test]
fn a_database_of_each_version_keeps_its_content() {
    for version in 1..=newest_version() {
        let name = format!("v{version}");
        let (_place, path) = database(&name);
        drop(Writer::open(&path).unwrap());
        assert_content(&path, &name);
    }
}

#[test]
fn a_database_from_before_the_first_release_is_refused() {
    let (_place, path) = database("before");
    let before = fs::read(&path).unwrap();
    for error in [Writer::open(&path).map(drop).unwrap_err(), Reader::open(&path).map(drop).unwrap_err()] {
        let text = error.to_string();
        assert!(text.contains("was written by a version of benchline before 0.1.0"), "{text}");
        assert!(text.contains("keep the file") && text.contains("--database"), "{text}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_database_from_before_the_first_release_converts_without_a_change() {
    let (place, old) = database("before");
    let path = place.path().join("converted.db");
    drop(Writer::open(&path).unwrap());
    let connection = Connection::open(&path).unwrap();
    connection.execute("ATTACH ?1 AS old", [old.to_str().unwrap()]).unwrap();
    let sql = fs::read_to_string(folder("before").join("convert.sql")).unwrap();
    connection.execute_batch(&format!("BEGIN; {sql} COMMIT; DETACH old")).unwrap();
    assert_content(&path, "before");
}

/// Run it once for each new schema version, and commit what it writes.
#[test]
#[ignore = "writes the fixture of the newest version anew"]
fn write_the_fixture_of_the_newest_version() {
    let folder = folder(&format!("v{}", newest_version()));
    fs::create_dir_all(&folder).unwrap();
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("history.db");
    sample::write(&path);
    let expected = dump(&Reader::open(&path).unwrap());
    let pack = |file: &str, content: &[u8]| fs::write(folder.join(file), zstd::bulk::compress(content, 19).unwrap());
    pack("history.db.zst", &fs::read(&path).unwrap()).unwrap();
    pack("expected.json.zst", expected.as_bytes()).unwrap();
}
