//! The effect of a setting: two cases of one run, measured in rounds and compared as revisions are. It describes,
//! and never decides: nothing here turns red.

use super::effects::{Effects, value};
use crate::model::{Interval, Metric, Rules, Scale, Trial};
use crate::stats::StatsError;

/// How one case differs from another in one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contrast {
    /// Whether the effect is a ratio, other over base, or a difference in the metric's unit.
    pub scale: Scale,
    /// The effect (Hodges and Lehmann's, over the rounds).
    pub effect: f64,
    /// Its interval, where there are rounds enough for one.
    pub interval: Option<Interval>,
    /// Rounds in which both have a value.
    pub rounds: usize,
}

/// Holds the trials of `other` against those of `base`, paired by the round in which they were measured: their index.
/// Nothing where no round has both.
///
/// # Errors
/// [`StatsError`] for values that are no numbers.
pub fn contrast(base: &[Trial], other: &[Trial], metric: Metric) -> Result<Option<Contrast>, StatsError> {
    let pair = |trial: &Trial| {
        let twin = base.iter().find(|base| base.index == trial.index)?;
        Some((value(twin, metric)?, value(trial, metric)?))
    };
    let both: Vec<(f64, f64)> = other.iter().filter_map(pair).collect();
    let Some(effects) = Effects::of_values(&both, metric, &Rules::default()) else { return Ok(None) };
    let figures = effects.figures()?;
    Ok(Some(Contrast {
        scale: effects.scale,
        effect: effects.shown(figures.shift.estimate),
        interval: figures.shift.interval.map(|interval| effects.shown_interval(interval)),
        rounds: both.len(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::fixture::trial;

    #[test]
    fn trials_of_the_same_round_are_held_against_each_other() {
        // The machine doubles its pace from round to round; the setting costs a tenth throughout.
        let base: Vec<Trial> = (0..6).map(|round| trial(round, &[1000 << round; 3])).collect();
        let mut other: Vec<Trial> = (0..6).rev().map(|round| trial(round, &[1100 << round; 3])).collect();
        let found = contrast(&base, &other, Metric::WALL_TIME).unwrap().unwrap();
        assert_eq!((found.scale, found.rounds), (Scale::Ratio, 6));
        let interval = found.interval.unwrap();
        for ratio in [found.effect, interval.low, interval.high] {
            assert!((ratio - 1.1).abs() < 1e-12, "{found:?}");
        }
        assert!((interval.level - 0.96875).abs() < 1e-12, "six rounds reach 1 - 2/64");
        other.truncate(5);
        assert_eq!(contrast(&base, &other, Metric::WALL_TIME).unwrap().unwrap().interval, None);
        let elsewhere = [trial(9, &[1; 3])];
        assert_eq!(contrast(&base, &elsewhere, Metric::WALL_TIME).unwrap(), None);
    }
}
