//! The verdict of a comparison on one series, with everything that the decision is based on.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Case, CaseLabel, Interval, Metric, Stage};

/// The verdict of a comparison on one series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What was measured.
    pub case: Case,
    /// How people read the case's parameters.
    pub label: CaseLabel,
    /// Version of the operation.
    pub operation_version: u32,
    /// Which quantity.
    pub metric: Metric,
    /// The decision.
    pub kind: VerdictKind,
    /// Whether the series may turn red or green. The others are shown with their interval, and never are.
    pub gate: bool,
    /// What effects are measured in.
    pub scale: Scale,
    /// The stage that the figures come from alone. `None` where nothing was measured, because the subjects are identical.
    pub stage: Option<Stage>,
    /// Blocks of that stage that count.
    pub blocks: u32,
    /// Hodges–Lehmann estimate of the effect: head over base, or head less base. `None` without blocks.
    pub effect: Option<f64>,
    /// Interval of the effect, from the signed-rank test. `None` with too few blocks.
    pub interval: Option<Interval>,
    /// p of the Wilcoxon signed-rank test, two-sided.
    pub p: Option<f64>,
    /// The threshold for p. `None` for series that are only described.
    pub alpha: Option<f64>,
    /// Below it a change does not matter: a share of the base for ratios, in the metric's unit for differences.
    pub margin: f64,
    /// The change, as `margin` is measured, that this procedure with this series' spread would have caught with 90%
    /// probability. `None` where the blocks do not suffice, or no change could be detected.
    pub resolution: Option<f64>,
    /// How many blocks would decide, where the verdict is inconclusive and a number of them would.
    pub blocks_needed: Option<u32>,
    /// Why, in plain English. Empty where the figures suffice.
    pub reason: String,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictKind {
    /// A change to the bad, beyond the margin.
    Worse,
    /// A change to the good, beyond the margin.
    Better,
    /// No change beyond the margin.
    Equivalent,
    /// The data do not decide.
    Inconclusive,
    /// The data are not worth deciding on.
    Unusable,
}

impl VerdictKind {
    /// Every kind, the most urgent first.
    pub const ALL: [VerdictKind; 5] = [
        VerdictKind::Worse,
        VerdictKind::Better,
        VerdictKind::Equivalent,
        VerdictKind::Inconclusive,
        VerdictKind::Unusable,
    ];

    /// The word used in the database, the API and on pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            VerdictKind::Worse => "worse",
            VerdictKind::Better => "better",
            VerdictKind::Equivalent => "equivalent",
            VerdictKind::Inconclusive => "inconclusive",
            VerdictKind::Unusable => "unusable",
        }
    }
}

impl FromStr for VerdictKind {
    type Err = String;

    fn from_str(text: &str) -> Result<VerdictKind, String> {
        let found = VerdictKind::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| format!("there is no verdict `{text}`"))
    }
}

/// What an effect is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Head over base; 1 is no change.
    Ratio,
    /// Head less base, in the metric's unit; 0 is no change. For counts, which may be zero.
    Difference,
}

impl Scale {
    /// The word used in the database, the API and on pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scale::Ratio => "ratio",
            Scale::Difference => "difference",
        }
    }
}

/// How many series that decide have each verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// A change to the bad.
    pub worse: u32,
    /// A change to the good.
    pub better: u32,
    /// No change beyond the margin.
    pub equivalent: u32,
    /// Undecided.
    pub inconclusive: u32,
    /// Not worth deciding on.
    pub unusable: u32,
}
