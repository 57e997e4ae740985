//! Waking at planned times. The timers of tokio step by a millisecond, which is longer than many a request takes; a timer
//! of the kernel's own does not. It must never wake anyone early.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

/// One timer for many who wait in one runtime.
pub(super) struct Alarm {
    /// Who waits, the earliest first.
    waiting: Mutex<VecDeque<(Instant, Arc<Notify>)>>,
    more: Notify,
}

impl Alarm {
    pub(super) fn new() -> Self {
        Self { waiting: Mutex::new(VecDeque::new()), more: Notify::new() }
    }

    /// Waits until `at`, which must not be before what was asked for earlier. Someone must be ringing ([`Alarm::ring`]).
    pub(super) async fn until(&self, at: Instant) {
        let bell = Arc::new(Notify::new());
        self.lock().push_back((at, Arc::clone(&bell)));
        self.more.notify_one();
        bell.notified().await;
    }

    /// Wakes each waiter when its time has come, without end.
    pub(super) async fn ring(&self) -> io::Result<()> {
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
        let fd: OwnedFd = nix::unistd::dup(&timer)?;
        #[expect(deprecated, reason = "sound for a descriptor that it owns; what replaces it cannot be called safely")]
        let ready = AsyncFd::new(fd)?;
        loop {
            let Some(first) = self.lock().front().map(|(at, _)| *at) else {
                self.more.notified().await;
                continue;
            };
            let left = first.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                // Setting the timer takes back what it had to say, so it is never read.
                let left = Expiration::OneShot(left.max(Duration::from_nanos(1)).into());
                timer.set(left, TimerSetTimeFlags::empty())?;
                ready.readable().await?.clear_ready();
                continue;
            }
            let now = Instant::now();
            let mut waiting = self.lock();
            while waiting.front().is_some_and(|(at, _)| *at <= now)
                && let Some((_, bell)) = waiting.pop_front()
            {
                bell.notify_one();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Instant, Arc<Notify>)>> {
        // Nothing panics while it holds the lock.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
