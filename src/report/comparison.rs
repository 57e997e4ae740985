//! A comparison: `benchline compare --format json` and `/api/v1/comparisons/N`.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    budget::ExceededBudget,
    case::CaseReport,
    shape::{Tagged, serialize_as},
};
use crate::{
    judge,
    model::{
        Case, Comparison, ComparisonId, Design, Environment, Interval, Metric, Purpose, Revision, Role, Rules, RunId,
        RunState, Scale, Stage, Tally, UnixMillis, Verdict, VerdictKind,
    },
};

/// Everything that one comparison says.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "schema", rename = "benchline.comparison/1")]
#[schemars(transform = Tagged("benchline.comparison/1"))]
pub struct ComparisonReport {
    /// Its number in the history.
    pub comparison: ComparisonId,
    /// What it is for.
    pub purpose: Purpose,
    /// How far it came.
    pub state: RunState,
    /// What was compared with.
    pub base: Revision,
    /// What was judged.
    pub head: Revision,
    /// The run of the base.
    pub base_run: RunId,
    /// The run of the head.
    pub head_run: RunId,
    /// Where. `null` where the history does not know it.
    pub environment: Option<Environment>,
    /// Whether both subjects are equal in binary and configuration.
    pub identical: bool,
    /// Sizes and error rates, all fixed before the first trial.
    pub design: Design,
    /// Seed of the order within blocks and of the order of cases.
    pub seed: u64,
    /// When it began.
    pub started_at: UnixMillis,
    /// When it ended, if it did.
    pub finished_at: Option<UnixMillis>,
    /// A row for each series, ordered by case and metric.
    #[serde(serialize_with = "serialize_as::<Verdict, VerdictReport, _>")]
    #[schemars(with = "Vec<VerdictReport>")]
    pub verdicts: Vec<Verdict>,
    /// Gate series, by verdict.
    pub summary: Tally,
    /// Failures of both sides.
    pub failure_count: u32,
    /// Budgets on the ratio to the anchor that are exceeded. Empty where the base is no anchor.
    pub exceeded_budgets: Vec<ExceededBudget>,
    /// The command that measures the same again.
    pub reproduce: String,
}

/// What the history holds of a comparison.
#[derive(Debug)]
pub struct ComparisonRecords {
    /// The comparison.
    pub comparison: Comparison,
    /// What was compared with.
    pub base: Revision,
    /// What was judged.
    pub head: Revision,
    /// The head's environment.
    pub environment: Option<Environment>,
    /// Its verdicts.
    pub verdicts: Vec<Verdict>,
    /// Failures of both runs.
    pub failure_count: u32,
    /// The command that measures the same again.
    pub reproduce: String,
}

/// What is said about one series.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct VerdictReport {
    /// What was measured.
    pub case: CaseReport,
    /// Version of the operation.
    pub operation_version: u32,
    /// Which quantity.
    pub metric: Metric,
    /// Whose; `null` for the case as a whole.
    pub role: Option<&'static str>,
    /// The decision.
    pub verdict: VerdictKind,
    /// Whether the metric is a gate metric: only those may be worse or better.
    pub gate: bool,
    /// What the effect, its interval, the margin and the resolution are measured in.
    pub scale: Scale,
    /// Head over base, or head less base in the metric's unit. `null` without blocks.
    pub effect: Option<f64>,
    /// Interval of the effect. `null` with too few blocks.
    pub interval: Option<Interval>,
    /// The change that would have been caught with 90% probability.
    pub resolution: Option<f64>,
    /// Below it a change does not matter: a share of the base for ratios, in the metric's unit for differences.
    pub margin: f64,
    /// p of the Wilcoxon signed-rank test, two-sided.
    pub p: Option<f64>,
    /// What p was held against. `null` for series that are only described.
    pub alpha: Option<f64>,
    /// Why, in plain English. May be empty.
    pub reason: String,
    /// Blocks that count.
    pub blocks: u32,
    /// How many blocks would decide, where the verdict is inconclusive and a number of them would.
    pub blocks_needed: Option<u32>,
    /// The stage that the figures come from, 1 or 2. `null` where nothing was measured, because the subjects are identical.
    pub stage: Option<u32>,
}

impl ComparisonReport {
    /// Puts together what is known of a comparison. `rules` gives those of a case, see [`ExceededBudget`].
    pub fn new<'r>(records: ComparisonRecords, rules: impl Fn(&Case) -> Option<&'r Rules>) -> ComparisonReport {
        let ComparisonRecords { comparison, base, head, environment, verdicts, failure_count, reproduce } = records;
        let crossings = match comparison.purpose {
            Purpose::Anchor => judge::crossed_anchor(&verdicts, rules),
            Purpose::Gate | Purpose::Requested | Purpose::Bisect => Vec::new(),
        };
        ComparisonReport {
            comparison: comparison.id,
            purpose: comparison.purpose,
            state: comparison.state,
            base,
            head,
            base_run: comparison.base,
            head_run: comparison.head,
            environment,
            identical: comparison.identical,
            design: comparison.design,
            seed: comparison.seed,
            started_at: comparison.started_at,
            finished_at: comparison.finished_at,
            summary: judge::tally(&verdicts),
            verdicts,
            failure_count,
            exceeded_budgets: crossings.iter().map(ExceededBudget::from).collect(),
            reproduce,
        }
    }
}

impl From<&Verdict> for VerdictReport {
    fn from(verdict: &Verdict) -> VerdictReport {
        VerdictReport {
            case: CaseReport::new(&verdict.case, &verdict.label),
            operation_version: verdict.operation_version,
            metric: verdict.metric,
            role: verdict.metric.role.map(Role::as_str),
            verdict: verdict.kind,
            gate: verdict.gate,
            scale: verdict.scale,
            effect: verdict.effect,
            interval: verdict.interval,
            resolution: verdict.resolution,
            margin: verdict.margin,
            p: verdict.p,
            alpha: verdict.alpha,
            reason: verdict.reason.clone(),
            blocks: verdict.blocks,
            blocks_needed: verdict.blocks_needed,
            stage: verdict.stage.map(Stage::number),
        }
    }
}
