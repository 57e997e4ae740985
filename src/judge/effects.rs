//! From the pairs of a stage to effects and what they show together: one effect a block, never one a sample, because
//! samples of one trial hang together.

use super::design::counted;
use super::pairing::StagePairs;
use super::series::values;
use crate::model::{Interval, Margin, Metric, Rules, Scale, Trial};
use crate::stats::{self, LEVEL, Shift, SignedRank, Sorted, StatsError};

/// The effects of one series in one stage, on the scale on which they add up: logarithms of ratios, or differences.
pub(super) struct Effects {
    pub(super) scale: Scale,
    /// One a block.
    pub(super) effects: Vec<f64>,
    /// Half the width of what does not matter, on the same scale.
    pub(super) margin: f64,
}

/// Effects with estimate, interval and test.
pub(super) struct Figures {
    pub(super) shift: Shift,
    pub(super) test: SignedRank,
}

impl Effects {
    /// The effects of a stage. Nothing without a block that has values on both sides.
    pub(super) fn of(pairs: &StagePairs<'_>, metric: Metric, rules: &Rules) -> Option<Effects> {
        let pair_of_values = |(base, head): &(&Trial, &Trial)| Some((value(base, metric)?, value(head, metric)?));
        let both: Vec<(f64, f64)> = pairs.trials.iter().filter_map(pair_of_values).collect();
        Effects::of_values(&both, metric, rules)
    }

    /// The effects of the values of both sides, a pair a block. Nothing without a block.
    pub(super) fn of_values(both: &[(f64, f64)], metric: Metric, rules: &Rules) -> Option<Effects> {
        let base: Vec<f64> = both.iter().map(|(base, _)| *base).collect();
        let level = Sorted::new(&base).ok()?.median();
        // Only positive values have a ratio.
        let by_ratio = !counted(metric, rules) && both.iter().all(|(base, head)| *base > 0.0 && *head > 0.0);
        let scale = if by_ratio { Scale::Ratio } else { Scale::Difference };
        let effect = |(base, head): &(f64, f64)| if by_ratio { (head / base).ln() } else { head - base };
        Some(Effects {
            scale,
            effects: both.iter().map(effect).collect(),
            margin: margin(rules.margin(metric), scale, level),
        })
    }

    pub(super) fn figures(&self) -> Result<Figures, StatsError> {
        Ok(Figures { shift: stats::shift(&self.effects, LEVEL)?, test: stats::signed_rank(&self.effects)? })
    }

    /// An effect as people read it: a ratio, or a difference.
    pub(super) fn shown(&self, effect: f64) -> f64 {
        match self.scale {
            Scale::Ratio => effect.exp(),
            Scale::Difference => effect,
        }
    }

    /// The size of an effect as the margin is stated: a share of the base, or a difference.
    pub(super) fn size(&self, effect: f64) -> f64 {
        match self.scale {
            Scale::Ratio => effect.exp_m1().abs(),
            Scale::Difference => effect.abs(),
        }
    }

    /// An interval as people read it.
    pub(super) fn shown_interval(&self, interval: stats::Interval) -> Interval {
        Interval { low: self.shown(interval.low), high: self.shown(interval.high), level: interval.level }
    }
}

/// On the scale of the effects. The larger of both forms of the margin counts; a share is taken of the base's level.
fn margin(margin: Margin, scale: Scale, level: f64) -> f64 {
    match scale {
        Scale::Ratio => margin.share.max(margin.absolute / level).ln_1p(),
        Scale::Difference => margin.absolute.max(margin.share * level.abs()),
    }
}

/// The value of a trial in a comparison: the median of its samples per operation, or its total. Nothing where it has none.
pub fn value(trial: &Trial, metric: Metric) -> Option<f64> {
    Some(Sorted::new(&values(trial, metric)?).ok()?.median())
}
