//! A run: `benchline run --json` and `/api/v1/runs/N`.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    budget::ExceededBudget,
    case::CaseReport,
    comparison::ComparisonReport,
    shape::{Tagged, serialize_as},
};
use crate::{
    judge,
    model::{
        Case, CaseLabel, Check, Direction, Environment, Failure, FailureKind, Grade, Interval, Measurement, Metric,
        Part, Profile, Revision, Role, Rules, Run, RunId, RunState, SubjectBuild, Unavailable, UnixMillis,
    },
};

/// Everything that one run says.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "schema", rename = "benchline.run/1")]
#[schemars(transform = Tagged("benchline.run/1"))]
pub struct RunReport {
    /// Its number in the history.
    pub run: RunId,
    /// How far it came.
    pub state: RunState,
    /// What was measured.
    pub revision: Revision,
    /// Where. `null` where the history does not know it.
    pub environment: Option<Environment>,
    /// Which cases, and how many trials.
    pub profile: Profile,
    /// The part it plays.
    pub part: Part,
    /// What was started. `null` where the build failed.
    pub build: Option<SubjectBuild>,
    /// When it began.
    pub started_at: UnixMillis,
    /// When it ended, if it did.
    pub finished_at: Option<UnixMillis>,
    /// A row for each series.
    #[serde(serialize_with = "serialize_as::<Measurement, MeasurementReport, _>")]
    #[schemars(with = "Vec<MeasurementReport>")]
    pub measurements: Vec<Measurement>,
    /// What could not be measured.
    #[serde(serialize_with = "serialize_as::<Failure, FailureReport, _>")]
    #[schemars(with = "Vec<FailureReport>")]
    pub failures: Vec<Failure>,
    /// Metrics that were wanted and could not be had.
    pub unavailable: Vec<Unavailable>,
    /// Budgets that are exceeded.
    pub exceeded_budgets: Vec<ExceededBudget>,
    /// What the revision was measured against, and the verdicts. `null` where it was measured by itself.
    pub comparison: Option<ComparisonReport>,
    /// The command that measures the same again.
    pub reproduce: String,
}

/// Several runs: what `benchline run A..B --json` writes.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "schema", rename = "benchline.runs/1")]
#[schemars(transform = Tagged("benchline.runs/1"))]
pub struct RunsReport {
    /// In the order in which they were measured.
    pub runs: Vec<RunReport>,
}

/// What the history holds of a run.
#[derive(Debug)]
pub struct RunRecords {
    /// The run.
    pub run: Run,
    /// Its environment.
    pub environment: Option<Environment>,
    /// Its measurements.
    pub measurements: Vec<Measurement>,
    /// Its failures.
    pub failures: Vec<Failure>,
    /// What it could not have.
    pub unavailable: Vec<Unavailable>,
    /// The comparison whose head it is.
    pub comparison: Option<ComparisonReport>,
}

/// What a run says about one series.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MeasurementReport {
    /// What was measured.
    pub case: CaseReport,
    /// Version of the operation, as the subject stated it.
    pub operation_version: u32,
    /// Which quantity.
    pub metric: Metric,
    /// Whose; `null` for the case as a whole.
    pub role: Option<&'static str>,
    /// Unit of the numbers.
    pub unit: &'static str,
    /// Which way is good.
    pub direction: Direction,
    /// Median over trials of the trial medians, for one operation.
    pub estimate: f64,
    /// Distribution-free interval of the estimate. `null` with fewer than 6 trials.
    pub interval: Option<Interval>,
    /// Trials.
    pub trials: u32,
    /// Samples, warm-up left out.
    pub samples: u32,
    /// Smallest sample.
    pub minimum: f64,
    /// First quartile of all samples.
    pub lower_quartile: f64,
    /// Third quartile of all samples.
    pub upper_quartile: f64,
    /// 99th percentile of all samples.
    pub p99: f64,
    /// Spread between trials, over the estimate.
    pub between: Option<f64>,
    /// Spread within trials, over the estimate.
    pub within: Option<f64>,
    /// What was looked at.
    pub checks: Vec<Check>,
    /// What the checks say together.
    pub grade: Grade,
}

/// What could not be measured.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct FailureReport {
    /// Which case; `null` where the revision as a whole failed.
    case: Option<CaseReport>,
    /// Which trial, from 0; `null` where no trial was started.
    trial: Option<u32>,
    /// What sort of failure.
    kind: FailureKind,
    /// What happened.
    message: String,
    /// The end of what the subject or the build wrote. May be empty.
    log: String,
    /// When.
    at: UnixMillis,
}

impl RunReport {
    /// Puts together what is known of a run. `rules` gives those of a case, see [`ExceededBudget`].
    pub fn new<'r>(records: RunRecords, rules: impl Fn(&Case) -> Option<&'r Rules>) -> RunReport {
        let RunRecords { run, environment, measurements, failures, unavailable, comparison } = records;
        let Run { id, revision, environment: _, profile, part, state, build, started_at, finished_at, reproduce } = run;
        let exceeded_budgets = judge::crossed(&measurements, rules).iter().map(ExceededBudget::from).collect();
        RunReport {
            run: id,
            state,
            revision,
            environment,
            profile,
            part,
            build,
            started_at,
            finished_at,
            measurements,
            failures,
            unavailable,
            exceeded_budgets,
            comparison,
            reproduce,
        }
    }
}

impl From<&Measurement> for MeasurementReport {
    fn from(measurement: &Measurement) -> MeasurementReport {
        let Measurement { case, label, operation_version, metric, summary, checks, grade } = measurement;
        MeasurementReport {
            case: CaseReport::new(case, label),
            operation_version: *operation_version,
            metric: *metric,
            role: metric.role.map(Role::as_str),
            unit: metric.unit().as_str(),
            direction: metric.direction(),
            estimate: summary.estimate,
            interval: summary.interval,
            trials: summary.trials,
            samples: summary.samples,
            minimum: summary.minimum,
            lower_quartile: summary.lower_quartile,
            upper_quartile: summary.upper_quartile,
            p99: summary.p99,
            between: summary.between,
            within: summary.within,
            checks: checks.clone(),
            grade: *grade,
        }
    }
}

impl From<&Failure> for FailureReport {
    fn from(failure: &Failure) -> FailureReport {
        let unlabelled = CaseLabel(String::new());
        let label = failure.label.as_ref().unwrap_or(&unlabelled);
        FailureReport {
            case: failure.case.as_ref().map(|case| CaseReport::new(case, label)),
            trial: failure.trial,
            kind: failure.kind,
            message: failure.message.clone(),
            log: failure.log.clone(),
            at: failure.at,
        }
    }
}
