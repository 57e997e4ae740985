//! The memory for messages that are being delivered. Each is in memory as a whole while it is encrypted. A message for which
//! there is not enough memory waits for a while; then it is rejected, and the service retries.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::server::refusal::Refusal;

/// How many messages of the largest size fit at a time. A message that is being encrypted needs about three times its size.
const MESSAGES: u32 = 2;

/// The unit of the budget in bytes. Smaller messages count as one unit.
const UNIT: u64 = 1 << 10;

/// How long a message waits for memory.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The memory for all messages of a process.
pub(in crate::server) struct MemoryBudget {
    free: Arc<Semaphore>,
    largest: u32,
}

impl MemoryBudget {
    /// A budget for messages of at most `limit` bytes.
    pub(in crate::server) fn new(limit: u64) -> Self {
        let most = u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX) / MESSAGES;
        let largest = u32::try_from(limit.div_ceil(UNIT)).unwrap_or(most).clamp(1, most);
        Self { free: Arc::new(Semaphore::new((largest * MESSAGES) as usize)), largest }
    }

    /// Memory for a message of `length` bytes, or for the largest if its length is unknown, until the permit is dropped.
    pub(super) async fn acquire(&self, length: Option<u64>) -> Result<OwnedSemaphorePermit, Refusal> {
        let units = length.and_then(|length| u32::try_from(length.div_ceil(UNIT)).ok()).unwrap_or(self.largest);
        let free = self.free.clone().acquire_many_owned(units.clamp(1, self.largest));
        tokio::time::timeout(TIMEOUT, free).await.map_err(|_| Refusal::Busy)?.map_err(|_| Refusal::Busy)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn two_of_the_largest_fit_and_a_third_waits_for_one_of_them() {
        let budget = MemoryBudget::new(5000);
        let one = budget.acquire(None).await.unwrap();
        let small = futures_util::future::try_join_all((0..5).map(|_| budget.acquire(Some(1000)))).await.unwrap();
        assert!(budget.acquire(Some(0)).now_or_never().is_none());
        drop(one);
        assert!(budget.acquire(Some(5000)).await.is_ok());
        drop(small);
    }
}
