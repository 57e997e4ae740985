//! Durations, byte sizes, rates and ratios as people write and read them. Values themselves are plain numbers in the
//! smallest unit (nanoseconds, bytes); this room must never hold state, choose a metric's unit, or lose precision in
//! silence: a text finer than the smallest unit is rejected, and a number is printed with no more digits than its
//! interval supports.
//!
//! Start at [`Unit`], which names what a metric is measured in and prints its values; `parse_…` read settings.

mod parse;
mod print;
mod scale;
mod unit;

pub use parse::{ParseError, parse_byte_rate, parse_bytes, parse_duration, parse_rate, parse_ratio};
pub use print::{exact_bytes, exact_duration, format_change, format_factor};
pub use unit::Unit;
