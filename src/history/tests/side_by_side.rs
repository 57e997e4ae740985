//! Readers and the writer at once: nobody waits, and everybody sees one state.

use super::*;
use crate::database::Connection;
use crate::history::{HistoryError, reader::trials::trials, writer::trial::record_trial};

#[test]
fn readers_do_not_wait_for_a_transaction_and_do_not_see_into_it() {
    let place = Place::new();
    let mut writer = place.writer();
    let run = writer.open_run(&start(1)).unwrap().id;
    writer.record_trial(run, &trial(1, 0, 0)).unwrap();
    let reader = place.reader();
    let serial = reader.serial().unwrap();
    writer
        .change(|connection| {
            record_trial(connection, run, &trial(1, 1, 1))?;
            assert_eq!(trials(connection, run, &case(1).key())?.len(), 2);
            // The transaction is open and has written. A reader that waited for it would wait for ever.
            assert_eq!(reader.trials(run, &case(1).key())?.len(), 1);
            assert_eq!(reader.serial()?, serial);
            assert_eq!(place.reader().run(run)?.map(|listing| listing.trials), Some(1));
            Ok(())
        })
        .unwrap();
    assert_eq!(reader.trials(run, &case(1).key()).unwrap().len(), 2);
}

#[test]
fn the_writer_does_not_wait_for_a_reader_and_does_not_move_its_ground() {
    let place = Place::new();
    let mut writer = place.writer();
    let run = writer.open_run(&start(1)).unwrap().id;
    let reader = place.reader();
    reader
        .with_snapshot(|connection| {
            let before = serial(connection)?;
            writer.record_trial(run, &trial(1, 0, 0))?;
            assert_eq!(serial(connection)?, before);
            assert_eq!(trials(connection, run, &case(1).key())?, []);
            Ok(())
        })
        .unwrap();
    assert_eq!(reader.trials(run, &case(1).key()).unwrap().len(), 1);
}

#[test]
fn many_threads_read_while_one_writes() {
    const TRIALS: u32 = 40;
    let place = Place::new();
    let mut writer = place.writer();
    let run = writer.open_run(&start(1)).unwrap().id;
    let reader = place.reader();
    std::thread::scope(|scope| {
        for _ in 0..12 {
            let reader = reader.clone();
            scope.spawn(move || {
                let (mut last, mut serial) = (0, 0);
                while last < TRIALS {
                    let trials = reader.trials(run, &case(1).key()).unwrap();
                    let expected: Vec<_> = (0..trials.len() as u32).map(|index| trial(1, index, index)).collect();
                    assert_eq!(trials, expected);
                    let now = reader.serial().unwrap();
                    assert!(trials.len() as u32 >= last && now >= serial);
                    (last, serial) = (trials.len() as u32, now);
                }
            });
        }
        for index in 0..TRIALS {
            writer.record_trial(run, &trial(1, index, index)).unwrap();
        }
    });
}

/// The serial of the state that a connection sees.
fn serial(connection: &Connection) -> Result<i64, HistoryError> {
    Ok(connection.query_row("SELECT value FROM serial", [], |row| row.get(0))?)
}
