//! A calibration: `benchline calibrate --json` and `/api/v1/calibrations/N`.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    case::CaseReport,
    shape::{Tagged, serialize_as},
};
use crate::{
    judge::shares::share,
    model::{Calibration, Design, Interval, Metric, Rate, RunState, SubjectBuild, UnixMillis, VariantKind},
};

/// Everything that a calibration says, with the intervals that its counts allow.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "schema", rename = "benchline.calibration/1")]
#[schemars(transform = Tagged("benchline.calibration/1"))]
pub struct CalibrationReport {
    /// Its number in the history.
    pub calibration: i64,
    /// How far it came.
    pub state: RunState,
    /// On which environment.
    pub environment_id: String,
    /// The program that was compared with itself.
    pub build: SubjectBuild,
    /// When it began.
    pub started_at: UnixMillis,
    /// When it ended, if it did.
    pub finished_at: Option<UnixMillis>,
    /// Blocks recorded of each case.
    pub blocks: u32,
    /// The procedure that was replayed.
    pub design: Design,
    /// What came out. Empty until something could be replayed.
    #[serde(serialize_with = "serialize_as::<Rate, RateReport, _>")]
    #[schemars(with = "Vec<RateReport>")]
    pub rates: Vec<Rate>,
}

/// How often the procedure gave a verdict, replayed on contiguous windows of recorded blocks.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct RateReport {
    /// What was compared with the plain program.
    variant: VariantKind,
    /// Of which case; `null` for whole commits: any gate series of any case.
    case: Option<CaseReport>,
    /// Of which metric; `null` for whole commits.
    metric: Option<Metric>,
    /// Windows replayed. Neighbouring windows share blocks.
    pairs: u32,
    /// Windows that share no block with another.
    independent: u32,
    /// Windows that ended worse or better.
    flagged: u32,
    /// Flagged windows over all.
    share: Option<f64>,
    /// Wilson interval of the share, as if no two windows shared a block.
    interval: Option<Interval>,
    /// Wilson interval of the share, as if only windows that share no block were evidence.
    cautious_interval: Option<Interval>,
    /// Spread of the block effects of the series, as a share. `null` for whole commits.
    spread: Option<f64>,
    /// Median of the resolution stated. `null` for whole commits and injections, and where none could be stated.
    resolution: Option<f64>,
}

impl From<Calibration> for CalibrationReport {
    fn from(calibration: Calibration) -> CalibrationReport {
        let Calibration { id, environment, build, state, started_at, finished_at, blocks, design, rates } = calibration;
        CalibrationReport {
            calibration: id,
            state,
            environment_id: environment,
            build,
            started_at,
            finished_at,
            blocks,
            design,
            rates,
        }
    }
}

impl From<&Rate> for RateReport {
    fn from(rate: &Rate) -> RateReport {
        let series = rate.series.as_ref();
        let found = share([rate]);
        RateReport {
            variant: rate.variant,
            case: series.map(|series| CaseReport::new(&series.case, &series.label)),
            metric: series.map(|series| series.metric),
            pairs: rate.pairs,
            independent: rate.independent,
            flagged: rate.flagged,
            share: found.map(|found| found.share),
            interval: found.map(|found| found.interval),
            cautious_interval: found.map(|found| found.cautious),
            spread: rate.spread,
            resolution: rate.resolution,
        }
    }
}
