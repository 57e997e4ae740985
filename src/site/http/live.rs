//! The live stream: server-sent events that say when data changed and what is being measured. One task looks at the
//! history for all listeners, and only while there are any.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    extract::State,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{StreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{
    error::PageError,
    shared::{Shared, Site},
};
use crate::{history::HistoryError, site::parts::progress::Now};

/// How often the history is looked at.
const EVERY: Duration = Duration::from_millis(250);

/// A comment this often keeps proxies from closing a quiet stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How many may listen at once; the rest are asked to come back, and their pages work without.
const MOST_LISTENERS: usize = 256;

/// What listeners are told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Snapshot {
    /// The data's serial number; `None` while there is no history.
    serial: Option<u64>,
    now: Option<Now>,
}

/// The stream's side of the site.
#[derive(Debug)]
pub(crate) struct Live {
    looking: Mutex<Looking>,
    seats: Arc<Semaphore>,
}

/// The task that looks at the history.
#[derive(Debug, Default)]
enum Looking {
    /// Nobody listens.
    #[default]
    Idle,
    /// It tells listeners through this; `None` until it has looked once.
    Active(watch::Sender<Option<Snapshot>>),
    /// The server ends.
    Closed,
}

impl Default for Live {
    fn default() -> Live {
        Live { looking: Mutex::default(), seats: Arc::new(Semaphore::new(MOST_LISTENERS)) }
    }
}

impl Live {
    /// Ends every stream, and lets no new one begin.
    pub(crate) fn close(&self) {
        *self.looking() = Looking::Closed;
    }

    fn looking(&self) -> MutexGuard<'_, Looking> {
        self.looking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers `/live`.
pub(crate) async fn stream(State(shared): State<Arc<Shared>>) -> Result<Response, PageError> {
    let seat = Arc::clone(&shared.live.seats).try_acquire_owned().map_err(|_| PageError::Busy)?;
    let listener = Listener { receiver: listen(&shared)?, _seat: seat, said: None };
    let events = stream::unfold(listener, Listener::next).flat_map(stream::iter).map(Ok::<_, Infallible>);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

/// Joins the listeners; the first one starts the task that looks.
fn listen(shared: &Arc<Shared>) -> Result<watch::Receiver<Option<Snapshot>>, PageError> {
    let mut looking = shared.live.looking();
    match &*looking {
        Looking::Active(sender) => Ok(sender.subscribe()),
        Looking::Closed => Err(PageError::Busy),
        Looking::Idle => {
            let (sender, receiver) = watch::channel(None);
            *looking = Looking::Active(sender);
            tokio::spawn(look(Arc::clone(shared)));
            Ok(receiver)
        }
    }
}

/// Looks at the history until nobody listens.
async fn look(shared: Arc<Shared>) {
    loop {
        let seen = shared.read(|site| Ok(look_once(site)?)).await;
        {
            // Under the lock that listeners join under: either they are seen here, or they find nobody looking.
            let mut looking = shared.live.looking();
            let Looking::Active(sender) = &*looking else { return };
            if sender.receiver_count() == 0 {
                *looking = Looking::Idle;
                return;
            }
            if let Ok(seen) = seen {
                sender.send_if_modified(|held| held.replace(seen.clone()).as_ref() != Some(&seen));
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn look_once(site: &Site) -> Result<Snapshot, HistoryError> {
    let Some(reader) = site.reader() else { return Ok(Snapshot::default()) };
    Ok(Snapshot { serial: Some(reader.serial()?), now: Now::read(reader)? })
}

/// One listener with its seat, which is free again once the stream is dropped.
struct Listener {
    receiver: watch::Receiver<Option<Snapshot>>,
    _seat: OwnedSemaphorePermit,
    /// What it was told last.
    said: Option<Snapshot>,
}

impl Listener {
    /// Waits for something new and says it; ends when the task that looks does. What stands is told at once.
    async fn next(mut self) -> Option<(Vec<Event>, Listener)> {
        let before = self.said.take();
        let now = self.receiver.wait_for(|now| now.is_some() && *now != before).await.ok()?.clone()?;
        let mut events = Vec::new();
        if before.as_ref().is_none_or(|before| before.serial != now.serial) {
            let serial = now.serial.map_or_else(|| "none".to_owned(), |serial| serial.to_string());
            events.push(Event::default().event("serial").data(serial));
        }
        if before.as_ref().is_none_or(|before| before.now != now.now) {
            events.push(Event::default().event("progress").data(told(now.now.as_ref())));
        }
        self.said = Some(now);
        Some((events, self))
    }
}

/// Progress as JSON; `null` when nothing is measured.
fn told(now: Option<&Now>) -> String {
    serde_json::to_string(&now).unwrap_or_else(|_| "null".to_owned())
}
