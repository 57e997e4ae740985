//! JSON of the protocol, and settings. The promises are those of `entries::json`; nothing is decided here.
#![no_main]
#![allow(dead_code, reason = "each target calls one of the entry points")]

#[path = "../../engine/tests/parsing/entries.rs"]
mod entries;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| entries::json(bytes));
