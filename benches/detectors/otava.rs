//! Apache Otava's change points, from `otava/analysis.py` and `otava/change_point_divisive/` of apache-otava 0.8: E-divisive
//! in windows of 50 values, two-sided t-tests at 0.01 when splitting and 0.001 when merging (Fleming et al., *Hunter: Using
//! Change Point Detection to Hunt for Performance Regressions*, ICPE 2023; Matteson and James, JASA 109, 2014).

use statrs::distribution::{ContinuousCDF, StudentsT};

const WINDOW: usize = 50;
const MOST_P: f64 = 0.001;

/// The first points of all segments but the first.
pub(crate) fn otava(values: &[f64]) -> Vec<usize> {
    let mut points = Vec::new();
    let mut start = 0;
    while start < values.len() {
        let end = (start + WINDOW).min(values.len());
        let found = window(&values[start..end]);
        let last = found.last().map_or(0, |point| point + start);
        points.extend(found.iter().map(|point| point + start));
        start = last.max(start + WINDOW / 2);
    }
    points.sort_unstable();
    points.dedup();
    merge(values, &mut points);
    points
}

/// Weak change points of one window: split at the best candidate while it is significant.
fn window(values: &[f64]) -> Vec<usize> {
    let mut points: Vec<usize> = Vec::new();
    loop {
        let mut best = (f64::NEG_INFINITY, 0, 0, 0);
        for (start, end) in intervals(&points, values.len()) {
            let (quality, at) = candidate(&values[start..end]);
            if quality > best.0 {
                best = (quality, start + at, start, end);
            }
        }
        let (quality, at, start, end) = best;
        if quality == f64::NEG_INFINITY || p(&values[start..at], &values[at..end]) > 10.0 * MOST_P {
            return points;
        }
        points.push(at);
        points.sort_unstable();
    }
}

fn intervals(points: &[usize], length: usize) -> Vec<(usize, usize)> {
    let starts = std::iter::once(0).chain(points.iter().copied());
    starts.zip(points.iter().copied().chain([length])).collect()
}

/// The split τ of the first κ values with the largest energy distance Q(τ, κ), over all τ < κ.
fn candidate(values: &[f64]) -> (f64, usize) {
    let mut best = (f64::NEG_INFINITY, 0);
    for at in 1..values.len() {
        let (left, rest) = values.split_at(at);
        let within_left = pairs(left);
        let (mut between, mut within_right) = (0.0, 0.0);
        for (count, value) in rest.iter().enumerate() {
            between += left.iter().map(|other| (value - other).abs()).sum::<f64>();
            within_right += rest[..count].iter().map(|other| (value - other).abs()).sum::<f64>();
            let (n, m) = (at as f64, (count + 1) as f64);
            let mean = |sum: f64, size: f64| if size > 1.0 { sum / (size - 1.0) } else { 0.0 };
            let quality = 2.0 / (n + m) * (between - m * mean(within_left, n) - n * mean(within_right, m));
            if quality > best.0 {
                best = (quality, at);
            }
        }
    }
    best
}

fn pairs(values: &[f64]) -> f64 {
    values.iter().enumerate().flat_map(|(index, a)| values[..index].iter().map(move |b| (a - b).abs())).sum()
}

/// Takes away the weakest point until all are significant between their neighbours.
fn merge(values: &[f64], points: &mut Vec<usize>) {
    loop {
        let bounds = intervals(points, values.len());
        let strength = |index: usize| {
            let ((start, at), (_, end)) = (bounds[index], bounds[index + 1]);
            p(&values[start..at], &values[at..end])
        };
        let weakest = (0..points.len()).map(|index| (strength(index), index)).max_by(|a, b| a.0.total_cmp(&b.0));
        match weakest {
            Some((p, index)) if p >= MOST_P => _ = points.remove(index),
            _ => return,
        }
    }
}

/// Two-sided p of Student's t-test with a shared variance, from standard deviations with n in the denominator, as the
/// original hands them over.
fn p(left: &[f64], right: &[f64]) -> f64 {
    let (n, m) = (left.len() as f64, right.len() as f64);
    if n + m <= 2.0 {
        return 1.0;
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (a, b) = (mean(left), mean(right));
    let variance = |values: &[f64], mean: f64| {
        values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64
    };
    let pooled = ((n - 1.0) * variance(left, a) + (m - 1.0) * variance(right, b)) / (n + m - 2.0);
    let t = (a - b) / (pooled * (1.0 / n + 1.0 / m)).sqrt();
    if t.is_nan() {
        return 1.0;
    }
    StudentsT::new(0.0, 1.0, n + m - 2.0).map_or(1.0, |student| 2.0 * student.sf(t.abs()))
}
