//! What a calibration's rates say: how often the procedure spoke, with how sure that is. It must never turn few or
//! overlapping windows into a rate that they cannot carry.

use serde::Serialize;

use crate::model::{Interval, Metric, Quantity, Rate, Role, VariantKind};
use crate::stats;

/// Level of every interval of a share.
pub const SHARE_LEVEL: f64 = 0.95;

/// Fewest pairs from which a rate of at most 1% may be claimed: even none flagged in 380 leaves more than 1% possible.
pub const FEWEST_PAIRS: u32 = 400;

/// How often windows were flagged, pooled over some rates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    /// Windows.
    pub pairs: u32,
    /// Windows that share no block with another of the same rate.
    pub independent: u32,
    /// Windows that ended worse or better.
    pub flagged: u32,
    /// Flagged windows over all.
    pub share: f64,
    /// Wilson interval as if no two windows shared a block. Neighbouring ones share nearly all, so it is narrower than
    /// what was measured can bear.
    pub interval: Interval,
    /// Wilson interval as if only windows that share no block were evidence. They are what the evidence is worth at least,
    /// so it is wider than need be.
    pub cautious: Interval,
}

/// Pools rates. Nothing without a window.
pub fn share<'r>(rates: impl IntoIterator<Item = &'r Rate>) -> Option<Share> {
    let (mut pairs, mut independent, mut flagged) = (0_u32, 0_u32, 0_u32);
    for rate in rates {
        pairs = pairs.saturating_add(rate.pairs);
        independent = independent.saturating_add(rate.independent);
        flagged = flagged.saturating_add(rate.flagged);
    }
    if pairs == 0 {
        return None;
    }
    let share = f64::from(flagged) / f64::from(pairs);
    Some(Share {
        pairs,
        independent,
        flagged,
        share,
        interval: wilson(flagged, pairs)?,
        cautious: cautious(share, independent)?,
    })
}

/// The interval of as large a share of fewer windows. Where that is no whole number of them, both neighbours are inside.
fn cautious(share: f64, independent: u32) -> Option<Interval> {
    let flagged = share * f64::from(independent);
    let (least, most) = (wilson(flagged.floor() as u32, independent)?, wilson(flagged.ceil() as u32, independent)?);
    Some(Interval { low: least.low, ..most })
}

fn wilson(successes: u32, trials: u32) -> Option<Interval> {
    let found = stats::wilson(successes.into(), trials.into(), SHARE_LEVEL).ok()?;
    Some(Interval { low: found.low, high: found.high, level: found.level })
}

/// Whether what a variant adds is expected to show in a metric. The client alone is made to spin and to hold memory.
pub fn touches(variant: VariantKind, metric: Metric) -> bool {
    match variant {
        VariantKind::Base | VariantKind::Same | VariantKind::Neutral(_) => false,
        VariantKind::Slowdown(_) => {
            metric == Metric::WALL_TIME || metric == Metric::of(Role::Client, Quantity::CpuTime)
        }
        VariantKind::Memory(_) => metric == Metric::of(Role::Client, Quantity::RssPeak),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(pairs: u32, independent: u32, flagged: u32) -> Rate {
        Rate { variant: VariantKind::Same, series: None, pairs, independent, flagged, spread: None, resolution: None }
    }

    #[test]
    fn none_of_eighty_one_bounds_nothing_below_four_percent() {
        let found = share(&[rate(81, 3, 0)]).unwrap();
        // z² ÷ (n + z²) with z = 1.959964: Wilson (1927) for no success.
        assert!((found.interval.high - 0.045_279).abs() < 1e-5, "{found:?}");
        assert!((found.cautious.high - 0.561_5).abs() < 1e-3, "{found:?}");
    }

    #[test]
    fn rates_are_pooled_and_rounded_against_us() {
        let found = share(&[rate(81, 2, 1), rate(81, 2, 0)]).unwrap();
        assert_eq!((found.pairs, found.independent, found.flagged), (162, 4, 1));
        // None of four, and one of four: Wilson's interval of the latter ends at 0.6994.
        assert!(found.cautious.low == 0.0 && (found.cautious.high - 0.699_4).abs() < 1e-3, "{found:?}");
        assert_eq!(share(&[]), None);
        assert_eq!(share(&[rate(0, 0, 0)]), None);
    }

    #[test]
    fn an_arm_shows_where_it_was_injected() {
        let cpu = |role| Metric::of(role, Quantity::CpuTime);
        assert!(
            touches(VariantKind::Slowdown(10_000), Metric::WALL_TIME)
                && touches(VariantKind::Slowdown(1), cpu(Role::Client))
        );
        assert!(
            !touches(VariantKind::Slowdown(10_000), cpu(Role::Server))
                && !touches(VariantKind::Same, Metric::WALL_TIME)
        );
        assert!(touches(VariantKind::Memory(1), Metric::of(Role::Client, Quantity::RssPeak)));
    }
}
