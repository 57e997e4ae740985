//! A bandwidth limit that all transfers share, adjustable while they run. `Bucket` decides and takes the time as a parameter;
//! `Throttle` only waits.

use std::num::NonZeroU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// How far transfers may run ahead of the rate after a pause.
const BURST: Duration = Duration::from_millis(100);

/// Longest sleep without a heartbeat.
const MAX_SLEEP: Duration = Duration::from_secs(1);

/// A rate, and the time until which it is used up (the virtual scheduling of the generic cell rate algorithm, ITU-T I.371
/// annex A).
#[derive(Debug)]
struct Bucket {
    /// Bytes per second; `None` is unlimited.
    rate: Option<NonZeroU64>,
    used_until: Duration,
}

impl Bucket {
    /// Reserves `bytes` and returns how long to wait before they are transferred.
    fn take(&mut self, bytes: usize, now: Duration) -> Duration {
        let Some(rate) = self.rate else { return Duration::ZERO };
        let start = self.used_until.max(now.saturating_sub(BURST));
        self.used_until = start + Duration::from_secs_f64(bytes as f64 / rate.get() as f64);
        start.saturating_sub(now)
    }
}

/// A limit that transfers share.
#[derive(Debug)]
pub(super) struct Throttle {
    bucket: Mutex<Bucket>,
    changed: Notify,
    started: Instant,
}

impl Throttle {
    /// A limit of `rate` bytes per second, or none.
    pub(super) fn new(rate: Option<NonZeroU64>) -> Self {
        let bucket = Mutex::new(Bucket { rate, used_until: Duration::ZERO });
        Self { bucket, changed: Notify::new(), started: Instant::now() }
    }

    /// Changes the limit, effective at once.
    pub(super) fn set(&self, rate: Option<NonZeroU64>) {
        *self.bucket() = Bucket { rate, used_until: self.started.elapsed() };
        self.changed.notify_waiters();
    }

    /// Waits until `bytes` may be transferred, and calls `heartbeat` at least once a second.
    pub(super) async fn take(&self, bytes: usize, heartbeat: impl Fn()) {
        loop {
            let changed = self.changed.notified();
            let mut wait = self.bucket().take(bytes, self.started.elapsed());
            let waiting = async {
                while !wait.is_zero() {
                    let sleep = wait.min(MAX_SLEEP);
                    tokio::time::sleep(sleep).await;
                    wait -= sleep;
                    heartbeat();
                }
            };
            tokio::select! {
                biased;
                () = waiting => return,
                // Reservations at the old rate are dropped with it.
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
    fn the_rate_holds_for_pieces_of_any_size() {
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
    fn after_a_pause_at_most_a_burst_passes() {
        let mut bucket = Bucket { rate: RATE, used_until: Duration::ZERO };
        let now = Duration::from_secs(1000);
        let without_wait = (0..).take_while(|_| bucket.take(1000, now).is_zero()).count();
        // A tenth of a second's bytes, and the piece that begins when they are used up.
        assert_eq!(without_wait, 101);
    }

    /// Each transfer takes its next piece as soon as it may; the limit applies to their sum.
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

    /// A piece that would wait for a day continues when the limit is removed; otherwise this test does not end.
    #[tokio::test]
    async fn a_change_applies_to_waiting_transfers() {
        let throttle = Arc::new(Throttle::new(NonZeroU64::new(1)));
        throttle.take(86_400, || {}).await;
        let waiting = throttle.clone();
        let mut taking = Box::pin(async move { waiting.take(1, || {}).await });
        assert!(futures_util::poll!(&mut taking).is_pending());
        throttle.set(None);
        taking.await;
    }
}
