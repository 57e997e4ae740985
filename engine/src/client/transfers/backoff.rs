//! How long to wait before the next try: exponential backoff with full jitter ("Exponential Backoff And Jitter", AWS
//! Architecture Blog, 2015), so that devices that failed together do not retry together. Pure: randomness is a parameter.

use std::time::Duration;

/// The longest wait before the first retry.
const BASE: Duration = Duration::from_millis(500);

/// The longest wait before any retry.
const CAP: Duration = Duration::from_secs(300);

/// The wait after `tries` consecutive failures: `random` selects it uniformly between zero and the ceiling.
pub(in crate::client) fn delay(tries: u32, random: u32) -> Duration {
    jitter(ceiling(tries), random)
}

/// The wait for a server that has been unreachable for `outage`: up to as long again. It doubles from one to the next, however
/// many transfers detect the outage.
pub(super) fn outage_delay(outage: Duration, random: u32) -> Duration {
    jitter(outage.clamp(BASE, CAP), random)
}

/// A random number for jitter. It does not have to be unpredictable.
pub(in crate::client) fn random() -> u32 {
    uuid::Uuid::new_v4().as_u128() as u32
}

fn jitter(ceiling: Duration, random: u32) -> Duration {
    ceiling.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

/// The longest wait after `tries` consecutive failures.
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
    fn jitter_is_uniform_over_the_whole_range() {
        assert_eq!((delay(9, 0), delay(9, u32::MAX)), (Duration::ZERO, ceiling(9)));
        let mean = (0..1000u32).map(|n| delay(5, n * (u32::MAX / 999)).as_secs_f64()).sum::<f64>() / 1000.0;
        assert_eq!(outage_delay(Duration::ZERO, u32::MAX), BASE);
        assert_eq!(outage_delay(Duration::from_secs(7), u32::MAX), Duration::from_secs(7));
        assert_eq!(outage_delay(Duration::MAX, u32::MAX), CAP);
        assert!((mean / (ceiling(5).as_secs_f64() / 2.0) - 1.0).abs() < 0.01, "{mean}");
    }
}
