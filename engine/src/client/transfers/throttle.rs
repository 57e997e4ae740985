//! A bound on how many bytes a second all transfers move together, adjustable while they run. `Bucket` decides and takes
//! the time as a parameter; `Throttle` only waits.

use std::num::NonZeroU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// How far the bytes moved may run ahead of the rate after a pause.
const BURST: Duration = Duration::from_millis(100);

/// Longest sleep without a sign of life.
const NAP: Duration = Duration::from_secs(1);

/// A rate, and up to when what was moved so far has used it up (the virtual scheduling of the generic cell rate
/// algorithm, ITU-T I.371 annex A).
#[derive(Debug)]
struct Bucket {
    /// Bytes a second; `None` is no bound.
    rate: Option<NonZeroU64>,
    used_until: Duration,
}

impl Bucket {
    /// Books `bytes` and says how long to wait before they are moved.
    fn take(&mut self, bytes: usize, now: Duration) -> Duration {
        let Some(rate) = self.rate else { return Duration::ZERO };
        let start = self.used_until.max(now.saturating_sub(BURST));
        self.used_until = start + Duration::from_secs_f64(bytes as f64 / rate.get() as f64);
        start.saturating_sub(now)
    }
}

/// A bound that transfers share.
#[derive(Debug)]
pub(crate) struct Throttle {
    bucket: Mutex<Bucket>,
    changed: Notify,
    started: Instant,
}

impl Throttle {
    /// A bound of `rate` bytes a second, or none.
    pub(crate) fn new(rate: Option<NonZeroU64>) -> Self {
        let bucket = Mutex::new(Bucket { rate, used_until: Duration::ZERO });
        Self { bucket, changed: Notify::new(), started: Instant::now() }
    }

    /// Sets another bound, which counts at once.
    pub(crate) fn set(&self, rate: Option<NonZeroU64>) {
        *self.bucket() = Bucket { rate, used_until: self.started.elapsed() };
        self.changed.notify_waiters();
    }

    /// Waits until `bytes` may be moved, calling `alive` now and then.
    pub(super) async fn take(&self, bytes: usize, alive: impl Fn()) {
        loop {
            let changed = self.changed.notified();
            let mut wait = self.bucket().take(bytes, self.started.elapsed());
            let waiting = async {
                while !wait.is_zero() {
                    let nap = wait.min(NAP);
                    tokio::time::sleep(nap).await;
                    wait -= nap;
                    alive();
                }
            };
            tokio::select! {
                biased;
                () = waiting => return,
                // What was booked at the old rate is forgotten with it.
                () = changed => {}
            }
        }
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const RATE: Option<NonZeroU64> = NonZeroU64::new(1_000_000);

    #[test]
    fn the_rate_holds_over_a_span_whatever_the_pieces() {
        for piece in [100, 16 << 10, 64 << 10, 1 << 20] {
            let mut bucket = Bucket { rate: RATE, used_until: Duration::ZERO };
            let (mut now, mut moved) = (Duration::from_secs(5), 0);
            let start = now;
            while moved < 50_000_000 {
                now += bucket.take(piece, now);
                moved += piece;
            }
            let rate = moved as f64 / (now - start).as_secs_f64();
            assert!((rate / 1e6 - 1.0).abs() < 0.05, "{piece}: {rate}");
        }
    }

    #[test]
    fn a_pause_saves_up_no_more_than_a_burst() {
        let mut bucket = Bucket { rate: RATE, used_until: Duration::ZERO };
        let now = Duration::from_secs(1000);
        let without_wait = (0..).take_while(|_| bucket.take(1000, now).is_zero()).count();
        // A tenth of a second's bytes, and the piece that begins when they are used up.
        assert_eq!(without_wait, 101);
    }

    /// Each transfer takes its next piece as soon as it may; what they move together is what is bounded.
    #[test]
    fn transfers_share_the_rate() {
        let mut bucket = Bucket { rate: RATE, used_until: Duration::ZERO };
        let mut free_at = [Duration::from_secs(1); 3];
        let mut moved = [0; 3];
        while free_at.iter().any(|at| *at < Duration::from_secs(11)) {
            let (next, now) = free_at.iter().copied().enumerate().min_by_key(|(_, at)| *at).unwrap();
            free_at[next] = now + bucket.take(10_000, now).max(Duration::from_nanos(1));
            moved[next] += 10_000;
        }
        let rate = moved.iter().sum::<usize>() as f64 / 10.0;
        assert!((rate / 1e6 - 1.0).abs() < 0.05, "{rate}");
        assert!(moved.iter().all(|moved| (2_500_000..4_500_000).contains(moved)), "{moved:?}");
    }

    /// A piece that would take a day is let go when the bound is lifted: else this test does not end.
    #[tokio::test]
    async fn a_change_counts_for_those_who_wait() {
        let throttle = Arc::new(Throttle::new(NonZeroU64::new(1)));
        throttle.take(86_400, || {}).await;
        let waiting = throttle.clone();
        let waiting = tokio::spawn(async move { waiting.take(1, || {}).await });
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!waiting.is_finished());
        throttle.set(None);
        waiting.await.unwrap();
    }
}
