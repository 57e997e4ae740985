//! The change points of a growing series. The result is the same, bit for bit, whether points come one by one or all at
//! once: whatever depends on all points is estimated at fixed lengths only.

use super::error::{StatsError, check_range};
use super::levels::{LevelScale, Stretch, Sums};
use super::noise_level::{self, NoiseLevel};
use super::partition::{Partition, SHORTEST};

/// The penalty of a change, in units of the fresh noise's variance: this many times the logarithm of the series' length …
const PENALTY: f64 = 3.5;

/// … with so many points added, because the first look at a series is not the last.
const AHEAD: f64 = 20.0;

/// Up to this length the noise is estimated again at each point; beyond, each time that the series has grown by a sixteenth.
const ALWAYS_FITTED: usize = 256;

/// Noise below this share of the values is taken for that much: nobody asks for smaller changes, and costs in units of
/// smaller noise would drown in rounding.
const LEAST_NOISE: f64 = 1e-7;

/// How far a cut may be moved to where the points themselves put it.
const MOVABLE: usize = 8;

/// A newest segment shorter than this has to be more than a few outliers in a row.
const YOUNG: usize = 8;

/// What is estimated from the first `length` points.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fit {
    pub(super) length: usize,
    /// Half the width of the band around the running median.
    pub(super) width: f64,
    pub(super) noise: NoiseLevel,
    pub(super) penalty: f64,
}

impl Fit {
    /// For no points.
    const NONE: Fit = Fit { length: 0, width: 0.0, noise: NoiseLevel { sigma: 0.0, rho: 0.0 }, penalty: 0.0 };
}

/// A growing series and its best partition.
#[derive(Debug, Clone)]
pub(super) struct Changepoints {
    scale: LevelScale,
    /// On the scale.
    values: Vec<f64>,
    /// The same, each within the band around the running median.
    clipped: Vec<f64>,
    /// Of the clipped values.
    sums: Sums,
    /// Where the last segment of the best partition of the points up to each begins.
    starts: Vec<usize>,
    pub(super) fit: Fit,
    /// The partition of the points whose running median no later point moves.
    settled: Partition,
}

impl Changepoints {
    pub(super) fn new(scale: LevelScale) -> Self {
        let settled = Partition::new(0.0, 0.0);
        let sums = Sums::default();
        Self { scale, values: Vec::new(), clipped: Vec::new(), sums, starts: Vec::new(), fit: Fit::NONE, settled }
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn scale(&self) -> LevelScale {
        self.scale
    }

    /// Takes more points. On an error none of them is taken.
    pub(super) fn extend(&mut self, values: &[f64]) -> Result<(), StatsError> {
        check_range(values)?;
        match self.scale {
            LevelScale::Difference => self.values.extend(values),
            LevelScale::Ratio => {
                if let Some(index) = values.iter().position(|value| *value <= 0.0) {
                    return Err(StatsError::NotPositive { index, value: values[index] });
                }
                self.values.extend(values.iter().map(|value| value.ln()));
            }
        }
        let length = fitted_length(self.len());
        if length != self.fit.length {
            self.refit(length);
        }
        self.advance();
        Ok(())
    }

    /// Estimates noise and penalty from the first points and forgets every partition made with other estimates.
    fn refit(&mut self, length: usize) {
        let known = &self.values[..length];
        let width = noise_level::clip_width(known);
        self.clipped.clear();
        noise_level::clip(known, width, &mut self.clipped);
        let mut noise = noise_level::noise_level(&self.clipped);
        let size = match self.scale {
            LevelScale::Ratio => 1.0,
            LevelScale::Difference => known.iter().fold(0.0_f64, |largest, value| largest.max(value.abs())),
        };
        if noise.sigma < LEAST_NOISE * size {
            noise = NoiseLevel { sigma: LEAST_NOISE * size, rho: 0.0 };
        }
        self.fit = Fit { length, width, noise, penalty: penalty(length) };
        self.settled = Partition::new(noise.rho, self.fit.penalty);
        self.starts.clear();
        self.clipped.truncate(length.saturating_sub(noise_level::REACH));
        self.sums = Sums::default();
    }

    /// Brings the partition up to date: for good where the running median is final, on a copy for the newest points.
    fn advance(&mut self) {
        let settled = self.settled.points();
        let settling = self.len().saturating_sub(noise_level::REACH).max(settled);
        self.starts.truncate(settled);
        // Right after a fit more values are clipped for good than the partition has seen.
        self.clipped.truncate(settled.max(self.fit.length.saturating_sub(noise_level::REACH)));
        noise_level::clip(&self.values, self.fit.width, &mut self.clipped);
        self.sums.truncate(settled);
        self.clipped[settled..].iter().for_each(|value| self.sums.push(*value));
        let (centre, sigma) = (self.values.first().copied().unwrap_or(0.0), self.fit.noise.sigma);
        let standard = |value: f64| if sigma > 0.0 { (value - centre) / sigma } else { 0.0 };
        for value in &self.clipped[settled..settling] {
            self.starts.push(self.settled.push(standard(*value)));
        }
        let mut newest = self.settled.clone();
        for value in &self.clipped[settling..] {
            self.starts.push(newest.push(standard(*value)));
        }
    }

    /// The first points of all segments but the first, ascending.
    pub(super) fn cuts(&self) -> Vec<usize> {
        let mut cuts = self.best_cuts();
        for index in 0..cuts.len() {
            let start = index.checked_sub(1).map_or(0, |before| cuts[before]);
            let end = cuts.get(index + 1).copied().unwrap_or(self.len());
            cuts[index] = self.moved(start, cuts[index], end);
        }
        if let Some(at) = cuts.last().copied()
            && self.len() - at < YOUNG
        {
            let start = cuts.len().checked_sub(2).map_or(0, |before| cuts[before]);
            if !self.holds(start, at) {
                cuts.pop();
            }
        }
        cuts
    }

    fn best_cuts(&self) -> Vec<usize> {
        let mut cuts = Vec::new();
        let mut end = self.len();
        while end > 0 && self.starts[end - 1] > 0 {
            end = self.starts[end - 1];
            cuts.push(end);
        }
        cuts.reverse();
        cuts
    }

    /// What the points from `start` to before `end` show of their level.
    pub(super) fn stretch(&self, start: usize, end: usize) -> Stretch {
        self.sums.stretch(start, end, self.fit.noise)
    }

    /// Where the points themselves put a cut, given the levels around it. An outlier next to a step is clipped to the
    /// wrong side of it; here it counts for neither.
    fn moved(&self, start: usize, at: usize, end: usize) -> usize {
        let (before, after) = (self.stretch(start, at).level, self.stretch(at, end).level);
        let low = at.saturating_sub(MOVABLE).max(start + SHORTEST).min(at);
        let high = (at + MOVABLE).min(end.saturating_sub(SHORTEST)).max(at);
        let level = |place: usize, cut: usize| if place < cut { before } else { after };
        let cost = |cut: usize| -> f64 {
            (low..=high).map(|place| self.surprise(place, level(place, cut), level(place - 1, cut))).sum()
        };
        let mut best = (cost(at), at);
        for cut in low..=high {
            let found = cost(cut);
            if found < best.0 {
                best = (found, cut);
            }
        }
        best.1
    }

    /// Whether the newest points are better explained by a level of their own when none of them counts for more than an
    /// outlier. Three outliers in a row hardly agree on one.
    fn holds(&self, start: usize, at: usize) -> bool {
        let before = self.stretch(start, at).level;
        let mut newest = self.values[at..].to_vec();
        let middle = newest.len() / 2;
        let (_, after, _) = newest.select_nth_unstable_by(middle, f64::total_cmp);
        let old: f64 = (at..self.len()).map(|place| self.surprise(place, before, before)).sum();
        let level_before = |place: usize| if place == at { before } else { *after };
        let new: f64 = (at..self.len()).map(|place| self.surprise(place, *after, level_before(place))).sum();
        old - new >= self.fit.penalty
    }

    /// Square of the fresh noise that a point would be made of, in units of its variance, at most 9.
    fn surprise(&self, place: usize, level: f64, level_before: f64) -> f64 {
        const MOST: f64 = 9.0;
        let Fit { noise, width, .. } = self.fit;
        let carried = noise.rho * (self.values[place - 1] - level_before).clamp(-width, width);
        ((self.values[place] - level - carried) / noise.sigma).powi(2).min(MOST)
    }
}

/// The length at which the noise of a series of a length was estimated last.
fn fitted_length(length: usize) -> usize {
    if length <= ALWAYS_FITTED {
        return length;
    }
    let mut fitted = ALWAYS_FITTED;
    while fitted + fitted / 16 <= length {
        fitted += fitted / 16;
    }
    fitted
}

/// What a change has to save, in units of the fresh noise's variance.
///
/// `ln n` terms keep a growing number of places in check (Yao, *Estimating the number of change-points via Schwarz'
/// criterion*, 1988). The noise is itself estimated, from differences that know it about as well as half as many
/// independent values: the threshold for a likelihood ratio with ν degrees of freedom is `ν (exp(p/ν) - 1)` instead of p.
fn penalty(length: usize) -> f64 {
    let wanted = PENALTY * (length as f64 + AHEAD).ln();
    let freedom = freedom(length);
    freedom * (wanted / freedom).exp_m1()
}

/// Degrees of freedom of the noise's estimate from this number of points.
pub(super) fn freedom(length: usize) -> f64 {
    (length as f64 / 2.0 - 1.0).max(1.0)
}
