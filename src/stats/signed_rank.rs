//! The Wilcoxon signed-rank test: whether paired effects lie around zero. Assumes that each effect is as likely to have
//! either sign when there is no effect, which pairs in random order have by construction; assumes no shape, so heavy
//! tails, drift and dependence between blocks cost power and never the level.

use statrs::distribution::{ContinuousCDF, Normal};

use super::error::{StatsError, check_length, check_range};

/// The most effects whose distribution is counted out. Beyond, the normal approximation is good to four digits.
const EXACT: usize = 100;

/// The result of a signed-rank test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignedRank {
    /// Effects that count: those that are not zero.
    pub used: usize,
    /// Effects that are zero, which the test leaves out.
    pub zeros: usize,
    /// T+: the sum of the ranks of the effects above zero.
    pub statistic: f64,
    /// Probability of a statistic at least as far out, in either direction, when there is no effect: twice the smaller
    /// tail, at most 1.
    pub p: f64,
    /// Probability of a statistic at least as large.
    pub greater: f64,
    /// Probability of a statistic at most as large.
    pub less: f64,
}

/// Tests whether effects lie around zero (Wilcoxon, *Individual comparisons by ranking methods*, Biometrics Bulletin 1,
/// 1945). Zeros are left out, as Wilcoxon did; effects of equal magnitude share the mean of their ranks. Given the
/// magnitudes, each sign is a fair coin when there is no effect, so up to 100 effects the probabilities are exact, ties
/// or not: the distribution of T+ is counted out over the ranks at hand. Beyond, they are those of the normal
/// distribution with the tie correction and a continuity correction of 1/2 (Hollander, Wolfe and Chicken,
/// *Nonparametric Statistical Methods*, 3rd edition, §3.1). Nothing but zeros has probability 1.
///
/// # Errors
/// Without effects, or with effects out of range.
pub fn signed_rank(effects: &[f64]) -> Result<SignedRank, StatsError> {
    check_length(effects, 1, usize::MAX)?;
    check_range(effects)?;
    let mut used: Vec<f64> = effects.iter().copied().filter(|effect| *effect != 0.0).collect();
    used.sort_unstable_by(|a, b| a.abs().total_cmp(&b.abs()));
    let (doubled, ties) = doubled_ranks(&used);
    let doubled_statistic = used.iter().zip(&doubled).filter(|(effect, _)| **effect > 0.0).map(|(_, rank)| rank).sum();
    let (greater, less) = if used.len() <= EXACT {
        let chances = distribution(&doubled);
        (chances[doubled_statistic..].iter().sum(), chances[..=doubled_statistic].iter().sum())
    } else {
        approximate(used.len(), ties, doubled_statistic as f64 / 2.0)
    };
    Ok(SignedRank {
        used: used.len(),
        zeros: effects.len() - used.len(),
        statistic: doubled_statistic as f64 / 2.0,
        p: (2.0 * f64::min(greater, less)).min(1.0),
        greater: greater.min(1.0),
        less: less.min(1.0),
    })
}

/// The least two-sided p that this many effects can give, when none is zero: 2 / 2ⁿ, all on one side. At most 1.
pub fn least_p(effects: u32) -> f64 {
    2.0 * 0.5_f64.powf(f64::from(effects.max(1)))
}

/// Twice the rank of each magnitude, ascending, so that shared ranks are whole numbers; and Σ (t³ - t) over groups of t
/// equal magnitudes.
fn doubled_ranks(ascending: &[f64]) -> (Vec<usize>, f64) {
    let (mut ranks, mut ties) = (Vec::with_capacity(ascending.len()), 0.0);
    for group in ascending.chunk_by(|a, b| a.abs() == b.abs()) {
        // Ranks first + 1 to first + size have the mean first + (size + 1) / 2.
        let (first, size) = (ranks.len(), group.len());
        ranks.extend(std::iter::repeat_n(2 * first + size + 1, size));
        ties += (size as f64).powi(3) - size as f64;
    }
    (ranks, ties)
}

/// The probability of each sum of ranks, from 0 on, when each rank counts with probability 1/2: built up a rank at a
/// time. Sums of positive terms, so small tails keep their digits.
fn distribution(ranks: &[usize]) -> Vec<f64> {
    let mut chances = vec![0.0; ranks.iter().sum::<usize>() + 1];
    chances[0] = 1.0;
    let mut highest = 0;
    for rank in ranks {
        for sum in (0..=highest).rev() {
            let half = chances[sum] / 2.0;
            chances[sum] = half;
            chances[sum + rank] += half;
        }
        highest += rank;
    }
    chances
}

/// P(T+ ≥ statistic) and P(T+ ≤ statistic).
fn approximate(count: usize, ties: f64, statistic: f64) -> (f64, f64) {
    let (mean, mut variance) = moments(count);
    variance -= ties / 48.0;
    let z = |corrected: f64| (corrected - mean) / variance.sqrt();
    (Normal::standard().sf(z(statistic - 0.5)), Normal::standard().cdf(z(statistic + 0.5)))
}

/// Mean and variance of T+ without ties when there is no effect.
fn moments(count: usize) -> (f64, f64) {
    let n = count as f64;
    (n * (n + 1.0) / 4.0, n * (n + 1.0) * (2.0 * n + 1.0) / 24.0)
}

/// The depth of a tail of T+ without ties: the largest k for which a statistic below k has at most the given
/// probability, and that probability. By symmetry the same holds for statistics above n(n + 1)/2 - k. Exact up to 100
/// effects.
pub(super) fn tail(count: usize, most: f64) -> (usize, f64) {
    if count > EXACT {
        let (mean, variance) = moments(count);
        let below = |depth: usize| Normal::standard().cdf((depth as f64 - 0.5 - mean) / variance.sqrt());
        let guess = (mean + variance.sqrt() * Normal::standard().inverse_cdf(most.clamp(1e-300, 0.5))).max(0.0);
        let mut depth = guess as usize + 1;
        while depth > 0 && below(depth) > most {
            depth -= 1;
        }
        return (depth, if depth == 0 { 0.0 } else { below(depth) });
    }
    let ranks: Vec<usize> = (1..=count).collect();
    let (mut depth, mut below) = (0, 0.0);
    for chance in distribution(&ranks) {
        if below + chance > most {
            break;
        }
        below += chance;
        depth += 1;
    }
    (depth, below)
}

#[cfg(test)]
mod tests {
    use super::super::noise::{Disturbance, SplitMix64};
    use super::super::vectors;
    use super::*;

    #[test]
    fn probabilities_agree_with_scipy_and_with_all_signs() {
        for case in vectors::read(include_str!("../../tests/vectors/stats/signed_rank.json")) {
            let effects = case.list("effects");
            let found = signed_rank(&effects).unwrap();
            assert_eq!(found.used, case.number("used") as usize, "{}", case.name);
            assert_eq!(found.used + found.zeros, effects.len());
            assert_eq!(found.statistic, case.number("statistic"), "{}", case.name);
            for (found, name) in [(found.p, "p"), (found.greater, "greater"), (found.less, "less")] {
                vectors::assert_near(found, case.number(name), 1e-9, &format!("{}: {name}", case.name));
            }
        }
    }

    #[test]
    fn the_least_p_is_that_of_effects_on_one_side() {
        for blocks in [1, 2, 5, 10, 30, 64, 100] {
            let effects: Vec<f64> = (1..=blocks).map(f64::from).collect();
            vectors::assert_near(signed_rank(&effects).unwrap().p, least_p(blocks), 1e-12, "least p");
        }
        assert_eq!((least_p(0), least_p(1), least_p(10)), (1.0, 1.0, 2.0_f64.powi(-9)));
        assert_eq!(least_p(u32::MAX), 0.0);
    }

    #[test]
    fn awkward_effects() {
        assert_eq!(signed_rank(&[]), Err(StatsError::TooFew { found: 0, needed: 1 }));
        assert!(matches!(signed_rank(&[0.0, f64::NAN]), Err(StatsError::OutOfRange { index: 1, .. })));
        let zeros = signed_rank(&[0.0, -0.0]).unwrap();
        assert_eq!((zeros.used, zeros.zeros, zeros.statistic, zeros.p), (0, 2, 0.0, 1.0));
        assert_eq!((zeros.greater, zeros.less), (1.0, 1.0));
        let all_zeros_of_many = signed_rank(&[0.0; 500]).unwrap();
        assert_eq!(all_zeros_of_many.p, 1.0);
        let ties_of_many = signed_rank(&[2.0; 500]).unwrap();
        assert!(ties_of_many.p < 1e-100);
    }

    #[test]
    fn a_tail_is_the_deepest_that_stays_below_its_probability() {
        // Published critical values of T, two-sided 5%: 8 for n = 10, 137 for n = 30 (Wilcoxon and Wilcox, 1964).
        assert_eq!((tail(10, 0.025).0, tail(30, 0.025).0), (9, 138));
        assert_eq!(tail(5, 0.025), (0, 0.0));
        assert_eq!(tail(0, 0.025), (0, 0.0));
        let (depth, below) = tail(101, 0.025);
        let (exact_depth, exact_below) = tail(100, 0.025);
        assert!(depth > exact_depth && (below - exact_below).abs() < 2e-4, "{depth} {below}");
        assert_eq!(tail(200, 0.0).0, 0);
    }

    /// The order within a block is drawn, so under no change each sign is a fair coin whatever disturbs the trials: the
    /// level holds for every shape, through drift, and for trials that depend on each other.
    #[test]
    fn the_test_holds_its_level() {
        const ROUNDS: usize = 1000;
        let mut random = SplitMix64::new(77);
        for disturbance in Disturbance::ALL {
            for (count, alpha) in [(10, 0.1), (20, 0.05)] {
                let mut rejected = 0;
                for _ in 0..ROUNDS {
                    let effects = disturbance.effects(count, 0.0, &mut random);
                    rejected += usize::from(signed_rank(&effects).unwrap().p < alpha);
                }
                let share = rejected as f64 / ROUNDS as f64;
                let error = (alpha * (1.0 - alpha) / ROUNDS as f64).sqrt();
                assert!(share < alpha + 4.0 * error, "{disturbance:?}, {count}: {share} for {alpha}");
                assert!(share > 0.7 * alpha - 4.0 * error, "{disturbance:?}, {count}: {share} for {alpha}");
            }
        }
    }

    proptest::proptest! {
        /// Turning all signs round swaps the tails; scale means nothing to ranks.
        #[test]
        fn signs_and_scale(effects in proptest::collection::vec(-50_i32..50, 1..50)) {
            let effects: Vec<f64> = effects.into_iter().map(f64::from).collect();
            let turned: Vec<f64> = effects.iter().map(|effect| -8.0 * effect).collect();
            let (one, other) = (signed_rank(&effects).unwrap(), signed_rank(&turned).unwrap());
            proptest::prop_assert!((one.p - other.p).abs() <= 1e-12);
            proptest::prop_assert!((one.greater - other.less).abs() <= 1e-12);
            proptest::prop_assert!((0.0..=1.0).contains(&one.p) && one.greater + one.less >= 1.0 - 1e-9);
        }
    }
}
