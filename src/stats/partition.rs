//! The cheapest way to cut a series into levels, kept up to date point by point. Exact: nothing is pruned that could
//! still win. Knows nothing of medians, outliers or estimates; values come in units of the noise.
//!
//! Optimal partitioning (Jackson et al., *An algorithm for optimal partitioning of data on an interval*, 2005) with
//! functional pruning (Maidstone, Hocking, Rigaill and Fearnhead, *On optimal multiple changepoint algorithms for large
//! data*, Statistics and Computing 27, 2017): of all places where the current segment may have begun, only those are
//! kept that are the cheapest for some level of the segment. There are a handful, whatever the length.

/// The fewest points of a segment.
pub(super) const SHORTEST: usize = 3;

/// What the current segment costs as a function of its level μ, all before it included: `a μ² - 2 b μ + c`.
#[derive(Debug, Clone, Copy)]
struct Curve {
    /// The segment's first point.
    start: usize,
    a: f64,
    b: f64,
    c: f64,
}

impl Curve {
    /// Takes a point of the segment, but for its first.
    fn push(&mut self, weight: f64, fresh: f64) {
        self.a += weight * weight;
        self.b += weight * fresh;
        self.c += fresh * fresh;
    }

    /// The cost at the best level.
    fn least(&self) -> f64 {
        self.c - self.b * self.b / self.a
    }
}

/// The levels up to `high`, from where the piece before ends, for which a curve is the cheapest.
#[derive(Debug, Clone, Copy)]
struct Piece {
    high: f64,
    curve: Curve,
}

/// The cost of the current segment after some points, as the lower envelope of curves. Small, and cheap to copy.
#[derive(Debug, Clone)]
pub(super) struct Partition {
    rho: f64,
    penalty: f64,
    points: usize,
    previous: f64,
    /// Ascending; together they cover all levels.
    pieces: Vec<Piece>,
    /// Segments that are too short yet to count, oldest first.
    young: Vec<Curve>,
    /// Cost of the best partition of the points so far, each cut's penalty included.
    best: f64,
    spare: Vec<Piece>,
}

impl Partition {
    /// For noise of variance 1 with an autocorrelation, at a penalty per cut.
    pub(super) fn new(rho: f64, penalty: f64) -> Self {
        // The first segment pays no penalty.
        let best = -penalty;
        Self { rho, penalty, points: 0, previous: 0.0, pieces: Vec::new(), young: Vec::new(), best, spare: Vec::new() }
    }

    /// How many points it has seen.
    pub(super) fn points(&self) -> usize {
        self.points
    }

    /// Takes the next point and answers where the last segment of the best partition begins.
    ///
    /// A segment's cost is minus twice its log-likelihood as stationary autoregressive noise around one level, but for a
    /// constant: `(1 - ρ²)(y₁ - μ)² + Σ (yₜ - ρ yₜ₋₁ - (1 - ρ) μ)²`. Segments are independent of each other.
    pub(super) fn push(&mut self, value: f64) -> usize {
        let fresh = value - self.rho * self.previous;
        let weight = 1.0 - self.rho;
        self.pieces.iter_mut().for_each(|piece| piece.curve.push(weight, fresh));
        self.young.iter_mut().for_each(|curve| curve.push(weight, fresh));
        if self.points == 0 || self.points >= SHORTEST {
            let a = 1.0 - self.rho * self.rho;
            let c = self.best + self.penalty + a * value * value;
            self.young.push(Curve { start: self.points, a, b: a * value, c });
        }
        self.points += 1;
        self.previous = value;
        if self.young.first().is_some_and(|curve| self.points - curve.start >= SHORTEST) {
            let grown = self.young.remove(0);
            self.insert(grown);
        }
        self.choose()
    }

    /// Whichever curve is cheapest somewhere: the least of the envelope is the least of its curves.
    fn choose(&mut self) -> usize {
        let (mut best, mut start) = (f64::INFINITY, 0);
        for piece in &self.pieces {
            let cost = piece.curve.least();
            if cost < best {
                (best, start) = (cost, piece.curve.start);
            }
        }
        if !self.pieces.is_empty() {
            self.best = best;
        }
        start
    }

    /// Lowers the envelope to a curve that is younger than all in it, so less curved than each: against any of them it
    /// wins for the levels outside the two at which they cross.
    fn insert(&mut self, new: Curve) {
        self.spare.clear();
        if self.pieces.is_empty() {
            self.spare.push(Piece { high: f64::INFINITY, curve: new });
        }
        for piece in &self.pieces {
            let old = piece.curve;
            let (a, b, c) = (old.a - new.a, old.b - new.b, old.c - new.c);
            let discriminant = b * b - a * c;
            if discriminant > 0.0 {
                let (centre, half) = (b / a, discriminant.sqrt() / a);
                extend(&mut self.spare, piece.high.min(centre - half), new);
                extend(&mut self.spare, piece.high.min(centre + half), old);
            }
            extend(&mut self.spare, piece.high, new);
        }
        std::mem::swap(&mut self.pieces, &mut self.spare);
    }
}

/// Adds a curve for the levels from where the last piece ends up to `high`, if there are any.
fn extend(pieces: &mut Vec<Piece>, high: f64, curve: Curve) {
    let low = pieces.last().map_or(f64::NEG_INFINITY, |piece| piece.high);
    match pieces.last_mut() {
        _ if high <= low => {}
        Some(last) if last.curve.start == curve.start => last.high = high,
        _ => pieces.push(Piece { high, curve }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::noise::{Noise, SplitMix64};
    use super::super::vectors;
    use super::*;

    /// Where each prefix's last segment begins, as the partition says.
    fn starts(values: &[f64], rho: f64, penalty: f64) -> Vec<usize> {
        let mut partition = Partition::new(rho, penalty);
        values.iter().map(|value| partition.push(*value)).collect()
    }

    fn cuts(starts: &[usize]) -> Vec<usize> {
        let mut cuts = Vec::new();
        let mut end = starts.len();
        while end > 0 && starts[end - 1] > 0 {
            end = starts[end - 1];
            cuts.insert(0, end);
        }
        cuts
    }

    /// The cost of one segment at its best level, straight from the definition.
    fn cost(values: &[f64], rho: f64) -> f64 {
        let own = 1.0 - rho;
        let first = 1.0 - rho * rho;
        let weight = first + own * own * (values.len() - 1) as f64;
        let fresh = || values.windows(2).map(|pair| pair[1] - rho * pair[0]);
        let level = (first * values[0] + fresh().map(|value| own * value).sum::<f64>()) / weight;
        first * (values[0] - level).powi(2) + fresh().map(|value| (value - own * level).powi(2)).sum::<f64>()
    }

    /// Every partition, by trying each last segment of each prefix.
    fn brute_force(values: &[f64], rho: f64, penalty: f64) -> Vec<usize> {
        let mut best = vec![f64::INFINITY; values.len() + 1];
        best[0] = -penalty;
        let mut starts = Vec::new();
        for end in 1..=values.len() {
            let mut start = 0;
            for candidate in 0..(end + 1).saturating_sub(SHORTEST) {
                let total = best[candidate] + penalty + cost(&values[candidate..end], rho);
                if total < best[end] {
                    (best[end], start) = (total, candidate);
                }
            }
            starts.push(start);
        }
        starts
    }

    #[test]
    fn cuts_agree_with_ruptures() {
        for case in vectors::read(include_str!("../../tests/vectors/stats/partition.json")) {
            let expected: Vec<usize> = case.list("cuts").into_iter().map(|cut| cut as usize).collect();
            assert_eq!(cuts(&starts(&case.list("values"), 0.0, case.number("penalty"))), expected, "{}", case.name);
        }
    }

    #[test]
    fn every_prefix_is_cut_as_by_brute_force() {
        let mut random = SplitMix64::new(5);
        for round in 0..60 {
            let rho = [0.0, 0.3, 0.7, 0.9][round % 4];
            let penalty = [1.0, 6.0, 15.0][round % 3];
            let noise = [Noise::Gaussian, Noise::Cauchy, Noise::Skewed][round / 3 % 3];
            let mut level = 0.0;
            let values: Vec<f64> = (0..70)
                .map(|_| {
                    if random.uniform() < 0.05 {
                        level += 8.0 * (random.uniform() - 0.5);
                    }
                    level + noise.draw(&mut random)
                })
                .collect();
            assert_eq!(starts(&values, rho, penalty), brute_force(&values, rho, penalty), "round {round}");
        }
    }

    #[test]
    fn few_places_are_kept() {
        let mut random = SplitMix64::new(6);
        let mut partition = Partition::new(0.2, 25.0);
        let mut most = 0;
        for _ in 0..5000 {
            partition.push(Noise::Gaussian.draw(&mut random));
            most = most.max(partition.pieces.len());
        }
        assert!(most < 40, "{most} pieces");
    }
}
