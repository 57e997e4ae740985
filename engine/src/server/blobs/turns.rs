//! Whose turn it is to write an upload. At most one request writes an upload; a client that lost its connection must not
//! wait for the server to notice, so whoever comes next ends what is still under way.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::backend::ObjectName;

/// How long a request that was told to end may take to make durable what it has.
const PATIENCE: Duration = Duration::from_secs(10);

/// The uploads of one user that are being written.
#[derive(Default)]
pub(super) struct Turns {
    running: Arc<Mutex<HashMap<ObjectName, Signals>>>,
}

#[derive(Clone, Default)]
struct Signals {
    /// To the one who writes: end.
    end: CancellationToken,
    /// From it: everything is said and done.
    over: CancellationToken,
}

/// The turn to write one upload, until it is dropped.
pub(super) struct Turn {
    running: Arc<Mutex<HashMap<ObjectName, Signals>>>,
    object: ObjectName,
    signals: Signals,
}

impl Turns {
    /// Ends whoever writes this upload and waits until that is done. Answers whether it is.
    pub(super) async fn interrupt(&self, object: ObjectName) -> bool {
        let Some(signals) = lock(&self.running).get(&object).cloned() else { return true };
        signals.end.cancel();
        tokio::time::timeout(PATIENCE, signals.over.cancelled()).await.is_ok()
    }

    /// The uploads that are being written now.
    pub(super) fn running(&self) -> HashSet<ObjectName> {
        lock(&self.running).keys().copied().collect()
    }

    /// Takes the turn, unless someone has it.
    pub(super) fn begin(&self, object: ObjectName) -> Option<Turn> {
        let mut running = lock(&self.running);
        if running.contains_key(&object) {
            return None;
        }
        let signals = Signals::default();
        running.insert(object, signals.clone());
        Some(Turn { running: self.running.clone(), object, signals })
    }
}

impl Turn {
    /// Completes when the turn shall end.
    pub(super) async fn ended(&self) {
        self.signals.end.cancelled().await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.running).remove(&self.object);
        self.signals.over.cancel();
    }
}

fn lock(running: &Mutex<HashMap<ObjectName, Signals>>) -> MutexGuard<'_, HashMap<ObjectName, Signals>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_comes_next_ends_what_is_under_way() {
        let turns = Turns::default();
        let object = ObjectName { user: 1, process: 2, serial: 3 };
        assert!(turns.interrupt(object).await);
        let turn = turns.begin(object).unwrap();
        assert!(turns.begin(object).is_none());
        let writing = async {
            turn.ended().await;
            drop(turn);
        };
        let (interrupted, ()) = tokio::join!(turns.interrupt(object), writing);
        assert!(interrupted && turns.begin(object).is_some());
    }
}
