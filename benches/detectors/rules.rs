//! Rules that look at a commit and what came before it: rustc-perf, Bencher and criterion, from their own descriptions.
//! Each answers with the commits that it flags.

use crate::simulate::Random;

/// rustc-perf: a commit's relative change from its parent is significant when it passes the upper fence `Q3 + 3 IQR` of the
/// relative changes of up to 100 commits before; with fewer than 30 the threshold is 0.2%
/// (`site/src/comparison.rs`, `HistoricalData`, and `docs/comparison-analysis.md` of rust-lang/rustc-perf).
pub(crate) fn rustc_perf(values: &[f64]) -> Vec<usize> {
    const MOST: usize = 100;
    const FEWEST: usize = 30;
    const DEFAULT: f64 = 0.002;
    let change = |place: usize| ((values[place] - values[place - 1]) / values[place - 1]).abs();
    let significant = |place: &usize| {
        let mut before: Vec<f64> = (place.saturating_sub(MOST).max(1)..*place).map(change).collect();
        before.sort_by(f64::total_cmp);
        let threshold = if before.len() < FEWEST {
            DEFAULT
        } else {
            let (lower, upper) = (quartile(&before, 0.25), quartile(&before, 0.75));
            upper + 3.0 * (upper - lower)
        };
        change(*place) > threshold
    };
    (1..values.len()).filter(significant).collect()
}

fn quartile(sorted: &[f64], probability: f64) -> f64 {
    let position = (sorted.len() - 1) as f64 * probability;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (position - below as f64)
}

/// Bencher: a t-test threshold with an upper boundary of 0.99 over the last 64 values: a value alerts when it lies above
/// their mean by more than the 0.99 quantile of Student's t times their standard deviation
/// (<https://bencher.dev/docs/explanation/thresholds/>).
pub(crate) fn bencher(values: &[f64]) -> Vec<usize> {
    const WINDOW: usize = 64;
    let alerts = |place: &usize| {
        let window = &values[place.saturating_sub(WINDOW)..*place];
        let count = window.len() as f64;
        let mean = window.iter().sum::<f64>() / count;
        let variance = window.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        values[*place] > mean + t_quantile_99(count - 1.0) * variance.sqrt()
    };
    (2..values.len()).filter(alerts).collect()
}

/// The 0.99 quantile of Student's t by Cornish and Fisher's expansion (Abramowitz and Stegun 26.7.5), exact for 1 and 2
/// degrees of freedom.
fn t_quantile_99(freedom: f64) -> f64 {
    if freedom < 1.5 {
        return 31.820_516;
    }
    if freedom < 2.5 {
        return 6.964_557;
    }
    let z: f64 = 2.326_347_874;
    z + (z.powi(3) + z) / (4.0 * freedom)
        + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * freedom.powi(2))
        + (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / (384.0 * freedom.powi(3))
}

/// criterion: each commit against the one before, from 100 samples each with a spread of 1% within the process, at
/// α = 0.05 and a noise threshold of 1%: flagged when the 95% interval of the mean's relative change lies beyond the
/// threshold (<https://bheisler.github.io/criterion.rs/book/analysis.html>). With so many samples its bootstrap is the
/// normal interval; what a new process adds is noise that it does not see.
pub(crate) fn criterion(values: &[f64]) -> Vec<usize> {
    const THRESHOLD: f64 = 0.01;
    const ERROR: f64 = 0.01 * 0.1;
    let mut random = Random::new(1);
    let measured: Vec<f64> = values.iter().map(|value| value * (1.0 + ERROR * random.normal())).collect();
    let flagged = |place: &usize| {
        let change = measured[*place] / measured[place - 1] - 1.0;
        change.abs() - 1.96 * std::f64::consts::SQRT_2 * ERROR > THRESHOLD
    };
    (1..values.len()).filter(flagged).collect()
}
