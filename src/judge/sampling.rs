//! Whether more trials are worth it. By precision and by time alone, never by the values: stopping when a
//! difference looks large enough would make differences of noise.

use crate::model::{CheckName, CheckStatus, Measurement};

/// How many more trials a case needs for an estimate to reach its precision, at most as many as were planned: beyond that,
/// more of the same rarely helps, and the check's advice explains what would. Nothing where there is no interval to go by.
pub fn trials_wanted(measurement: &Measurement, planned: u32) -> u32 {
    let trials = measurement.summary.trials;
    let precise = measurement.checks.iter().find(|check| check.name == CheckName::Precise);
    let Some(check) = precise.filter(|check| check.status != CheckStatus::Pass) else { return 0 };
    // The width of an order-statistic interval shrinks with the square root of the number of values.
    let needed = (f64::from(trials) * (check.figure / check.limit).powi(2)).ceil();
    let most = planned.saturating_mul(2);
    let wanted = if needed < f64::from(most) { needed as u32 } else { most };
    wanted.saturating_sub(trials)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::trial;
    use super::*;
    use crate::model::Metric;

    fn wanted(medians: &[u64], planned: u32) -> u32 {
        let trials: Vec<_> = (0..).zip(medians).map(|(index, median)| trial(index, &[*median; 3])).collect();
        let measurements = super::super::measurements(&trials, &[]).unwrap();
        let wall = measurements.iter().find(|m| m.metric == Metric::WALL_TIME).unwrap();
        trials_wanted(wall, planned)
    }

    #[test]
    fn only_an_imprecise_estimate_wants_more_and_never_without_end() {
        assert_eq!(wanted(&[1_000_000; 6], 6), 0, "precise already");
        assert_eq!(wanted(&[975_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000, 1_025_000], 6), 4, "2.5%: 10 trials");
        assert_eq!(
            wanted(&[500_000, 800_000, 1_000_000, 1_000_000, 1_200_000, 2_000_000], 6),
            6,
            "at most as many again"
        );
        assert_eq!(wanted(&[500_000, 1_000_000], 6), 0, "no interval says nothing");
        let twelve = [
            500_000, 600_000, 700_000, 800_000, 900_000, 1_000_000, 1_100_000, 1_200_000, 1_300_000, 1_400_000,
            1_500_000, 2_000_000,
        ];
        assert_eq!(wanted(&twelve, 6), 0, "extended already");
    }
}
