//! The decisions on whole comparisons: what the stages say, what interrupts them, and what makes pairs worthless.

use super::super::design::design;
use super::super::fixture::{PEAK, failure, trial};
use super::super::reasons::sentence;
use super::*;
use crate::model::{Block, Failure, FailureKind, Margin, Quantity, Role, SampleColumn, Trial};

const REQUESTS: Metric = Metric::of(Role::Client, Quantity::Requests);

/// A comparison of one case that tests fill in.
#[derive(Clone)]
struct Comparison {
    base: Vec<Trial>,
    head: Vec<Trial>,
    blocks: Vec<Block>,
    base_failures: Vec<Failure>,
    head_failures: Vec<Failure>,
    rules: Rules,
    design: Design,
}

/// Deterministic noise of about 1%, different for each block and side, without a trend.
fn noise(index: u32, side: u32) -> f64 {
    let hash = (u64::from(index) * 2 + u64::from(side) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let hash = (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((hash >> 40) as f64 / (1_u64 << 24) as f64 - 0.5) * 0.02
}

impl Comparison {
    /// `first` and `second` blocks in which the head takes `factor` times as long.
    fn of(first: u32, second: u32, factor: f64) -> Comparison {
        let mut comparison = Comparison {
            base: Vec::new(),
            head: Vec::new(),
            blocks: Vec::new(),
            base_failures: Vec::new(),
            head_failures: Vec::new(),
            rules: Rules::default(),
            design: design(10, 30, 0.01, 3).unwrap(),
        };
        comparison.grow(Stage::First, first, factor);
        comparison.grow(Stage::Second, second, factor);
        comparison
    }

    fn grow(&mut self, stage: Stage, blocks: u32, factor: f64) {
        for index in 0..blocks {
            let place = u32::try_from(self.blocks.len()).unwrap();
            let time = |factor: f64, side| (1e6 * factor * (1.0 + noise(place, side))) as u64;
            self.base.push(trial(place, &[time(1.0, 0); 3]));
            self.head.push(trial(place, &[time(factor, 1); 3]));
            let case = self.base[0].case.clone();
            self.blocks.push(Block { case, stage, index, trial: place, head_first: place.is_multiple_of(2) });
        }
    }

    fn count(&mut self, base: impl Fn(u32) -> u64, head: impl Fn(u32) -> u64) {
        let column =
            |value: u64, trial: &Trial| SampleColumn { metric: REQUESTS, values: vec![value; trial.starts_ns.len()] };
        for trial in &mut self.base {
            trial.columns.push(column(base(trial.index), trial));
        }
        for trial in &mut self.head {
            trial.columns.push(column(head(trial.index), trial));
        }
    }

    fn pairs(&self) -> Pairs<'_> {
        Pairs {
            base: &self.base,
            head: &self.head,
            blocks: &self.blocks,
            base_failures: &self.base_failures,
            head_failures: &self.head_failures,
        }
    }

    fn suspicious(&self) -> Vec<Metric> {
        suspicious(&self.pairs(), &self.rules, &self.design).unwrap()
    }

    #[track_caller]
    fn verdict(&self, metric: Metric) -> Verdict {
        let all = verdicts(&self.pairs(), &self.rules, &self.design).unwrap();
        all.into_iter().find(|verdict| verdict.metric == metric).unwrap()
    }
}

fn wall(comparison: &Comparison) -> Verdict {
    comparison.verdict(Metric::WALL_TIME)
}

#[test]
fn a_slowdown_is_worse_and_a_speedup_is_better() {
    for (factor, kind) in [(1.05, VerdictKind::Worse), (1.0 / 1.05, VerdictKind::Better)] {
        let comparison = Comparison::of(10, 30, factor);
        assert_eq!(comparison.suspicious(), [Metric::WALL_TIME]);
        let found = wall(&comparison);
        assert_eq!((found.kind, found.stage, found.blocks), (kind, Some(Stage::Second), 30), "{found:#?}");
        assert!((found.effect.unwrap() / factor - 1.0).abs() < 0.005);
        let interval = found.interval.unwrap();
        assert!(interval.low < factor && factor < interval.high && interval.level >= 0.95);
        assert_eq!(found.alpha, Some(comparison.design.second_alpha));
        assert!(found.p.unwrap() < 1e-6);
        assert!((found.margin - 0.01).abs() < 1e-12);
        assert!((0.01..0.03).contains(&found.resolution.unwrap()), "{:?}", found.resolution);
    }
    let found = wall(&Comparison::of(10, 30, 1.05));
    assert!(sentence(&found).starts_with("worse: 1.05"), "{}", sentence(&found));
}

#[test]
fn no_change_is_equivalent_from_the_first_stage_alone() {
    let mut comparison = Comparison::of(10, 0, 1.0);
    comparison.rules.margins.insert(Metric::WALL_TIME, Margin { share: 0.02, absolute: 0.0 });
    comparison.rules.margins.insert(PEAK, Margin { share: 0.01, absolute: 65_536.0 });
    assert_eq!(comparison.suspicious(), []);
    let found = wall(&comparison);
    assert_eq!((found.kind, found.stage, found.blocks), (VerdictKind::Equivalent, Some(Stage::First), 10));
    assert_eq!(found.alpha, Some(0.1));
    assert!(sentence(&found).starts_with("nothing changed by more than 0."), "{}", sentence(&found));
    // All peaks are equal.
    let peak = comparison.verdict(PEAK);
    assert_eq!((peak.kind, peak.effect, peak.p), (VerdictKind::Equivalent, Some(1.0), Some(1.0)));
    assert_eq!(sentence(&peak), "nothing changed");
    // 64 KiB of 1 MiB.
    assert!((peak.margin - 0.0625).abs() < 1e-12 && (peak.resolution.unwrap() - 0.0625).abs() < 1e-12);
}

#[test]
fn a_wide_interval_around_no_change_says_how_far_it_reaches() {
    let mut comparison = Comparison::of(10, 0, 1.0);
    comparison.rules.margins.insert(Metric::WALL_TIME, Margin { share: 0.001, absolute: 0.0 });
    let found = wall(&comparison);
    assert_eq!(found.kind, VerdictKind::Inconclusive);
    assert!(found.reason.starts_with("no change beyond 0."), "{}", found.reason);
}

#[test]
fn a_suspicious_series_takes_everything_from_the_second_stage() {
    // The first stage saw a change that the second does not see.
    let mut comparison = Comparison::of(10, 0, 1.05);
    let found = wall(&comparison);
    assert_eq!((found.kind, found.stage, found.blocks), (VerdictKind::Inconclusive, Some(Stage::Second), 0));
    assert_eq!((found.effect, found.interval, found.p), (None, None, None));
    assert_eq!(found.reason, "interrupted in the second stage, after 0 of 30 blocks");
    comparison.grow(Stage::Second, 12, 1.0);
    let found = wall(&comparison);
    assert_eq!((found.kind, found.blocks), (VerdictKind::Inconclusive, 12));
    assert!((found.effect.unwrap() - 1.0).abs() < 0.01, "never pooled: {:?}", found.effect);
    comparison.grow(Stage::Second, 18, 1.0);
    let found = wall(&comparison);
    assert_eq!((found.kind, found.blocks), (VerdictKind::Equivalent, 30));
    assert!((found.effect.unwrap() - 1.0).abs() < 0.005);
    // What was not suspicious stays with the first stage.
    assert_eq!(comparison.verdict(PEAK).stage, Some(Stage::First));
    assert_eq!(comparison.verdict(PEAK).blocks, 10);
}

#[test]
fn a_first_stage_that_is_not_whole_decides_nothing() {
    let mut comparison = Comparison::of(9, 0, 1.3);
    assert_eq!(comparison.suspicious(), []);
    let found = wall(&comparison);
    assert_eq!((found.kind, found.blocks), (VerdictKind::Inconclusive, 9));
    assert_eq!(found.reason, "interrupted in the first stage, after 9 of 10 blocks");
    assert!(found.effect.is_some());
    // The peak would be equivalent, but not before its time.
    assert_eq!(comparison.verdict(PEAK).kind, VerdictKind::Inconclusive);
    // A block whose other half is still being measured does not count.
    comparison.grow(Stage::First, 1, 1.3);
    comparison.head.pop();
    assert_eq!(comparison.suspicious(), []);
}

#[test]
fn a_failed_block_is_no_block_and_the_rest_decides_as_long_as_it_can() {
    let mut comparison = Comparison::of(10, 30, 1.05);
    for trial in [3, 15, 22] {
        comparison.head.retain(|found| found.index != trial);
        comparison.head_failures.push(failure(trial, FailureKind::Crashed));
    }
    let found = wall(&comparison);
    assert_eq!((found.kind, found.blocks), (VerdictKind::Worse, 28));
    // Four blocks cannot come below 0.1.
    let mut comparison = Comparison::of(10, 0, 1.3);
    for trial in 0..6 {
        comparison.base.retain(|found| found.index != trial);
        comparison.base_failures.push(failure(trial, FailureKind::TimedOut));
    }
    assert_eq!(comparison.suspicious(), []);
    let found = wall(&comparison);
    assert_eq!((found.kind, found.blocks), (VerdictKind::Inconclusive, 4));
    assert_eq!(found.reason, "4 usable blocks, after 6 failed, cannot reach p below 0.10");
}

#[test]
fn a_significant_change_within_the_margin_is_too_close_or_equivalent() {
    let mut comparison = Comparison::of(10, 30, 1.02);
    comparison.rules.margins.insert(Metric::WALL_TIME, Margin { share: 0.023, absolute: 0.0 });
    let found = wall(&comparison);
    assert_eq!((found.kind, found.stage), (VerdictKind::Inconclusive, Some(Stage::Second)));
    assert_eq!(found.reason, "too close to the margin");
    assert!(found.blocks_needed.is_some_and(|blocks| blocks > 30), "{:?}", found.blocks_needed);
    assert!(sentence(&found).contains(" blocks would decide"), "{}", sentence(&found));
    comparison.rules.margins.insert(Metric::WALL_TIME, Margin { share: 0.05, absolute: 0.0 });
    assert_eq!(wall(&comparison).kind, VerdictKind::Equivalent);
}

#[test]
fn descriptive_series_are_shown_and_never_red() {
    let mut comparison = Comparison::of(10, 30, 1.0);
    comparison.count(|_| 100, |_| 150);
    assert_eq!(comparison.suspicious(), []);
    let found = comparison.verdict(REQUESTS);
    assert_eq!((found.gate, found.kind, found.stage), (false, VerdictKind::Inconclusive, Some(Stage::First)));
    assert_eq!((found.alpha, found.resolution, found.blocks_needed), (None, None, None));
    assert_eq!((found.scale, found.effect), (Scale::Difference, Some(50.0)));
    assert!(found.p.unwrap() < 0.01);
    assert_eq!(found.reason, "described only, and it changed");
}

#[test]
fn exact_counts_are_compared_by_difference_and_their_spread_is_reported() {
    let mut comparison = Comparison::of(10, 30, 1.0);
    comparison.rules.gate.insert(REQUESTS);
    comparison.rules.exact.insert(REQUESTS);
    let mut one_more = comparison.clone();
    one_more.count(|_| 100, |_| 101);
    let found = one_more.verdict(REQUESTS);
    assert_eq!((found.kind, found.effect, found.margin), (VerdictKind::Worse, Some(1.0), 0.0));
    assert_eq!((found.resolution, found.reason.as_str()), (Some(0.0), ""));
    assert_eq!(sentence(&found), "worse: +1 (1 … 1)");

    let mut same = comparison.clone();
    same.count(|_| 0, |_| 0);
    let found = same.verdict(REQUESTS);
    assert_eq!((found.kind, found.effect), (VerdictKind::Equivalent, Some(0.0)));
    assert_eq!(sentence(&found), "nothing changed");

    let mut unsteady = comparison.clone();
    unsteady.count(|_| 100, |index| 100 + u64::from(index == 4));
    let found = unsteady.verdict(REQUESTS);
    let spread = "declared exact, and ranges from 100 to 101 in the head";
    assert_eq!(found.reason, format!("no change beyond 0.500; {spread}"));
}

#[test]
fn a_zero_turns_ratios_into_differences() {
    let mut comparison = Comparison::of(10, 30, 1.0);
    comparison.rules.margins.insert(PEAK, Margin { share: 0.01, absolute: 65_536.0 });
    comparison.head.iter_mut().for_each(|trial| trial.totals[0].value = 0);
    let found = comparison.verdict(PEAK);
    assert_eq!((found.scale, found.kind), (Scale::Difference, VerdictKind::Better));
    assert_eq!((found.effect, found.margin), (Some(-1_048_576.0), 65_536.0));
}

#[test]
fn what_makes_pairs_worthless_makes_a_series_unusable() {
    let reason = |change: fn(&mut Comparison)| {
        let mut comparison = Comparison::of(10, 30, 1.05);
        change(&mut comparison);
        let found = wall(&comparison);
        assert!(!comparison.suspicious().contains(&Metric::WALL_TIME));
        assert_eq!((found.kind, found.effect), (VerdictKind::Unusable, None));
        found.reason
    };
    let found = reason(|comparison| comparison.base_failures.push(failure(40, FailureKind::WrongResult)));
    assert_eq!(found, "the base gave a wrong result, once: look at its failures first");
    let found = reason(|comparison| comparison.head.iter_mut().for_each(|trial| trial.operation_version = 2));
    assert_eq!(found, "the operation's version went from 1 to 2, so the two did different work");
    let found = reason(|comparison| comparison.head.iter_mut().for_each(|trial| trial.columns.clear()));
    assert_eq!(found, "the head has no such value");
    let found = reason(|comparison| comparison.base[7].conditions.clock_step_ns = 100_000);
    assert!(found.starts_with("the clock cannot resolve the base's samples. Make a sample last"), "{found}");
    let found = reason(|comparison| {
        comparison.head.clear();
        comparison.head_failures.push(failure(0, FailureKind::Unsupported));
    });
    assert_eq!(found, "the head could not be measured: planted");
}

/// Interleaving and the interval are there for that.
#[test]
fn a_disturbed_machine_makes_no_series_unusable() {
    let mut comparison = Comparison::of(10, 30, 1.05);
    for trial in comparison.base.iter_mut().chain(&mut comparison.head) {
        (trial.conditions.steal_ppm, trial.conditions.others_ppm) = (Some(500_000), Some(500_000));
    }
    assert_eq!(wall(&comparison).kind, VerdictKind::Worse);
}

#[test]
fn without_a_second_stage_nothing_is_worse() {
    let mut comparison = Comparison::of(10, 0, 1.3);
    comparison.design = design(10, 0, 0.01, 3).unwrap();
    let found = wall(&comparison);
    assert_eq!((found.kind, found.stage, found.blocks), (VerdictKind::Inconclusive, Some(Stage::First), 10));
    assert_eq!(found.resolution, None);
    assert_eq!(found.reason, "suspicious, and there is no second stage to confirm it");
}

#[test]
fn only_what_belongs_together_is_compared() {
    let comparison = Comparison::of(10, 0, 1.0);
    let mut other = comparison.clone();
    other.head.iter_mut().for_each(|trial| trial.case.version = 9);
    assert!(matches!(
        verdicts(&other.pairs(), &other.rules, &other.design),
        Err(JudgeError::MixedCases { index: 0, .. })
    ));
    let mut twice = comparison.clone();
    twice.blocks[3].trial = 4;
    let refused = suspicious(&twice.pairs(), &twice.rules, &twice.design);
    assert_eq!(refused, Err(JudgeError::PairedTwice { index: 4 }));
    let mut elsewhere = comparison.clone();
    elsewhere.blocks.iter_mut().for_each(|block| block.case.version = 9);
    let found = wall(&elsewhere);
    assert_eq!((found.kind, found.blocks), (VerdictKind::Inconclusive, 0));
    let empty = Pairs { base: &[], head: &[], ..comparison.pairs() };
    assert_eq!(verdicts(&empty, &comparison.rules, &comparison.design), Ok(Vec::new()));
    // The first half of the first block.
    let begun = Pairs { base: &comparison.base[..1], head: &[], blocks: &comparison.blocks[..1], ..comparison.pairs() };
    let found = &verdicts(&begun, &comparison.rules, &comparison.design).unwrap()[0];
    assert_eq!(found.reason, "interrupted in the first stage, after 0 of 10 blocks");
}

#[test]
fn trials_are_matched_by_index_and_not_by_place() {
    let comparison = Comparison::of(10, 30, 1.05);
    let mut shuffled = comparison.clone();
    shuffled.head.reverse();
    shuffled.blocks.rotate_left(7);
    assert_eq!(wall(&shuffled), wall(&comparison));
}
