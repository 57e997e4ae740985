//! Replays the whole procedure on recorded blocks: how often it would have spoken had each window of them been a comparison.
//! It must decide exactly as a comparison does, and never count a window twice as evidence without saying so.
//!
//! **Overlap.** A window is a run of contiguous blocks, as many as both stages take; every possible one is replayed. The
//! windows at blocks 0 and 1 share all blocks but one, so they nearly always agree: many windows are fewer pieces of
//! evidence than their number suggests, and at least as many as fit side by side. Both numbers are in every [`Rate`]. Turning
//! a pair round (the variant as the base) gives nothing new: the test is two-sided, so the verdict turns round with it.
//!
//! Replays differ from comparisons in one thing: the blocks of the second stage follow those of the first at once, while a
//! comparison measures all first stages before.

use std::collections::BTreeMap;

use super::checks;
use super::compare::{decides, resolution, sends_on, two_stages};
use super::effects::{Effects, value};
use super::error::JudgeError;
use super::series::{SeriesTrials, check_same_series};
use crate::model::{CheckStatus, Design, Metric, Rate, RatedSeries, Role, Rules, Scale, Trial, VariantKind};
use crate::stats::{Power, SIGMA_PER_MAD, Sorted, StatsError, mad, signed_rank};

/// The results of the windows of one case.
#[derive(Debug, Clone)]
pub struct CaseReplay {
    variants: Vec<ArmReplay>,
}

#[derive(Debug, Clone)]
struct ArmReplay {
    variant: VariantKind,
    /// Of each window, whether any gate series of the case ended worse or better.
    flagged: Vec<bool>,
    series: Vec<SeriesReplay>,
}

#[derive(Debug, Clone)]
struct SeriesReplay {
    series: RatedSeries,
    flagged: Vec<bool>,
    spread: Option<f64>,
    resolution: Option<f64>,
}

/// The values of one series on both sides, block by block; nothing for a block that lacks one.
type Values = Vec<Option<(f64, f64)>>;

/// What decides about the series of one case.
struct Procedure<'a> {
    rules: &'a Rules,
    design: &'a Design,
    power: Option<Power>,
}

impl CaseReplay {
    /// Replays `design` on the recorded trials of a case: each variant against the base, with the trials matched by their
    /// index. A block in which either failed is no block. Trials are read once, and not kept.
    ///
    /// # Errors
    /// When the trials do not belong together, see [`JudgeError`].
    pub fn of(
        roles: &[Role],
        rules: &Rules,
        base: &[Trial],
        variants: &[(VariantKind, &[Trial])],
        design: &Design,
    ) -> Result<CaseReplay, JudgeError> {
        let procedure = Procedure { rules, design, power: two_stages(design) };
        let metrics = rules.gate_metrics(roles);
        let Some(first) = base.first() else { return Ok(CaseReplay { variants: Vec::new() }) };
        check_same_series(first, base)?;
        let mut replays = Vec::new();
        for (variant, trials) in variants {
            check_same_series(first, trials)?;
            let blocks = blocks(base, trials);
            let mut series = Vec::new();
            for metric in metrics.iter().filter(|metric| usable(base, **metric) && usable(trials, **metric)) {
                let values = blocks.iter().map(|(base, head)| Some((value(base, *metric)?, value(head, *metric)?)));
                let spoken = procedure.replay(first, *metric, &values.collect(), states_resolution(*variant))?;
                series.push(spoken);
            }
            let windows = blocks.len().saturating_sub(window(design) - 1);
            let flagged = (0..windows).map(|at| series.iter().any(|series| series.flagged[at])).collect();
            replays.push(ArmReplay { variant: *variant, flagged, series });
        }
        Ok(CaseReplay { variants: replays })
    }
}

/// What all cases together say: of each variant first whole commits, of which a window is flagged where any series of any case
/// is, then every series. Cases without a single window are left out of the commits.
pub fn rates(cases: &[CaseReplay], design: &Design) -> Vec<Rate> {
    let mut rates = Vec::new();
    for variant in arms(cases) {
        let replays: Vec<&ArmReplay> =
            cases.iter().flat_map(|case| &case.variants).filter(|of| of.variant == variant).collect();
        let rate = |flagged: &[bool], series: Option<&SeriesReplay>| Rate {
            variant,
            series: series.map(|series| series.series.clone()),
            pairs: count(flagged.len()),
            independent: count(independent(flagged.len(), window(design))),
            flagged: count(flagged.iter().filter(|flagged| **flagged).count()),
            spread: series.and_then(|series| series.spread),
            resolution: series.and_then(|series| series.resolution),
        };
        rates.push(rate(&whole_commits(&replays), None));
        let series = replays.iter().flat_map(|replay| &replay.series);
        rates.extend(series.map(|series| rate(&series.flagged, Some(series))));
    }
    rates
}

/// Windows in step over all cases: the n-th of each belong together, because blocks are measured in rounds.
fn whole_commits(replays: &[&ArmReplay]) -> Vec<bool> {
    let with_windows: Vec<&[bool]> =
        replays.iter().map(|replay| replay.flagged.as_slice()).filter(|flagged| !flagged.is_empty()).collect();
    let windows = with_windows.iter().map(|flagged| flagged.len()).min().unwrap_or(0);
    (0..windows).map(|at| with_windows.iter().any(|flagged| flagged[at])).collect()
}

fn arms(cases: &[CaseReplay]) -> Vec<VariantKind> {
    let mut variants = Vec::new();
    for replay in cases.iter().flat_map(|case| &case.variants) {
        if !variants.contains(&replay.variant) {
            variants.push(replay.variant);
        }
    }
    variants
}

impl Procedure<'_> {
    fn replay(
        &self,
        example: &Trial,
        metric: Metric,
        values: &Values,
        states_resolution: bool,
    ) -> Result<SeriesReplay, JudgeError> {
        let estimate = |source: StatsError| JudgeError::Estimate { metric, source };
        let mut flagged = Vec::new();
        let mut resolutions = Vec::new();
        for (at, window) in values.windows(window(self.design)).enumerate() {
            let (first, second) = window.split_at(self.design.first_blocks as usize);
            let first = self.effects(metric, first);
            let suspicious = self.suspicious(first.as_ref()).map_err(estimate)?;
            let deciding = if suspicious { self.effects(metric, second) } else { first };
            let Some(deciding) = deciding else {
                flagged.push(false);
                continue;
            };
            let spoken = suspicious && decides(&deciding, &deciding.figures().map_err(estimate)?, self.design);
            flagged.push(spoken);
            // Neighbouring windows state nearly the same, and it takes a simulation to state it.
            if states_resolution
                && at.is_multiple_of(self.design.first_blocks as usize)
                && let Some(power) = &self.power
            {
                resolutions.extend(resolution(power, &deciding).map_err(estimate)?);
            }
        }
        Ok(SeriesReplay {
            series: RatedSeries { case: example.case.clone(), label: example.label.clone(), metric },
            flagged,
            spread: self.spread(metric, values).map_err(estimate)?,
            resolution: Sorted::new(&resolutions).ok().map(|sorted| sorted.median()),
        })
    }

    fn effects(&self, metric: Metric, blocks: &[Option<(f64, f64)>]) -> Option<Effects> {
        let both: Vec<(f64, f64)> = blocks.iter().copied().flatten().collect();
        Effects::of_values(&both, metric, self.rules)
    }

    fn suspicious(&self, first: Option<&Effects>) -> Result<bool, StatsError> {
        match first {
            Some(first) => Ok(sends_on(&signed_rank(&first.effects)?, self.design)),
            None => Ok(false),
        }
    }

    /// See [`Rate::spread`]. Differences are no shares.
    fn spread(&self, metric: Metric, values: &Values) -> Result<Option<f64>, StatsError> {
        match self.effects(metric, values) {
            Some(all) if all.scale == Scale::Ratio => Ok(Some(SIGMA_PER_MAD * mad(&Sorted::new(&all.effects)?))),
            _ => Ok(None),
        }
    }
}

/// Whether the change that a window would have caught is worth its simulation: an injection does not change it.
fn states_resolution(variant: VariantKind) -> bool {
    matches!(variant, VariantKind::Same | VariantKind::Neutral(_))
}

/// The trials of both sides that are in one block, in order.
fn blocks<'t>(base: &'t [Trial], head: &'t [Trial]) -> Vec<(&'t Trial, &'t Trial)> {
    let heads: BTreeMap<u32, &Trial> = head.iter().map(|trial| (trial.index, trial)).collect();
    let mut blocks: Vec<(&Trial, &Trial)> =
        base.iter().filter_map(|base| Some((base, *heads.get(&base.index)?))).collect();
    blocks.sort_unstable_by_key(|(base, _)| base.index);
    blocks
}

/// Whether a side has the metric, and a clock that resolves it: a comparison would decide nothing about others.
fn usable(trials: &[Trial], metric: Metric) -> bool {
    SeriesTrials::of(trials, metric)
        .is_some_and(|series| checks::clock_resolved(&series).is_none_or(|check| check.status != CheckStatus::Fail))
}

/// Blocks of both stages; at least one.
fn window(design: &Design) -> usize {
    (design.first_blocks.saturating_add(design.second_blocks) as usize).max(1)
}

/// How many of the windows fit side by side.
fn independent(windows: usize, window: usize) -> usize {
    if windows == 0 { 0 } else { (windows - 1) / window + 1 }
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, trial};
    use super::super::{Pairs, design, suspicious, tally, verdicts};
    use super::*;
    use crate::model::{Block, Stage};

    /// Trials whose wall times scatter around `level` by about 1%, each its own way, the same for the same seed.
    fn trials(blocks: u32, level: f64, seed: u64) -> Vec<Trial> {
        let mut state = seed;
        let mut uniform = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / (1_u64 << 24) as f64
        };
        let mut value = move || (level * (1.0 + 0.02 * (uniform() + uniform() - 1.0))) as u64;
        (0..blocks).map(|index| trial(index, &[value(), value(), value()])).collect()
    }

    fn small() -> Design {
        design(6, 10, 0.05, 2).unwrap()
    }

    /// The oracle: a comparison for each window, decided as comparisons are.
    fn comparison_speaks(base: &[Trial], head: &[Trial], start: u32, design: &Design) -> bool {
        let block = |at: u32| {
            let first = at < design.first_blocks;
            Block {
                case: base[0].case.clone(),
                stage: if first { Stage::First } else { Stage::Second },
                index: if first { at } else { at - design.first_blocks },
                trial: start + at,
                head_first: at.is_multiple_of(2),
            }
        };
        let window = start..start + design.first_blocks + design.second_blocks;
        let blocks: Vec<Block> = (0..window.end - start).map(block).collect();
        let within =
            |trials: &[Trial]| trials.iter().filter(|t| window.contains(&t.index)).cloned().collect::<Vec<_>>();
        let (base, head) = (within(base), within(head));
        let pairs = Pairs { base: &base, head: &head, blocks: &blocks, base_failures: &[], head_failures: &[] };
        let found = tally(&verdicts(&pairs, &Rules::default(), design).unwrap());
        let spoken = found.worse + found.better > 0;
        assert!(!spoken || !suspicious(&pairs, &Rules::default(), design).unwrap().is_empty());
        spoken
    }

    #[test]
    fn every_window_says_what_a_comparison_of_its_blocks_would() {
        let design = small();
        let base = trials(40, 1e6, 1);
        let variants = [
            (VariantKind::Same, trials(40, 1e6, 2)),
            (VariantKind::Slowdown(10_000), trials(40, 1.012e6, 3)),
            (VariantKind::Slowdown(50_000), trials(40, 1.05e6, 4)),
        ];
        let given: Vec<(VariantKind, &[Trial])> =
            variants.iter().map(|(variant, trials)| (*variant, trials.as_slice())).collect();
        let replay = CaseReplay::of(&[Role::Client], &Rules::default(), &base, &given, &design).unwrap();
        let mut spoken = 0;
        for (replayed, (_, head)) in replay.variants.iter().zip(&variants) {
            let expected: Vec<bool> = (0..25).map(|start| comparison_speaks(&base, head, start, &design)).collect();
            assert_eq!(replayed.flagged, expected, "{:?}", replayed.variant);
            spoken += expected.iter().filter(|spoken| **spoken).count();
        }
        assert!((26..75).contains(&spoken), "windows of both sorts are needed to tell: {spoken}");

        let rates = rates(&[replay], &design);
        let of = |variant, metric: Option<Metric>| {
            rates
                .iter()
                .find(|rate| rate.variant == variant && rate.series.as_ref().map(|s| s.metric) == metric)
                .unwrap()
        };
        let whole = of(VariantKind::Slowdown(50_000), None);
        assert_eq!((whole.pairs, whole.independent, whole.flagged), (25, 2, 25));
        assert_eq!((whole.spread, whole.resolution), (None, None));
        let wall = of(VariantKind::Same, Some(Metric::WALL_TIME));
        assert!((0.003..0.03).contains(&wall.spread.unwrap()), "{wall:?}");
        assert!((0.005..0.05).contains(&wall.resolution.unwrap()), "{wall:?}");
        assert_eq!(
            of(VariantKind::Slowdown(50_000), Some(fixture::PEAK)).flagged,
            0,
            "what did not change stays quiet"
        );
    }

    #[test]
    fn a_failed_trial_leaves_its_block_out() {
        let design = small();
        let base = trials(20, 1e6, 1);
        let mut same = trials(20, 1e6, 2);
        same.retain(|trial| trial.index != 3 && trial.index != 19);
        let replay =
            CaseReplay::of(&[Role::Client], &Rules::default(), &base, &[(VariantKind::Same, &same)], &design).unwrap();
        assert_eq!(replay.variants[0].flagged.len(), 3, "18 blocks hold 3 windows of 16");
    }

    #[test]
    fn a_commit_is_flagged_where_any_case_is_and_short_cases_do_not_count() {
        let case = |flagged: &[bool]| CaseReplay {
            variants: vec![ArmReplay { variant: VariantKind::Same, flagged: flagged.to_vec(), series: Vec::new() }],
        };
        let cases = [case(&[false, true, false]), case(&[true, false, false, true]), case(&[])];
        let rates = rates(&cases, &small());
        assert_eq!((rates.len(), rates[0].pairs, rates[0].flagged, rates[0].independent), (1, 3, 2, 1));
        assert_eq!(super::rates(&[], &small()), []);
        assert_eq!(independent(81, 40), 3);
        assert_eq!((independent(0, 40), independent(1, 40), independent(40, 40), independent(41, 40)), (0, 1, 1, 2));
    }

    /// What the largest calibration costs. Run it with `--release -- --ignored`.
    #[test]
    #[ignore = "a measurement, not a test"]
    fn the_largest_calibration_takes_seconds() {
        let design = design(10, 30, 0.01, 32).unwrap();
        let began = std::time::Instant::now();
        for case in 0..16 {
            let base = trials(120, 1e6, case);
            let heads: Vec<(VariantKind, Vec<Trial>)> = (0..8)
                .map(|variant| (VariantKind::Neutral(variant), trials(120, 1e6, 100 * case + u64::from(variant))))
                .collect();
            let variants: Vec<(VariantKind, &[Trial])> =
                heads.iter().map(|(variant, trials)| (*variant, trials.as_slice())).collect();
            CaseReplay::of(&[Role::Client], &Rules::default(), &base, &variants, &design).unwrap();
        }
        eprintln!("2 series × 16 cases × 8 variants: {:?}", began.elapsed());
    }
}
