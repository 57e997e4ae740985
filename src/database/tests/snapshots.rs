//! The writer and readers at once: nobody waits, every reader sees one state, and every change counts.

use super::*;

#[test]
fn a_change_is_seen_once_it_is_whole_and_advances_the_serial() {
    let place = Place::new();
    let mut writer = place.writer();
    let reader = StoreReader::open(&WORDS, &place.path()).unwrap();
    let before = reader.serial().unwrap();
    writer
        .change(|connection| {
            connection.execute("INSERT INTO words (text) VALUES ('one')", [])?;
            assert_eq!((reader.with_snapshot(words)?.len(), reader.serial()?), (0, before));
            Ok::<_, DatabaseError>(())
        })
        .unwrap();
    assert_eq!((reader.with_snapshot(words).unwrap().len(), reader.serial().unwrap()), (1, before + 1));
    let failed = writer.change(|connection| {
        connection.execute("INSERT INTO words (text) VALUES ('two')", [])?;
        Err::<(), _>(DatabaseError::Damaged("a test".into()))
    });
    assert!(failed.is_err());
    assert_eq!((reader.with_snapshot(words).unwrap().len(), reader.serial().unwrap()), (1, before + 1));
}

#[test]
fn a_snapshot_stays_while_the_writer_goes_on() {
    let place = Place::new();
    let mut writer = place.writer();
    let reader = StoreReader::open(&WORDS, &place.path()).unwrap();
    reader
        .with_snapshot(|connection| {
            assert_eq!(words(connection)?, [""; 0]);
            add(&mut writer, "one");
            assert_eq!(words(connection)?, [""; 0]);
            Ok::<_, DatabaseError>(())
        })
        .unwrap();
    assert_eq!(reader.with_snapshot(words).unwrap(), ["one"]);
}

#[test]
fn an_unflushed_change_is_seen_at_once_and_the_next_is_flushed_again() {
    let place = Place::new();
    let mut writer = place.writer();
    let reader = StoreReader::open(&WORDS, &place.path()).unwrap();
    writer.change_unflushed(|connection| connection.execute("INSERT INTO words (text) VALUES ('one')", [])).unwrap();
    assert_eq!(reader.with_snapshot(words).unwrap(), ["one"]);
    let synchronous: u32 = writer.connection().pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
    assert_eq!(synchronous, 2, "full");
}

#[test]
fn a_reader_cannot_write_and_knows_whether_somebody_does() {
    let place = Place::new();
    let writer = place.writer();
    let reader = StoreReader::open(&WORDS, &place.path()).unwrap();
    let written = reader.with_snapshot(|connection| {
        connection.execute("INSERT INTO words (text) VALUES ('no')", []).map_err(DatabaseError::from)
    });
    assert!(matches!(written, Err(DatabaseError::Sqlite(_))), "{written:?}");
    assert!(reader.has_writer());
    drop(writer);
    assert!(!reader.has_writer());
}

#[test]
fn a_serial_never_denotes_two_files_of_one_name() {
    let place = Place::new();
    let mut writer = place.writer();
    add(&mut writer, "one");
    let serial = StoreReader::open(&WORDS, &place.path()).unwrap().serial().unwrap();
    drop(writer);
    std::fs::remove_dir_all(place.path().parent().unwrap()).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(5));
    drop(place.writer());
    assert!(StoreReader::open(&WORDS, &place.path()).unwrap().serial().unwrap() > serial);
}

#[test]
fn sqlite_s_own_checks_are_reported() {
    let place = Place::new();
    let mut writer = place.writer();
    add(&mut writer, "one");
    assert_eq!(super::super::structural_damage(writer.connection()).unwrap(), [""; 0]);
    assert_eq!(super::super::broken_links(writer.connection()).unwrap(), [""; 0]);
    let refused = writer.change(|connection| connection.execute("INSERT INTO uses VALUES (9, 'here')", []));
    assert!(refused.is_err(), "foreign keys are enforced");
    let other = Connection::open(place.path()).unwrap();
    other.execute_batch("PRAGMA foreign_keys = false; INSERT INTO uses VALUES (9, 'here')").unwrap();
    let broken = super::super::broken_links(writer.connection()).unwrap();
    assert_eq!(broken, ["uses 1 points at a row of words that does not exist"]);
}
