//! Files that are refused, with which message, and that a refusal changes nothing.

use std::fs;

use super::*;

/// A database that another program made, with one word.
fn foreign(place: &Place, sql: &str) -> Vec<u8> {
    fs::create_dir_all(place.path().parent().unwrap()).unwrap();
    Connection::open(place.path()).unwrap().execute_batch(sql).unwrap();
    fs::read(place.path()).unwrap()
}

#[track_caller]
fn assert_refused(place: &Place, expected: &str) {
    let before = fs::read(place.path()).unwrap();
    for error in [
        StoreWriter::open(&WORDS, &place.path()).map(drop).unwrap_err(),
        StoreReader::open(&WORDS, &place.path()).map(drop).unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(text.contains(expected) && text.contains("words.db"), "`{expected}` is not in `{text}`");
    }
    assert_eq!(fs::read(place.path()).unwrap(), before);
}

#[test]
fn a_store_of_before_the_first_release_is_refused() {
    let place = Place::new();
    foreign(&place, "CREATE TABLE words (text TEXT); PRAGMA application_id = 0x6f6c6421; PRAGMA user_version = 1");
    assert_refused(&place, "was written by a version of benchline before 0.1.0");
    assert_refused(&place, "keep the file, and move it away to measure anew, or name another file with --words");
}

#[test]
fn a_newer_store_is_refused() {
    let place = Place::new();
    drop(place.writer());
    foreign(&place, "PRAGMA user_version = 2; PRAGMA journal_mode = delete");
    assert_refused(&place, "has schema version 2, and this program knows versions up to 1; use a newer benchline");
}

#[test]
fn a_file_of_another_program_is_refused() {
    let place = Place::new();
    foreign(&place, "CREATE TABLE diary (day TEXT)");
    assert_refused(&place, "is not a benchline word list (it is a database of another program)");
    fs::write(place.path(), "This is a diary. ".repeat(1000)).unwrap();
    assert_refused(&place, "is not a benchline word list (its content is not that of an SQLite database)");
}

#[test]
fn a_missing_store_names_the_command_that_creates_it() {
    let place = Place::new();
    let error = StoreReader::open(&WORDS, &place.path()).unwrap_err().to_string();
    assert!(error.starts_with("there is no word list at ") && error.ends_with("`words add` creates one"), "{error}");
}

#[test]
fn a_second_writer_is_refused_by_whatever_name_it_asks() {
    let place = Place::new();
    let writer = place.writer();
    let link = place.0.path().join("link.db");
    std::os::unix::fs::symlink(place.path(), &link).unwrap();
    for path in [place.path(), link.clone()] {
        let error = StoreWriter::open(&WORDS, &path).unwrap_err();
        assert!(matches!(error, DatabaseError::Busy { .. }), "{error}");
    }
    drop(writer);
    StoreWriter::open(&WORDS, &link).unwrap();
}
