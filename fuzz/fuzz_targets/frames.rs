//! Streams of document frames. The promises are those of `entries::frames`; nothing is decided here.
#![no_main]
#![allow(dead_code, reason = "each target calls one of the entry points")]

#[path = "../../engine/tests/parsing/entries.rs"]
mod entries;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| entries::frames(bytes));
