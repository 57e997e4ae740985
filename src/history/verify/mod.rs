//! Looking for damage. Reads everything, changes nothing, and goes on after the first problem.

mod calibration;
mod comparison;
mod finding;
mod problems;
mod runs;
mod trials;

use super::error::Result;
use crate::database::{Connection, broken_links, structural_damage};

/// Every problem found, in plain English.
pub(super) fn problems(connection: &Connection) -> Result<Vec<String>> {
    let mut problems = structural_damage(connection)?;
    if problems.is_empty() {
        // What follows reads rows, and would only repeat in other words that they cannot be read.
        problems.extend(broken_links(connection)?);
        problems.extend(trials::problems(connection)?);
        problems.extend(runs::problems(connection)?);
        problems.extend(comparison::problems(connection)?);
        problems.extend(finding::problems(connection)?);
        problems.extend(calibration::problems(connection)?);
    }
    problems.truncate(problems::LIMIT);
    Ok(problems)
}
