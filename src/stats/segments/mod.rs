//! Change points: a series cut into segments of one level each. Whether a change matters, and what caused it, is not
//! decided here.
//!
//! Values are clipped to a band around a running median, so that single spikes are no changes (`noise_level`). A change
//! has to save more than a penalty in the cost of autoregressive noise around levels (`partition`); noise and penalty are
//! estimated from the series itself (`changepoint`). Deterministic, and near-linear in time. [`Online`](super::Online) gives
//! the same for a growing series.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::changepoint::{self, Changepoints};
use super::error::StatsError;
use super::interval::{Interval, LEVEL};
use super::levels::LevelScale;
use super::noise_level::NoiseLevel;

/// How many points have to follow the first of a new level before the change is believed.
pub const FOLLOWING: usize = 3;

/// A stretch of points of one level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// Its first point.
    pub start: usize,
    /// The point after its last.
    pub end: usize,
    /// Its level, in the unit of the values: the mean on the scale, of values clipped to a band around the running median
    /// and weighted as the noise's correlation demands.
    pub level: f64,
}

/// A change of level between two segments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// The first point of the new level.
    pub at: usize,
    /// The level before.
    pub before: f64,
    /// The level after.
    pub after: f64,
    /// What changes between them: their ratio or their difference, by the scale.
    pub effect: f64,
    /// Where the effect lies, by Student's t with the noise's correlation counted: given that the change is real and in
    /// its place.
    pub interval: Interval,
    /// What the change saves in cost, in units of the fresh noise's variance.
    pub gain: f64,
    /// What it has to save.
    pub penalty: f64,
    /// Points of the segment before.
    pub points_before: usize,
    /// Points of the segment after.
    pub points_after: usize,
    /// The change lies within so many points of `at`, in about 95 of 100 cases: 11 σ²/Δ² with σ² the long-run variance of
    /// the noise (Bai, *Estimation of a change point in multiple regression models*, Review of Economics and Statistics
    /// 79, 1997).
    pub within: usize,
    /// The first point at which the change, placed where it is now, saved the penalty with [`FOLLOWING`] points after its
    /// first. Nothing while it is new.
    pub confirmed_at: Option<usize>,
}

/// A series cut into segments.
#[derive(Debug, Clone, PartialEq)]
pub struct Segmentation {
    /// All points, in order. Nothing for no points.
    pub segments: Vec<Segment>,
    /// Between each segment and the next.
    pub changes: Vec<Change>,
    /// The noise around the levels, on the scale: for ratios it is relative.
    pub noise: NoiseLevel,
}

/// Cuts a series into segments of one level each, of at least three points each where there are changes.
///
/// # Errors
/// When a value is out of range, or not above zero where ratios matter.
pub fn segments(values: &[f64], scale: LevelScale) -> Result<Segmentation, StatsError> {
    let mut points = Changepoints::new(scale);
    points.extend(values)?;
    Ok(segmentation(&points))
}

/// The present partition with its figures.
pub(super) fn segmentation(points: &Changepoints) -> Segmentation {
    let mut bounds = vec![0];
    bounds.extend(points.cuts());
    if points.len() > 0 {
        bounds.push(points.len());
    }
    let segment = |start: usize, end: usize| Segment {
        start,
        end,
        level: on_values(points.scale(), points.stretch(start, end).level),
    };
    Segmentation {
        segments: bounds.windows(2).map(|pair| segment(pair[0], pair[1])).collect(),
        changes: bounds.windows(3).map(|places| change(points, places[0], places[1], places[2])).collect(),
        noise: points.fit.noise,
    }
}

fn on_values(scale: LevelScale, level: f64) -> f64 {
    match scale {
        LevelScale::Ratio => level.exp(),
        LevelScale::Difference => level,
    }
}

fn change(points: &Changepoints, start: usize, at: usize, end: usize) -> Change {
    let (before, after) = (points.stretch(start, at), points.stretch(at, end));
    let value = |level: f64| on_values(points.scale(), level);
    let effect = after.level - before.level;
    let noise = points.fit.noise;
    let error = noise.sigma * (1.0 / before.weight + 1.0 / after.weight).sqrt();
    let reach = error * student(changepoint::freedom(points.fit.length));
    Change {
        at,
        before: value(before.level),
        after: value(after.level),
        effect: value(effect),
        interval: Interval { low: value(effect - reach), high: value(effect + reach), level: LEVEL },
        gain: before.gain(after, noise),
        penalty: points.fit.penalty,
        points_before: at - start,
        points_after: end - at,
        within: within(noise, effect),
        confirmed_at: confirmed_at(points, start, at, end),
    }
}

/// How many standard errors an interval at [`LEVEL`] reaches.
fn student(freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |t| t.inverse_cdf(f64::midpoint(1.0, LEVEL)))
}

fn within(noise: NoiseLevel, effect: f64) -> usize {
    // A float beyond the range of whole numbers becomes the largest one.
    (11.0 * (noise.sigma / ((1.0 - noise.rho) * effect)).powi(2)).ceil() as usize
}

fn confirmed_at(points: &Changepoints, start: usize, at: usize, end: usize) -> Option<usize> {
    let before = points.stretch(start, at);
    let saves = |newest: &usize| before.gain(points.stretch(at, newest + 1), points.fit.noise) >= points.fit.penalty;
    (at + FOLLOWING..end).find(saves)
}

#[cfg(test)]
mod tests;
