//! Locks on uploads. At most one request writes an upload. A client that lost its connection must not wait until the server
//! notices that, so a later request interrupts the one that holds the lock.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::backend::ObjectName;

/// How long an interrupted request may take to make durable what it received.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The uploads of one user that are being written.
#[derive(Default)]
pub(super) struct UploadLocks {
    held: Held,
}

type Held = Arc<Mutex<HashMap<ObjectName, Signals>>>;

#[derive(Clone, Default)]
struct Signals {
    /// Asks the holder to end.
    interrupt: CancellationToken,
    /// Is cancelled when the holder has ended.
    released: CancellationToken,
}

/// The exclusive right to write one upload, until it is dropped.
pub(super) struct UploadLock {
    held: Held,
    object: ObjectName,
    signals: Signals,
}

impl UploadLocks {
    /// Interrupts the request that writes this upload and waits until it has ended. Returns whether it has.
    pub(super) async fn interrupt(&self, object: ObjectName) -> bool {
        let Some(signals) = lock(&self.held).get(&object).cloned() else { return true };
        signals.interrupt.cancel();
        tokio::time::timeout(TIMEOUT, signals.released.cancelled()).await.is_ok()
    }

    /// The uploads that are being written now.
    pub(super) fn locked(&self) -> HashSet<ObjectName> {
        lock(&self.held).keys().copied().collect()
    }

    /// Locks an upload, unless it is locked already.
    pub(super) fn try_lock(&self, object: ObjectName) -> Option<UploadLock> {
        let mut held = lock(&self.held);
        if held.contains_key(&object) {
            return None;
        }
        let signals = Signals::default();
        held.insert(object, signals.clone());
        Some(UploadLock { held: self.held.clone(), object, signals })
    }
}

impl UploadLock {
    /// Completes when another request asks for the upload.
    pub(super) async fn interrupted(&self) {
        self.signals.interrupt.cancelled().await;
    }
}

impl Drop for UploadLock {
    fn drop(&mut self) {
        lock(&self.held).remove(&self.object);
        self.signals.released.cancel();
    }
}

fn lock(held: &Mutex<HashMap<ObjectName, Signals>>) -> MutexGuard<'_, HashMap<ObjectName, Signals>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_later_request_interrupts_the_holder_of_the_lock() {
        let locks = UploadLocks::default();
        let object = ObjectName { user: 1, process: 2, serial: 3 };
        assert!(locks.interrupt(object).await);
        let held = locks.try_lock(object).unwrap();
        assert!(locks.try_lock(object).is_none());
        let writing = async {
            held.interrupted().await;
            drop(held);
        };
        let (interrupted, ()) = tokio::join!(locks.interrupt(object), writing);
        assert!(interrupted && locks.try_lock(object).is_some());
    }
}
