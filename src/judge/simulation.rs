//! The whole procedure on simulated comparisons, small enough for every test run; `benches/deciding` is the large one.

use super::fixture::{PEAK, trial};
use super::{Pairs, design, suspicious, verdicts};
use crate::model::{Block, Design, Metric, Rules, Stage, Trial, VerdictKind};

/// A linear congruential generator (Knuth, MMIX): its upper bits are good enough for noise.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// About Gaussian, and once in twenty trials a stall.
    fn noise(&mut self) -> f64 {
        let sum: f64 = (0..12).map(|_| self.uniform()).sum();
        sum - 6.0 + if self.uniform() < 0.05 { 5.0 + 10.0 * self.uniform() } else { 0.0 }
    }
}

/// One case of a comparison, two gate series, on a machine that slows down as it goes.
#[derive(Default)]
struct Comparison {
    base: Vec<Trial>,
    head: Vec<Trial>,
    blocks: Vec<Block>,
}

impl Comparison {
    fn measure(&mut self, stage: Stage, blocks: u32, change: f64, random: &mut Random) {
        for index in 0..blocks {
            let place = u32::try_from(self.blocks.len()).unwrap();
            let head_first = random.uniform() < 0.5;
            let mut draw = |change: f64, later: bool| {
                let drift = 1.0 + 0.01 * f64::from(2 * place + u32::from(later));
                let mut value = || (1e7 * change * drift * (1.0 + 0.01 * random.noise())) as u64;
                let mut trial = trial(place, &[value()]);
                // A gigabyte, so that the margin is 1% as for times.
                trial.totals[0].value = 100 * value();
                trial
            };
            self.base.push(draw(1.0, head_first));
            self.head.push(draw(change, !head_first));
            let case = self.base[0].case.clone();
            self.blocks.push(Block { case, stage, index, trial: place, head_first });
        }
    }

    /// What is suspicious, and what is decided after the second stage. A clean case that shows nothing has nothing to add.
    fn judge(&mut self, change: f64, design: &Design, random: &mut Random) -> (usize, Vec<(Metric, VerdictKind)>) {
        self.measure(Stage::First, design.first_blocks, change, random);
        let marked = suspicious(&self.pairs(), &Rules::default(), design).unwrap().len();
        if marked == 0 && change == 1.0 {
            return (0, Vec::new());
        }
        if marked > 0 {
            self.measure(Stage::Second, design.second_blocks, change, random);
        }
        let found = verdicts(&self.pairs(), &Rules::default(), design).unwrap();
        (marked, found.into_iter().map(|verdict| (verdict.metric, verdict.kind)).collect())
    }

    fn pairs(&self) -> Pairs<'_> {
        Pairs { base: &self.base, head: &self.head, blocks: &self.blocks, base_failures: &[], head_failures: &[] }
    }
}

#[test]
fn clean_commits_stay_clean_and_slow_ones_turn_red() {
    const COMMITS: usize = 10;
    const CASES: usize = 10;
    let design = design(10, 30, 0.01, 2 * CASES as u32).unwrap();
    let mut random = Random(42);
    let (mut marked, mut red_or_green) = (0, 0);
    for _ in 0..COMMITS * CASES {
        let (suspicious, decided) = Comparison::default().judge(1.0, &design, &mut random);
        marked += suspicious;
        red_or_green +=
            decided.iter().filter(|(_, kind)| matches!(kind, VerdictKind::Worse | VerdictKind::Better)).count();
    }
    // 10 blocks reach p < 0.1 with probability 0.084: of 200 series 17 are marked, give or take 4. Of 10 clean commits
    // 0.1 may show a false verdict.
    assert!((4..=34).contains(&marked), "{marked} of 200 were suspicious");
    assert!(red_or_green <= 1, "{red_or_green} false verdicts on {COMMITS} clean commits");

    let mut caught = 0;
    for _ in 0..10 {
        let (_, decided) = Comparison::default().judge(1.06, &design, &mut random);
        caught += decided.iter().filter(|(_, kind)| *kind == VerdictKind::Worse).count();
        assert!(decided.iter().all(|(_, kind)| *kind != VerdictKind::Better));
        assert_eq!(decided.iter().map(|(metric, _)| *metric).collect::<Vec<_>>(), [Metric::WALL_TIME, PEAK]);
    }
    assert!(caught >= 15, "+6% was caught in {caught} of 20 series");
}
