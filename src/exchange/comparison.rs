//! What a comparison says, as one JSON object: that of `benchline compare --format json` and of the API.

use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::model::{
    Comparison, ComparisonId, Design, Environment, Metric, Revision, Role, RunState, Scale, Stage, Tally, Value,
    Values, Verdict, VerdictKind,
};

/// Version of the object. History: 1, the first.
pub const COMPARISON_SCHEMA: u32 = 1;

/// Everything that one comparison says.
#[derive(Debug, Clone, Serialize)]
pub struct ComparisonReport {
    /// [`COMPARISON_SCHEMA`].
    pub schema: u32,
    /// Its number in the history.
    pub comparison: ComparisonId,
    /// How far it came.
    pub state: RunState,
    /// What was compared with.
    pub base: Revision,
    /// What was judged.
    pub head: Revision,
    /// Where. `None` where the history does not know it.
    pub environment: Option<Environment>,
    /// Whether both subjects are equal in binary and configuration.
    pub identical: bool,
    /// Probability that a clean commit shows any false worse or better.
    pub error_budget: f64,
    /// Sizes and error rates, all fixed before the first trial.
    pub design: Design,
    /// A row for each series, ordered by case and metric.
    pub comparisons: Vec<Compared>,
    /// Series that decide, by verdict.
    pub summary: Tally,
    /// Failures of both sides.
    pub failures: u32,
    /// The command that measures the same again.
    pub reproduce: String,
}

/// What is said about one series.
#[derive(Debug, Clone, Serialize)]
pub struct Compared {
    /// `group/name`.
    pub scenario: String,
    /// The point of the scenario's parameters.
    pub parameters: Map<String, Json>,
    /// Which quantity.
    pub metric: Metric,
    /// Whose; `None` for the case as a whole.
    pub role: Option<&'static str>,
    /// Whether the series may turn worse or better.
    pub gate: bool,
    /// Head over base; `None` for differences.
    pub ratio: Option<f64>,
    /// Head less base, in the metric's unit; `None` for ratios.
    pub difference: Option<f64>,
    /// Lower and upper end, of whichever of the two there is.
    pub interval: Option<[f64; 2]>,
    /// The interval's exact level.
    pub level: Option<f64>,
    /// The change that would have been caught with 90% probability, as the margin is measured.
    pub resolution: Option<f64>,
    /// Below it a change does not matter: a share of the base for ratios, in the metric's unit for differences.
    pub margin: f64,
    /// p of the Wilcoxon signed-rank test, two-sided.
    pub p: Option<f64>,
    /// The decision.
    pub verdict: VerdictKind,
    /// Why, in plain English. May be empty.
    pub reason: String,
    /// Blocks that count.
    pub blocks: u32,
    /// The stage that the figures come from alone, 1 or 2.
    pub stage: Option<u32>,
}

impl ComparisonReport {
    /// Puts together what is known of a comparison. `summary` counts those of `verdicts` that decide.
    pub fn new(
        comparison: &Comparison,
        (base, head): (Revision, Revision),
        environment: Option<Environment>,
        verdicts: &[Verdict],
        summary: Tally,
        failures: u32,
        reproduce: String,
    ) -> ComparisonReport {
        ComparisonReport {
            schema: COMPARISON_SCHEMA,
            comparison: comparison.id,
            state: comparison.state,
            base,
            head,
            environment,
            identical: comparison.identical,
            error_budget: comparison.design.budget,
            design: comparison.design,
            comparisons: verdicts.iter().map(Compared::from).collect(),
            summary,
            failures,
            reproduce,
        }
    }
}

impl From<&Verdict> for Compared {
    fn from(verdict: &Verdict) -> Compared {
        let effect = |scale| verdict.effect.filter(|_| verdict.scale == scale);
        Compared {
            scenario: verdict.case.scenario.clone(),
            parameters: parameters(&verdict.case.parameters),
            metric: verdict.metric,
            role: verdict.metric.role.map(Role::as_str),
            gate: verdict.gate,
            ratio: effect(Scale::Ratio),
            difference: effect(Scale::Difference),
            interval: verdict.interval.map(|interval| [interval.low, interval.high]),
            level: verdict.interval.map(|interval| interval.level),
            resolution: verdict.resolution,
            margin: verdict.margin,
            p: verdict.p,
            verdict: verdict.kind,
            reason: verdict.reason.clone(),
            blocks: verdict.blocks,
            stage: verdict.stage.map(Stage::number),
        }
    }
}

/// Parameters as plain JSON.
pub fn parameters(values: &Values) -> Map<String, Json> {
    let plain = |value: &Value| match value {
        Value::Count(count) => Json::from(*count),
        Value::Text(text) => Json::from(text.as_str()),
        Value::Flag(flag) => Json::from(*flag),
    };
    values.iter().map(|(name, value)| (name.clone(), plain(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Case, CaseLabel, Interval};

    #[test]
    fn a_row_has_the_documented_shape() {
        let verdict = Verdict {
            case: Case {
                scenario: "sync/upload".into(),
                version: 1,
                operation: "sync/upload".into(),
                parameters: Values::from([
                    ("size".into(), Value::Count(10_000)),
                    ("nodelay".into(), Value::Flag(true)),
                ]),
                configuration: Values::new(),
            },
            label: CaseLabel("10 kB".into()),
            operation_version: 1,
            metric: Metric::WALL_TIME,
            kind: VerdictKind::Worse,
            gate: true,
            scale: Scale::Ratio,
            stage: Some(Stage::Second),
            blocks: 30,
            effect: Some(1.043),
            interval: Some(Interval { low: 1.031, high: 1.055, level: 0.95 }),
            p: Some(1e-5),
            alpha: Some(1e-3),
            margin: 0.01,
            resolution: Some(0.019),
            blocks_needed: None,
            reason: String::new(),
        };
        let row = serde_json::to_value(Compared::from(&verdict)).unwrap();
        let expected = serde_json::json!({
            "scenario": "sync/upload", "parameters": {"size": 10_000, "nodelay": true}, "metric": "wall_time",
            "role": null, "gate": true, "ratio": 1.043, "difference": null, "interval": [1.031, 1.055], "level": 0.95,
            "resolution": 0.019, "margin": 0.01, "p": 1e-5, "verdict": "worse", "reason": "", "blocks": 30, "stage": 2,
        });
        assert_eq!(row, expected);
    }
}
