//! What leaves Benchline for other tools, and what comes in from them: documented shapes with a version of their own, so
//! that the records behind them may change. Pure data in, serde out; it must never read the history or write a file.

mod comparison;

pub use comparison::{COMPARISON_SCHEMA, Compared, ComparisonReport, parameters};
