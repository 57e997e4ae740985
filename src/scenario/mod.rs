//! Scenario files: TOML as written, validated, and turned into a plan of cases. This room must never start anything.
//!
//! `written` is the file as people write it, `validate` turns it into a [`Scenario`] or reports in which file and line it
//! is wrong, `load` reads a folder, `plan` chooses what a profile measures, `find` the one case that a person names.

mod external;
mod find;
mod label;
mod load;
mod parameters;
mod plan;
mod problem;
mod rules;
#[cfg(test)]
mod tests;
mod validate;
mod written;

pub use find::{FindError, find_case};
pub use load::{load_folder, load_texts};
pub use parameters::ParameterKind;
pub use plan::{CasePlan, Expectation, Plan, PlanError, every_case, plan, rules};
pub use problem::{Problem, Problems};
pub use validate::{Point, Sampling, Scenario, SubjectKind, TrialCounts};
