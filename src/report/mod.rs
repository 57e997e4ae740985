//! What leaves Benchline: one shape of each result for JSON, the terminal, Markdown and pages. Records in, text out; this
//! room must never read the history, a file or a clock.
//!
//! Each command with `--json` and each address of the API that answers the same question serialise the same type: a
//! [`RunReport`], [`ComparisonReport`], [`BisectionReport`], [`CalibrationReport`], [`FindingsReport`],
//! [`DetectionReport`] or [`PlanReport`]. Every object begins with `schema`, such as `benchline.run/1`: the shape's name and
//! its version, which grows when a field is renamed, removed or changes its meaning. Fields are never left out: what is
//! unknown is `null`. `schema` publishes the shapes as closed JSON Schemas, `format` writes single values for people, and
//! `text` whole reports.

mod bisection;
mod budget;
mod calibration;
mod case;
mod comparison;
mod detection;
mod findings;
pub mod format;
mod plan;
mod run;
#[cfg(test)]
mod samples;
mod schema;
mod shape;
pub mod text;

pub use bisection::{Answer, BisectionReport, CommitRange, Outcome, StepReport};
pub use budget::ExceededBudget;
pub use calibration::CalibrationReport;
pub use case::CaseReport;
pub use comparison::{ComparisonRecords, ComparisonReport, VerdictReport};
pub use detection::{ChangeReport, ChangeState, DetectionReport, NoiseReport, SegmentReport, SightingReport};
pub use findings::{FindingReport, FindingsReport};
pub use plan::{CasePlanReport, EstimateSource, PlanReport, ProfileReport};
pub use run::{MeasurementReport, RunRecords, RunReport, RunsReport};
pub use schema::{NAMES, schema};
