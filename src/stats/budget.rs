//! How the probability of any false verdict on a clean commit is shared out between two stages and many series. A plan
//! that cannot work must be refused here, before anything is measured.

use super::error::check_probability;
use super::signed_rank::least_p;

/// A series whose p of the first stage is below this goes on to the second.
pub const FIRST_ALPHA: f64 = 0.1;

/// The largest threshold for p in the second stage, however few series share the budget.
pub const LARGEST_SECOND_ALPHA: f64 = 0.01;

/// The most blocks that advice names: 2⁻⁶³ is beyond every budget.
const MOST_BLOCKS: u32 = 64;

/// The error rates of a two-stage comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// A smaller p in the first stage makes a series suspicious.
    pub first_alpha: f64,
    /// A smaller p in the second stage makes it worse or better, if the effect is beyond the margin.
    pub second_alpha: f64,
}

/// Why a plan cannot work.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum BudgetError {
    /// The budget is not a probability, or is none at all.
    #[error("an error budget of {budget} cannot be shared out: it must lie above 0 and at most at 1, such as 0.01")]
    Budget {
        /// What was given.
        budget: f64,
    },
    /// No series could become suspicious.
    #[error(
        "{blocks} blocks in the first stage give p = {least} at the least, and p must come below {alpha}: plan at \
         least {needed}"
    )]
    FirstStage {
        /// Blocks planned.
        blocks: u32,
        /// The least p that they give.
        least: f64,
        /// What p has to come below.
        alpha: f64,
        /// Blocks that can.
        needed: u32,
    },
    /// No series could be called worse or better.
    #[error(
        "{blocks} blocks in the second stage give p = {least:.2e} at the least, and with {series} gate series p must \
         come below {alpha:.2e}: {}", second_stage_advice(*.blocks, *.needed, *.most_series)
    )]
    SecondStage {
        /// Blocks planned.
        blocks: u32,
        /// The least p that they give.
        least: f64,
        /// Gate series that share the budget.
        series: u32,
        /// What p has to come below.
        alpha: f64,
        /// Blocks that can.
        needed: u32,
        /// With how many gate series the planned blocks would do. 0: not with any.
        most_series: u32,
    },
}

fn second_stage_advice(blocks: u32, needed: u32, most_series: u32) -> String {
    match most_series {
        0 => format!("plan at least {needed} blocks"),
        most => format!("plan at least {needed} blocks, or let at most {most} gate series share {blocks}"),
    }
}

/// Shares a budget out. A clean series is suspicious with probability α₁ at most, and passes the second stage, whose
/// blocks are fresh, with α₂ at most; so N series together show a false verdict with probability N α₁ α₂ at most,
/// however they hang together (Bonferroni's inequality), and `α₂ = min(0.01, budget ÷ (α₁ N))`. Without a second stage
/// (0 blocks) there is nothing to refuse, because nothing will be called worse or better.
///
/// # Errors
/// When the budget is not one, or the blocks of a stage cannot reach its α: n blocks give p = 2^(1-n) at the least.
pub fn budget(first_blocks: u32, second_blocks: u32, budget: f64, series: u32) -> Result<Budget, BudgetError> {
    if check_probability(budget).is_err() || budget == 0.0 {
        return Err(BudgetError::Budget { budget });
    }
    let shared = Budget { first_alpha: FIRST_ALPHA, second_alpha: second_alpha(budget, series) };
    if second_blocks == 0 {
        return Ok(shared);
    }
    if least_p(first_blocks) >= shared.first_alpha {
        let (alpha, needed) = (shared.first_alpha, blocks_for(shared.first_alpha));
        return Err(BudgetError::FirstStage { blocks: first_blocks, least: least_p(first_blocks), alpha, needed });
    }
    if least_p(second_blocks) >= shared.second_alpha {
        return Err(BudgetError::SecondStage {
            blocks: second_blocks,
            least: least_p(second_blocks),
            series,
            alpha: shared.second_alpha,
            needed: blocks_for(shared.second_alpha),
            most_series: most_series(budget, least_p(second_blocks)),
        });
    }
    Ok(shared)
}

fn second_alpha(budget: f64, series: u32) -> f64 {
    (budget / (FIRST_ALPHA * f64::from(series.max(1)))).min(LARGEST_SECOND_ALPHA)
}

/// The fewest effects whose least p lies below alpha.
fn blocks_for(alpha: f64) -> u32 {
    (1..MOST_BLOCKS).find(|blocks| least_p(*blocks) < alpha).unwrap_or(MOST_BLOCKS)
}

/// The most series with which α₂ stays above a p.
fn most_series(budget: f64, p: f64) -> u32 {
    if p >= LARGEST_SECOND_ALPHA {
        return 0;
    }
    // The division may round to the wrong side of a boundary; the next smaller whole number never does.
    let bound = (budget / (FIRST_ALPHA * p)).ceil().min(f64::from(u32::MAX));
    let most = bound as u32;
    (0..=2)
        .map(|less| most.saturating_sub(less))
        .find(|series| second_alpha(budget, *series) > p && *series > 0)
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_shared_out_evenly() {
        for (series, alpha) in [(0, 0.01), (1, 0.01), (10, 0.01), (30, 0.01 / 3.0), (100, 0.001), (300, 1.0 / 3000.0)] {
            let found = budget(10, 30, 0.01, series).unwrap();
            assert_eq!(found.first_alpha, 0.1);
            assert!((found.second_alpha / alpha - 1.0).abs() < 1e-12, "{series}: {found:?}");
            // The union bound.
            assert!(f64::from(series) * found.first_alpha * found.second_alpha <= 0.01 * (1.0 + 1e-12));
        }
    }

    #[test]
    fn a_plan_that_cannot_work_is_refused_and_told_what_would() {
        let refusal = |first, second, share, series| budget(first, second, share, series).unwrap_err().to_string();
        assert_eq!(
            refusal(10, 10, 0.01, 100),
            "10 blocks in the second stage give p = 1.95e-3 at the least, and with 100 gate series p must come below \
             1.00e-3: plan at least 11 blocks, or let at most 51 gate series share 10"
        );
        assert_eq!(
            refusal(10, 7, 0.01, 1),
            "7 blocks in the second stage give p = 1.56e-2 at the least, and with 1 gate series p must come below \
             1.00e-2: plan at least 8 blocks"
        );
        assert_eq!(
            refusal(4, 30, 0.01, 1),
            "4 blocks in the first stage give p = 0.125 at the least, and p must come below 0.1: plan at least 5"
        );
        for share in [0.0, -0.1, 1.5, f64::NAN] {
            assert!(matches!(budget(10, 30, share, 1), Err(BudgetError::Budget { .. })), "{share}");
        }
    }

    /// What the advice names works, and one block less or one series more does not.
    #[test]
    fn the_advice_is_the_boundary() {
        for share in [0.01, 0.05, 1e-6] {
            for series in [1, 7, 51, 52, 300, 1_000_000] {
                for blocks in 1..40 {
                    let Err(BudgetError::SecondStage { needed, most_series, .. }) = budget(10, blocks, share, series)
                    else {
                        continue;
                    };
                    assert!(needed > blocks && budget(10, needed, share, series).is_ok());
                    assert!(budget(10, needed - 1, share, series).is_err());
                    assert!(most_series < series && budget(10, blocks, share, most_series + 1).is_err());
                    assert!(most_series == 0 || budget(10, blocks, share, most_series).is_ok());
                }
            }
        }
    }

    #[test]
    fn without_a_second_stage_any_first_one_will_do() {
        assert!(budget(1, 0, 0.01, 300).is_ok());
        assert!(budget(5, 30, 0.01, 300).is_ok());
    }
}
