//! asv's step detection, from `asv/step_detect.py` of asv 0.6 (`solve_potts_autogamma`, `solve_potts_approx`,
//! `merge_pieces`): a Potts model under the L1 norm, solved over short intervals that are merged afterwards, with the
//! penalty chosen by an information criterion that knows first-order autocorrelation.

use std::collections::HashMap;

/// Longest interval of the exact solver.
const LONGEST: usize = 20;

struct Costs<'v> {
    values: &'v [f64],
    known: HashMap<(usize, usize), (f64, f64)>,
}

impl Costs<'_> {
    /// The median of `left..right` and the sum of absolute deviations from it.
    fn of(&mut self, left: usize, right: usize) -> (f64, f64) {
        let values = self.values;
        *self.known.entry((left, right)).or_insert_with(|| {
            let mut sorted = values[left..right].to_vec();
            sorted.sort_by(f64::total_cmp);
            let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
            let median = f64::midpoint(low, high);
            (median, sorted.iter().map(|value| (value - median).abs()).sum())
        })
    }

    fn distance(&mut self, left: usize, right: usize) -> f64 {
        self.of(left, right).1
    }
}

/// The first points of all steps but the first.
pub(crate) fn asv(values: &[f64]) -> Vec<usize> {
    if values.is_empty() {
        return Vec::new();
    }
    let mut costs = Costs { values, known: HashMap::new() };
    let count = values.len() as f64;
    let beta = 4.0 * count.ln() / count;
    let whole = costs.distance(0, values.len());
    let scale = if whole == 0.0 { 1.0 } else { whole };
    let mut best = (f64::INFINITY, Vec::new());
    let low = (0.1 / count).ln();
    golden(low, 0.0, low.abs() * 0.1, 0.0, |log_gamma| {
        let rights = approximate(&mut costs, scale * log_gamma.exp());
        let objective = beta * rights.len() as f64 + misfit(&mut costs, &rights).ln();
        if objective < best.0 {
            best = (objective, rights);
        }
        objective
    });
    best.1.pop();
    best.1
}

/// Sum of absolute innovations at the best correlation, with a floor.
fn misfit(costs: &mut Costs<'_>, rights: &[usize]) -> f64 {
    let mut levels = Vec::new();
    let mut errors = Vec::new();
    let mut left = 0;
    for right in rights {
        let (level, _) = costs.of(left, *right);
        levels.push(level);
        errors.extend(costs.values[left..*right].iter().map(|value| value - level));
        left = *right;
    }
    let innovations =
        |rho: f64| errors[0].abs() + errors.windows(2).map(|pair| (pair[1] - rho * pair[0]).abs()).sum::<f64>();
    let rho = golden(-1.0, 1.0, 0.05, 1e-8, innovations);
    let floor = if levels.len() > 2 {
        0.1 * levels.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(f64::INFINITY, f64::min)
    } else {
        0.001 * levels.iter().map(|level| level.abs()).fold(f64::INFINITY, f64::min)
    };
    floor.max(1e-300) + innovations(rho)
}

/// The right ends of the intervals.
fn approximate(costs: &mut Costs<'_>, gamma: f64) -> Vec<usize> {
    let length = costs.values.len();
    let mut best = vec![-gamma; length + 1];
    let mut lefts = vec![0; length];
    for right in 0..length {
        best[right + 1] = f64::INFINITY;
        for left in (right + 1).saturating_sub(LONGEST)..=right {
            let total = best[left] + gamma + costs.distance(left, right + 1);
            if total <= best[right + 1] {
                best[right + 1] = total;
                lefts[right] = left;
            }
        }
    }
    let mut rights = Vec::new();
    let mut end = length;
    while end > 0 {
        rights.push(end);
        end = lefts[end - 1];
    }
    rights.reverse();
    merge(costs, gamma, &mut rights);
    perturb(costs, &mut rights);
    rights
}

/// Merges neighbours while that lowers the cost.
fn merge(costs: &mut Costs<'_>, gamma: f64, rights: &mut Vec<usize>) {
    loop {
        let mut best = (0.0, None);
        let mut left = 0;
        for index in 1..rights.len() {
            if best.1.is_some_and(|found| found + 2 < index) {
                break;
            }
            let (middle, right) = (rights[index - 1], rights[index]);
            let change =
                costs.distance(left, right) - (costs.distance(left, middle) + costs.distance(middle, right) + gamma);
            if change <= best.0 {
                best = (change, Some(index - 1));
            }
            left = middle;
        }
        match best.1 {
            Some(index) => _ = rights.remove(index),
            None => break,
        }
    }
}

/// Moves each bound to where it costs least.
fn perturb(costs: &mut Costs<'_>, rights: &mut [usize]) {
    let mut left = 0;
    for index in 1..rights.len() {
        let (middle, right) = (rights[index - 1], rights[index]);
        let mut best = (costs.distance(left, middle) + costs.distance(middle, right), middle);
        for moved in middle.saturating_sub(LONGEST).max(left + 1)..=(middle + LONGEST).min(right - 1) {
            let cost = costs.distance(left, moved) + costs.distance(moved, right);
            if cost < best.0 {
                best = (cost, moved);
            }
        }
        rights[index - 1] = best.1;
        left = best.1;
    }
}

/// Golden section search; the interval is widened so that both ends given are looked at.
fn golden(a: f64, b: f64, x_tolerance: f64, f_tolerance: f64, mut f: impl FnMut(f64) -> f64) -> f64 {
    let ratio = 2.0 / (1.0 + 5.0_f64.sqrt());
    let mut low = (ratio * a - (1.0 - ratio) * b) / (2.0 * ratio - 1.0);
    let mut high = (ratio * b - (1.0 - ratio) * a) / (2.0 * ratio - 1.0);
    let mut left = ratio * low + (1.0 - ratio) * high;
    let mut right = ratio * high + (1.0 - ratio) * low;
    let (mut at_left, mut at_right) = (f(left), f(right));
    let size = at_left.abs().max(at_right.abs());
    while (low - high).abs() >= x_tolerance && (at_left - at_right).abs() >= f_tolerance * size {
        if at_right < at_left {
            low = left;
            (left, at_left) = (right, at_right);
            right = ratio * high + (1.0 - ratio) * low;
            at_right = f(right);
        } else {
            high = right;
            (right, at_right) = (left, at_left);
            left = ratio * low + (1.0 - ratio) * high;
            at_left = f(left);
        }
    }
    if at_right < at_left { right } else { left }
}
