//! Planned times of an open loop: pure arithmetic, without a clock. It must never look at what was answered.

use std::time::Duration;

use super::plan::Arrivals;

/// Seconds after which nothing is planned any more: ten years, which a clock can still count.
const NEVER: f64 = 3.15e8;

/// Planned times since the beginning, ascending and without end.
pub(super) struct Schedule {
    from: f64,
    to: f64,
    /// Seconds.
    ramp: f64,
    arrivals: Arrivals,
    /// The integral of the rate at the next planned time: how many requests all workers should have planned before it.
    expected: f64,
    /// How far one request is from the next on that scale, on average.
    step: f64,
    random: u64,
}

impl Schedule {
    /// The share of worker `index` of `workers`, whose schedules together are the whole: even ones interleave, and
    /// Poisson ones add up to one of the whole rate.
    pub(super) fn new(
        (from, to, ramp): (f64, f64, Duration),
        arrivals: Arrivals,
        seed: u64,
        (index, workers): (usize, usize),
    ) -> Self {
        let step = workers as f64;
        let mut schedule = Self {
            from,
            to,
            ramp: ramp.as_secs_f64(),
            arrivals,
            expected: index as f64,
            step,
            random: seed ^ (index as u64 + 1).wrapping_mul(0xa076_1d64_78bd_642f),
        };
        if arrivals == Arrivals::Poisson {
            schedule.expected = schedule.gap();
        }
        schedule
    }

    /// The next planned time.
    pub(super) fn next(&mut self) -> Duration {
        let at = self.time_of(self.expected);
        self.expected += self.gap();
        Duration::try_from_secs_f64(at.min(NEVER)).unwrap_or_default()
    }

    fn gap(&mut self) -> f64 {
        match self.arrivals {
            Arrivals::Even => self.step,
            // The inverse of the exponential distribution, with a uniform number above 0 and at most 1.
            Arrivals::Poisson => -self.step * (((self.draw() >> 11) + 1) as f64 / (1_u64 << 53) as f64).ln(),
        }
    }

    /// SplitMix64 (Steele, Lea and Flood, 2014).
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// When the integral of the rate reaches `expected`: the ramp is `from t + (to - from) t² / (2 ramp)`.
    fn time_of(&self, expected: f64) -> f64 {
        let Self { from, to, ramp, .. } = *self;
        let in_ramp = (from + to) / 2.0 * ramp;
        if expected >= in_ramp {
            return ramp + (expected - in_ramp) / to;
        }
        if expected <= 0.0 {
            return 0.0;
        }
        let slope = (to - from) / ramp;
        // The root of `slope/2 t² + from t - expected` in the form that also holds for a slope of zero.
        2.0 * expected / (from + (from * from + 2.0 * slope * expected).max(0.0).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(rates: (f64, f64, u64), arrivals: Arrivals, share: (usize, usize), count: usize) -> Vec<f64> {
        let rates = (rates.0, rates.1, Duration::from_secs(rates.2));
        let mut schedule = Schedule::new(rates, arrivals, 1, share);
        (0..count).map(|_| schedule.next().as_secs_f64()).collect()
    }

    #[test]
    fn even_times_have_equal_distances_and_workers_interleave() {
        assert_eq!(times((4.0, 4.0, 0), Arrivals::Even, (0, 1), 4), [0.0, 0.25, 0.5, 0.75]);
        assert_eq!(times((4.0, 4.0, 0), Arrivals::Even, (1, 2), 3), [0.25, 0.75, 1.25]);
    }

    #[test]
    fn a_ramp_plans_as_many_as_its_area() {
        // From nothing to 100 a second in 10 s: 500 by the end of it, 125 (a quarter of them) by half of it.
        let ramp = times((0.0, 100.0, 10), Arrivals::Even, (0, 1), 700);
        let by = |seconds: f64| ramp.iter().filter(|at| **at < seconds - 1e-9).count();
        assert_eq!((by(5.0), by(10.0), by(11.0)), (125, 500, 600));
        let down = times((100.0, 50.0, 10), Arrivals::Even, (0, 1), 900);
        let by = |seconds: f64| down.iter().filter(|at| **at < seconds - 1e-9).count();
        assert_eq!((by(10.0), by(12.0)), (750, 850));
        assert!(down.is_sorted());
    }

    #[test]
    fn poisson_gaps_have_the_mean_and_the_spread_of_the_exponential_distribution() {
        let times = times((100.0, 100.0, 0), Arrivals::Poisson, (0, 1), 20_000);
        let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let spread = (gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64).sqrt();
        // Within four standard errors of 0.01 both, and P(gap > mean) = 1/e.
        let longer = gaps.iter().filter(|gap| **gap > 0.01).count() as f64 / gaps.len() as f64;
        assert!((mean - 0.01).abs() < 0.0003 && (spread - 0.01).abs() < 0.0006, "{mean} {spread}");
        assert!((longer - (-1.0_f64).exp()).abs() < 0.014, "{longer}");
    }
}
