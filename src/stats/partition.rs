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
    /// The least cost for a level between two bounds.
    fn least(&self, low: f64, high: f64) -> f64 {
        let level = (self.b / self.a).max(low).min(high);
        (self.a * level - 2.0 * self.b) * level + self.c
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
        for curve in self.pieces.iter_mut().map(|piece| &mut piece.curve).chain(&mut self.young) {
            curve.a += weight * weight;
            curve.b += weight * fresh;
            curve.c += fresh * fresh;
        }
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

    fn choose(&mut self) -> usize {
        let (mut best, mut start, mut low) = (f64::INFINITY, 0, f64::NEG_INFINITY);
        for piece in &self.pieces {
            let cost = piece.curve.least(low, piece.high);
            if cost < best {
                (best, start) = (cost, piece.curve.start);
            }
            low = piece.high;
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
