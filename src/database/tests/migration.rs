//! A migration succeeds whole or leaves the database as it was, at whatever statement it fails or is killed, and a backup of
//! the version before is next to it.

use std::{
    env, fs,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::*;

/// The second version: words have a language, and their table is rebuilt. Row by row it writes more than a connection
/// caches, so that uncommitted pages reach the disk.
const STATEMENTS: [&str; 7] = [
    "CREATE TABLE spelled (id INTEGER PRIMARY KEY, text TEXT NOT NULL, language TEXT NOT NULL) STRICT;",
    "INSERT INTO spelled SELECT id, text, 'en' FROM words;",
    "INSERT INTO spelled (text, language) WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n LIMIT 1000)
         SELECT hex(randomblob(2000)), '??' FROM n;",
    "DROP TABLE words;",
    "ALTER TABLE spelled RENAME TO words;",
    "DELETE FROM words WHERE language = '??';",
    "CREATE UNIQUE INDEX words_by_text ON words (text, language);",
];

/// Never ends.
const ENDLESS: &str = "WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n) SELECT max(n) FROM n;";

/// Where the process to be killed finds its database, and after how many statements it waits for that.
const DATABASE: &str = "BENCHLINE_TEST_STORE";
const COUNT: &str = "BENCHLINE_TEST_STATEMENTS";

/// Processor time after which the process has reached its endless statement, in ticks of 10 ms.
const REACHED: u64 = 30;

/// The second version, of which only the first statements are whole, followed by `last`.
fn second(statements: usize, last: &str) -> &'static Store {
    let sql: &'static str = Box::leak((STATEMENTS[..statements].join("\n") + last).into_boxed_str());
    Box::leak(Box::new(store(Box::leak(Box::new([FIRST, sql])))))
}

/// A store of the first version with two words and a use of one of them.
fn first_version() -> Place {
    let place = Place::new();
    let mut writer = place.writer();
    add(&mut writer, "trial");
    add(&mut writer, "sample");
    writer.change(|connection| connection.execute("INSERT INTO uses VALUES (2, 'page 1')", [])).unwrap();
    place
}

fn backup(place: &Place) -> PathBuf {
    place.path().with_file_name("words.db.backup-v1")
}

/// The first version is whole, here and in the backup, and becomes the second.
fn assert_migrates(place: &Place) {
    assert_eq!(read(&WORDS, &place.path()), ["trial", "sample"]);
    assert_eq!(read(&WORDS, &backup(place)), ["trial", "sample"]);
    let second = second(STATEMENTS.len(), "");
    let writer = StoreWriter::open(second, &place.path()).unwrap();
    assert_eq!(super::super::structural_damage(writer.connection()).unwrap(), [""; 0]);
    assert_eq!(super::super::broken_links(writer.connection()).unwrap(), [""; 0]);
    assert_eq!(read(second, &place.path()), ["trial", "sample"]);
    assert_eq!(read(&WORDS, &backup(place)), ["trial", "sample"]);
}

#[test]
fn a_migration_keeps_the_content_and_makes_a_backup() {
    let place = first_version();
    let second = second(STATEMENTS.len(), "");
    let error = StoreReader::open(second, &place.path()).unwrap_err();
    assert!(
        error.to_string().contains("old schema version 1, and this program reads version 2; `words verify` migrates")
    );
    assert!(!backup(&place).exists());
    let serial = StoreReader::open(&WORDS, &place.path()).unwrap().serial().unwrap();
    let writer = StoreWriter::open(second, &place.path()).unwrap();
    let enforced: bool = writer.connection().pragma_query_value(None, "foreign_keys", |row| row.get(0)).unwrap();
    assert!(enforced, "foreign keys are enforced again");
    drop(writer);
    let reader = StoreReader::open(second, &place.path()).unwrap();
    assert!(reader.serial().unwrap() > serial);
    let languages = reader.with_snapshot(|connection| {
        super::super::query_all(connection, "SELECT language FROM words", [], |row| {
            Ok::<_, DatabaseError>(row.get::<_, String>(0)?)
        })
    });
    assert_eq!(languages.unwrap(), ["en", "en"]);
    assert_eq!(read(&WORDS, &backup(&place)), ["trial", "sample"]);
    let error = StoreWriter::open(&WORDS, &place.path()).unwrap_err();
    assert!(matches!(error, DatabaseError::NewerVersion { found: 2, .. }), "{error}");
}

#[test]
fn a_new_store_needs_no_backup() {
    let place = Place::new();
    drop(StoreWriter::open(second(STATEMENTS.len(), ""), &place.path()).unwrap());
    drop(StoreWriter::open(second(STATEMENTS.len(), ""), &place.path()).unwrap());
    let mut names: Vec<_> = fs::read_dir(place.path().parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["words.db", "words.db.lock"]);
}

#[test]
fn a_migration_that_fails_at_any_statement_changes_nothing() {
    for statements in 0..=STATEMENTS.len() {
        let place = first_version();
        let error =
            StoreWriter::open(second(statements, "INSERT INTO nowhere VALUES (1);"), &place.path()).unwrap_err();
        assert!(matches!(&error, DatabaseError::Migration { .. }), "{error}");
        assert!(error.to_string().contains("could not be migrated"), "{error}");
        assert_migrates(&place);
    }
    let place = first_version();
    let error = StoreWriter::open(second(0, "DELETE FROM words;"), &place.path()).unwrap_err();
    assert!(matches!(error, DatabaseError::Migration { .. }), "rows may not point at nothing: {error}");
    assert_migrates(&place);
}

#[test]
fn without_a_backup_nothing_is_migrated() {
    let place = first_version();
    let obstacle = place.path().with_file_name("words.db.backup-v1.partial");
    fs::create_dir(&obstacle).unwrap();
    let error = StoreWriter::open(second(STATEMENTS.len(), ""), &place.path()).unwrap_err();
    assert!(matches!(error, DatabaseError::Backup { .. }), "{error}");
    assert_eq!(read(&WORDS, &place.path()), ["trial", "sample"]);
    fs::remove_dir(&obstacle).unwrap();
    // What a kill left of a backup is replaced.
    fs::write(&obstacle, "half a backup").unwrap();
    drop(StoreWriter::open(second(STATEMENTS.len(), ""), &place.path()).unwrap());
    assert!(!obstacle.exists());
    assert_eq!(read(&WORDS, &backup(&place)), ["trial", "sample"]);
}

#[test]
fn a_migration_that_is_killed_at_any_statement_changes_nothing() {
    for statements in 0..=STATEMENTS.len() {
        let place = first_version();
        let mut child = spawn(&place.path(), statements);
        let begun = Instant::now();
        while processor_ticks(&child) < REACHED {
            assert!(begun.elapsed() < Duration::from_secs(60), "the process never reached its last statement");
            assert_eq!(child.try_wait().unwrap(), None, "the process ended by itself");
            thread::sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_migrates(&place);
    }
}

/// The process to be killed. Does nothing when it is run as a test like others.
#[test]
#[ignore = "is started, and killed, by the test above"]
fn migrates_until_it_is_killed() {
    let (Some(path), Ok(count)) = (env::var_os(DATABASE), env::var(COUNT)) else { return };
    let outcome = StoreWriter::open(second(count.parse().unwrap(), ENDLESS), Path::new(&path));
    panic!("the migration ended: {outcome:?}");
}

fn spawn(path: &Path, statements: usize) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "database::tests::migration::migrates_until_it_is_killed", "--ignored", "--nocapture"])
        .env(DATABASE, path)
        .env(COUNT, statements.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Processor time that the process has used, in user mode: field 14 of `/proc/PID/stat`, see `proc(5)`.
fn processor_ticks(child: &Child) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    after_name.split_whitespace().nth(11).unwrap().parse().unwrap()
}
