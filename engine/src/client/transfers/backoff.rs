//! How long to wait before the next try: exponential with full jitter ("Exponential Backoff And Jitter", AWS Architecture
//! Blog, 2015), so that devices that failed together do not come back together. Pure: chance is a parameter.

use std::time::Duration;

/// The longest wait before the first new try.
const BASE: Duration = Duration::from_millis(500);

/// The longest wait before any.
const CAP: Duration = Duration::from_secs(300);

/// The wait after `tries` failures in a row: `random` of all numbers picks it between none and the ceiling.
pub(in crate::client) fn delay(tries: u32, random: u32) -> Duration {
    jitter(ceiling(tries), random)
}

/// The wait for a server that has been out of reach for `away`: up to as long again. That doubles as the tries of one
/// transfer do, however many transfers find it out.
pub(super) fn absence(away: Duration, random: u32) -> Duration {
    jitter(away.clamp(BASE, CAP), random)
}

fn jitter(ceiling: Duration, random: u32) -> Duration {
    ceiling.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

/// The longest wait after `tries` failures in a row.
fn ceiling(tries: u32) -> Duration {
    let doubled = 1u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX);
    BASE.saturating_mul(doubled).min(CAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceilings_double_up_to_the_cap() {
        let seconds = [0.5, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0, 300.0];
        for (tries, seconds) in (0..).zip(seconds) {
            assert_eq!(ceiling(tries).as_secs_f64(), seconds, "{tries}");
        }
        assert_eq!(ceiling(u32::MAX), CAP);
    }

    #[test]
    fn chance_covers_the_whole_span_evenly() {
        assert_eq!((delay(9, 0), delay(9, u32::MAX)), (Duration::ZERO, ceiling(9)));
        let mean = (0..1000u32).map(|n| delay(5, n * (u32::MAX / 999)).as_secs_f64()).sum::<f64>() / 1000.0;
        assert_eq!(absence(Duration::ZERO, u32::MAX), BASE);
        assert_eq!(absence(Duration::from_secs(7), u32::MAX), Duration::from_secs(7));
        assert_eq!(absence(Duration::MAX, u32::MAX), CAP);
        assert!((mean / (ceiling(5).as_secs_f64() / 2.0) - 1.0).abs() < 0.01, "{mean}");
    }
}
