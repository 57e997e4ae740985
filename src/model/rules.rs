//! Which metrics of a case decide, and how large a change has to be before it matters.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Metric, Role, Unit};

/// The rules by which a case's series are compared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// Gate metrics of the scenario beside [`Metric::DEFAULT_GATES`].
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
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Whether a metric is a **gate metric**: one whose series may be judged worse or better, and that shares the error
    /// budget. This is the one definition; whoever asks about a case asks its rules.
    ///
    /// Gate metrics are those of [`Metric::DEFAULT_GATES`] and those that the scenario names, unless one metric alone was
    /// asked about. A stored verdict says in [`super::Verdict::gate`] what the rules were when it was made. Readers of
    /// measurements that have no rules at hand use [`Metric::gates_by_default`].
    pub fn gates(&self, metric: Metric) -> bool {
        match self.only {
            Some(only) => metric == only,
            None => metric.gates_by_default() || self.gate.contains(&metric),
        }
    }

    /// The gate metrics of a case with these roles, each once: the default ones of its roles first.
    pub fn gate_metrics(&self, roles: &[Role]) -> Vec<Metric> {
        let measured = |metric: &Metric| metric.role.is_none_or(|role| roles.contains(&role));
        let mut seen = BTreeSet::new();
        let default = Metric::DEFAULT_GATES.into_iter().filter(measured);
        default
            .chain(self.gate.iter().copied())
            .chain(self.only)
            .filter(|metric| self.gates(*metric) && seen.insert(*metric))
            .collect()
    }

    /// The gate metrics of any of several scenarios, each once, in order.
    pub fn gate_metrics_of_any<'r>(rules: impl Iterator<Item = &'r Rules>) -> Vec<Metric> {
        let roles = [Role::Client, Role::Server, Role::Load];
        let metrics: BTreeSet<Metric> = rules.flat_map(|rules| rules.gate_metrics(&roles)).collect();
        metrics.into_iter().collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Quantity;

    #[test]
    fn gate_metrics_are_those_that_decide_each_once() {
        let mut rules = Rules::default();
        rules.gate.extend([Metric::of(Role::Client, Quantity::Requests), Metric::WALL_TIME]);
        let found = rules.gate_metrics(&[Role::Client, Role::Server]);
        let names: Vec<String> = found.iter().map(Metric::to_string).collect();
        let expected = [
            "wall_time",
            "client.cpu_time",
            "client.rss_peak",
            "server.cpu_time",
            "server.rss_peak",
            "client.requests",
        ];
        assert_eq!(names, expected);
        assert!(found.iter().all(|metric| rules.gates(*metric)));
        let one = Rules { only: Some(Metric::of(Role::Server, Quantity::RssPeak)), ..rules };
        assert_eq!(one.gate_metrics(&[Role::Client, Role::Server]), [Metric::of(Role::Server, Quantity::RssPeak)]);
    }
}
