//! Benchline measures a program at every commit, keeps every sample, and shows what changed.
//!
//! The rooms. Imports flow downwards only; `tests/tidy` proves it. In reading order: `units`, `stats` and `database` know
//! nothing else; `model` is the words as records; `scenario`, `probe`, `revision`, `history` and `load` each face one part
//! of the world; `judge` decides; `adapter` holds programs that do not speak the contract; `runner` measures; `report` gives
//! results one shape and text; `campaign` builds, measures, keeps and decides; `charts` and `site` show; `selfbench`
//! measures the platform itself; `cli` wires.

pub mod adapter;
pub mod campaign;
pub mod charts;
pub mod cli;
pub mod database;
pub mod history;
pub mod judge;
pub mod load;
pub mod model;
pub mod probe;
pub mod report;
pub mod revision;
pub mod runner;
pub mod scenario;
pub mod selfbench;
pub mod site;
pub mod stats;
pub mod units;
