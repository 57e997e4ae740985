//! How much memory messages that are handed over may take together. Each is there as a whole while it is encrypted; who
//! finds no room waits for a while and is then told to come again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::server::refusal::Refusal;

/// How many messages of the largest size there is room for. While it is encrypted, a message takes about three times its
/// size.
const LARGEST: u32 = 2;

/// What is counted: smaller messages take as much.
const UNIT: u64 = 1 << 10;

/// How long a message waits for room.
const PATIENCE: Duration = Duration::from_secs(10);

/// The room for all messages of a process.
pub(in crate::server) struct Room {
    free: Arc<Semaphore>,
    largest: u32,
}

impl Room {
    /// For messages of at most `limit` bytes.
    pub(in crate::server) fn new(limit: u64) -> Self {
        let most = u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX) / LARGEST;
        let largest = u32::try_from(limit.div_ceil(UNIT)).unwrap_or(most).clamp(1, most);
        Self { free: Arc::new(Semaphore::new((largest * LARGEST) as usize)), largest }
    }

    /// Room for a message that says how long it is, or for the largest, until it is dropped.
    pub(super) async fn take(&self, length: Option<u64>) -> Result<OwnedSemaphorePermit, Refusal> {
        let units = length.and_then(|length| u32::try_from(length.div_ceil(UNIT)).ok()).unwrap_or(self.largest);
        let free = self.free.clone().acquire_many_owned(units.clamp(1, self.largest));
        tokio::time::timeout(PATIENCE, free).await.map_err(|_| Refusal::Busy)?.map_err(|_| Refusal::Busy)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn two_of_the_largest_fit_and_a_third_comes_when_one_goes() {
        let room = Room::new(5000);
        let one = room.take(None).await.unwrap();
        let small = futures_util::future::try_join_all((0..5).map(|_| room.take(Some(1000)))).await.unwrap();
        assert!(room.take(Some(0)).now_or_never().is_none());
        drop(one);
        assert!(room.take(Some(5000)).await.is_ok());
        drop(small);
    }
}
