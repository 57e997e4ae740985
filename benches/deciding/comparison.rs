//! Simulated comparisons of one case with three gate series, as the runner would record them.

use benchline::judge::{self, Pairs};
use benchline::model::{
    Block, Case, Design, Metric, Quantity, Role, Rules, SampleColumn, Stage, Trial, TrialTotal, Verdict,
};
use benchline::stats;

use crate::random::{Model, Random, Stream};

/// The scenario of the simulated case.
const CASE: &str = "simulated/case";

/// The gate series of the simulated case.
pub(crate) const SERIES: usize = 3;

/// How the three series of a case are correlated: the share of each that is a noise common to all.
const COMMON: f64 = 0.6;

const CPU: Metric = Metric::of(Role::Client, Quantity::CpuTime);
const PEAK: Metric = Metric::of(Role::Client, Quantity::RssPeak);

/// What is simulated.
#[derive(Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) model: Model,
    /// Noise is multiplied by this.
    pub(crate) scale: f64,
    /// The head's values over the base's.
    pub(crate) change: f64,
}

/// One case of a comparison, with as many stages as were measured.
#[derive(Default)]
pub(crate) struct Comparison {
    base: Vec<Trial>,
    head: Vec<Trial>,
    blocks: Vec<Block>,
    /// Effects of each series in the stage measured last.
    effects: [Vec<f64>; SERIES],
}

impl Comparison {
    pub(crate) fn measure(&mut self, stage: Stage, blocks: u32, setting: Setting, random: &mut Random) {
        let mut stream = || Stream::new(setting.model, 2 * blocks, random);
        let (mut common, mut own) = (stream(), [stream(), stream(), stream()]);
        self.effects = Default::default();
        for index in 0..blocks {
            let trial = u32::try_from(self.blocks.len()).unwrap_or(u32::MAX);
            let head_first = random.uniform() < 0.5;
            let mut draw = |head: bool| -> [u64; SERIES] {
                let shared = common.next(random);
                let mix = COMMON.hypot(1.0 - COMMON);
                std::array::from_fn(|series| {
                    let noise = (COMMON * shared + (1.0 - COMMON) * own[series].next(random)) / mix;
                    let change = if head { setting.change } else { 1.0 };
                    (1e9 * change * (setting.scale * noise).exp()) as u64
                })
            };
            let (first, second) = (draw(head_first), draw(!head_first));
            let (base, head) = if head_first { (second, first) } else { (first, second) };
            for series in 0..SERIES {
                self.effects[series].push((head[series] as f64 / base[series] as f64).ln());
            }
            self.base.push(record(trial, base));
            self.head.push(record(trial, head));
            self.blocks.push(Block { case: Case::plain(CASE), stage, index, trial, head_first });
        }
    }

    fn pairs(&self) -> Pairs<'_> {
        Pairs { base: &self.base, head: &self.head, blocks: &self.blocks, base_failures: &[], head_failures: &[] }
    }

    /// How many series the first stage marks.
    pub(crate) fn suspicious(&self, design: &Design) -> usize {
        judge::suspicious(&self.pairs(), &Rules::default(), design).expect("the trials belong together").len()
    }

    pub(crate) fn verdicts(&self, design: &Design) -> Vec<Verdict> {
        judge::verdicts(&self.pairs(), &Rules::default(), design).expect("the trials belong together")
    }

    /// Whether the stage measured last is significant in any series. Without that there is no verdict to look for.
    pub(crate) fn any_significant(&self, alpha: f64) -> bool {
        self.effects.iter().any(|effects| stats::signed_rank(effects).is_ok_and(|test| test.p < alpha))
    }
}

fn record(index: u32, values: [u64; SERIES]) -> Trial {
    let column = |metric, value| SampleColumn { metric, values: vec![value] };
    Trial {
        index,
        order: index,
        duration_ns: 1,
        starts_ns: vec![0],
        columns: vec![column(Metric::WALL_TIME, values[0]), column(CPU, values[1])],
        totals: vec![TrialTotal { metric: PEAK, value: values[2] }],
        ..Trial::empty(Case::plain(CASE))
    }
}
