//! Budgets that are exceeded: limits that hold whatever changed.

use schemars::JsonSchema;
use serde::Serialize;

use super::case::CaseReport;
use crate::{
    judge::Crossing,
    model::{Limit, Metric},
};

/// A budget that is exceeded.
///
/// Budgets are those of the scenario files in force where the report is made, by the command as by the site: the history
/// does not keep the rules of a run. A case of a scenario that is gone, or of another version of it, has none.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ExceededBudget {
    /// Of which case.
    pub case: CaseReport,
    /// Of which metric.
    pub metric: Metric,
    /// The estimate in the metric's unit, or the ratio to the anchor.
    pub found: f64,
    /// What it must not exceed.
    pub limit: Limit,
    /// The same as one sentence.
    pub message: String,
}

impl From<&Crossing> for ExceededBudget {
    fn from(crossing: &Crossing) -> ExceededBudget {
        let Crossing { case, label, metric, found, limit } = crossing;
        let (found_text, limit_text) = match limit {
            Limit::Value(value) => (metric.unit().format(*found), metric.unit().format(*value)),
            Limit::OfAnchor(factor) => (format!("{found:.3} × the anchor"), format!("{factor} ×")),
        };
        ExceededBudget {
            case: CaseReport::new(case, label),
            metric: *metric,
            found: *found,
            limit: *limit,
            message: format!(
                "over budget: {metric} of {} {} is {found_text}, and the limit is {limit_text}",
                case.scenario, label.0
            ),
        }
    }
}
