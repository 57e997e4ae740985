//! What the platform measured of itself: its false-alarm rate and its power on one machine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Case, CaseLabel, Design, Metric, RunState, SubjectBuild, UnixMillis};

/// One calibration of one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Its number in the history.
    pub id: i64,
    /// [`super::Environment::id`].
    pub environment: String,
    /// The program that was compared with itself.
    pub build: SubjectBuild,
    /// How far it came.
    pub state: RunState,
    /// When it began.
    pub started_at: UnixMillis,
    /// When it ended, if it did.
    pub finished_at: Option<UnixMillis>,
    /// Blocks recorded of each case; each has one trial of every [`VariantKind`].
    pub blocks: u32,
    /// The procedure that was replayed.
    pub design: Design,
    /// What came out. Empty until something could be replayed.
    pub rates: Vec<Rate>,
}

/// What a calibration compared with the plain program in each block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VariantKind {
    /// The program itself: what every other variant is compared with.
    Base,
    /// The same program once more.
    Same,
    /// The same program, made to spin for this share of the measured time, in millionths.
    Slowdown(u32),
    /// The same program, made to hold this many more bytes.
    Memory(u64),
    /// The same source linked in another order, chosen by this seed.
    Neutral(u32),
}

/// How often the procedure spoke, replayed on contiguous windows of recorded blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// What was compared with the plain program.
    pub variant: VariantKind,
    /// One series; `None` for whole commits: any gate series of any case.
    pub series: Option<RatedSeries>,
    /// Windows replayed. Neighbouring windows share blocks.
    pub pairs: u32,
    /// Windows that share no block with another: what the evidence is worth at least.
    pub independent: u32,
    /// Windows that ended worse or better.
    pub flagged: u32,
    /// Spread of the block effects of the series, as a share: 1.4826 times their median absolute deviation. `None` for
    /// whole commits.
    pub spread: Option<f64>,
    /// Median of the resolution stated, over windows that begin a first stage apart. `None` for whole commits, for
    /// injections, which do not change it, and where none could be stated.
    pub resolution: Option<f64>,
}

/// Which series a [`Rate`] is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RatedSeries {
    /// What was measured.
    pub case: Case,
    /// How people read the case's parameters.
    pub label: CaseLabel,
    /// Which quantity.
    pub metric: Metric,
}
