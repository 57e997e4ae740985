//! Bytes of strangers, given to every parser: those that fuzzing begins with, and random ones. The functions are those of
//! the fuzz targets; `fuzz/README.md` says how to run these for longer.
//!
//! `BENCHLINE_CASES` is the number of random inputs for each parser.

pub(crate) mod entries;
mod requests;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// How many random inputs each parser gets.
pub(crate) fn cases() -> u32 {
    std::env::var("BENCHLINE_CASES").map_or(300, |cases| cases.parse().unwrap())
}

/// What fuzzing begins with, by parser.
pub(crate) fn seeds(entry: &str) -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(entry);
    std::fs::read_dir(folder).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

/// Random bytes, and seeds of which a part was replaced by random bytes.
pub(crate) fn hostile(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let noise = || proptest::collection::vec(any::<u8>(), 0..64);
    let altered = (proptest::sample::select(seeds), any::<proptest::sample::Index>(), 0usize..8, noise());
    let altered = altered.prop_map(|(mut seed, at, count, noise)| {
        let at = at.index(seed.len() + 1);
        seed.splice(at..(at + count).min(seed.len()), noise);
        seed
    });
    prop_oneof![noise(), altered]
}

#[test]
fn no_parser_breaks_its_promises_whatever_the_bytes() {
    for (name, entry) in entries::ENTRIES {
        let seeds = seeds(name);
        seeds.iter().for_each(|seed| entry(seed));
        let mut runner = TestRunner::new(Config { cases: cases(), failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&hostile(seeds), |bytes| {
            entry(&bytes);
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{name}: {error}");
        }
    }
}
