//! Which metrics of a case decide, and how large a change has to be before it matters.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Metric, Quantity, Role, Unit};

/// The rules by which a case's series are compared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// What else decides, besides wall time, CPU time and peak memory.
    pub gate: BTreeSet<Metric>,
    /// Counts that must be the same every time, compared by difference.
    pub exact: BTreeSet<Metric>,
    /// Margins that differ from [`Margin::of`].
    pub margins: BTreeMap<Metric, Margin>,
    /// What must not be exceeded, whatever changed.
    pub budgets: Vec<Budget>,
    /// The one metric that decides, whatever else would: a bisection asks about one. `None` in scenario files.
    #[serde(default)]
    pub only: Option<Metric>,
}

/// A metric's limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Of what.
    pub metric: Metric,
    /// How much.
    pub limit: Limit,
}

/// What a budget is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// The estimate, in the metric's unit.
    Value(f64),
    /// The ratio to the anchor: the last release.
    OfAnchor(f64),
}

/// A change below this does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Margin {
    /// As a share of the base.
    pub share: f64,
    /// In the metric's unit. The larger of both counts.
    pub absolute: f64,
}

impl Margin {
    /// The margin of a metric for which the scenario names none: 1%, and for memory 2 MiB if that is more. The pages of a
    /// program's own code are part of its resident memory, and which of them are touched depends on where its functions
    /// lie: the same source linked in another order was measured to take 0.8 to 1.1 MiB more or less.
    pub fn of(metric: Metric) -> Margin {
        let absolute = if metric.unit() == Unit::MemoryBytes { 2_097_152.0 } else { 0.0 };
        Margin { share: 0.01, absolute }
    }
}

impl Rules {
    /// Whether a metric may turn red or green.
    pub fn decides(&self, metric: Metric) -> bool {
        match self.only {
            Some(only) => metric == only,
            None => {
                // What the load generator uses is not the subject's cost.
                matches!(metric.quantity, Quantity::WallTime | Quantity::CpuTime | Quantity::RssPeak)
                    && metric.role != Some(Role::Load)
                    || self.gate.contains(&metric)
            }
        }
    }

    /// The margin of a metric. Zero for counts declared exact.
    pub fn margin(&self, metric: Metric) -> Margin {
        match self.margins.get(&metric) {
            Some(margin) => *margin,
            None if self.exact.contains(&metric) => Margin { share: 0.0, absolute: 0.0 },
            None => Margin::of(metric),
        }
    }
}
