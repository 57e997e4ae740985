//! `sync/metadata`: an empty replica first fetches the list of an account's documents, then what they say. The counter
//! `first_result` is the time until the list is complete and read, the wall time that until everything is there. The account
//! is the one given when the case was prepared, as with `sync/download`. The digest is over what the replica holds afterwards.

use std::sync::Arc;
use std::time::{Duration, Instant};

use benchline_engine::client::{SyncClient, SyncReport};
use benchline_engine::document::DocumentId;
use benchline_engine::store::Replica;
use tokio::runtime::Handle;

use super::documents::{self, Documents};
use super::replicas::Replicas;
use super::sync_client::{Clients, counters};
use super::{Client, Setting, Work, on_reactor, only_once, too_early};
use crate::clock::{Meter, nanoseconds};
use crate::contract::Access;
use crate::error::SubjectError;
use crate::parameters::Parameters;

struct Metadata {
    items: u64,
    bytes: u64,
    clients: Clients,
    access: Option<Access>,
    receivers: Replicas,
    /// Empty, for the next iteration.
    ready: Option<(Replica, Arc<SyncClient>)>,
    /// Filled by the last one.
    filled: Option<Replica>,
    operation: String,
    runtime: Handle,
}

pub(super) fn prepare(setting: &Setting<'_>, parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    let documents = Documents::read(setting, parameters)?;
    let (items, bytes) = (documents.count(), documents.bytes());
    let clients = Clients::new(setting);
    clients.fill_account(setting, documents)?;
    Ok(Box::new(Metadata {
        items,
        bytes,
        clients,
        access: setting.server.clone(),
        receivers: Replicas::new(setting, "receivers"),
        ready: None,
        filled: None,
        operation: setting.operation.to_owned(),
        runtime: setting.runtime.clone(),
    }))
}

impl Client for Metadata {
    fn reset(&mut self, _: Option<Access>) -> Result<(), SubjectError> {
        self.filled = None;
        let client = self.clients.connect(self.access.as_ref())?;
        self.ready = Some((self.runtime.block_on(self.receivers.fresh())?, client));
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        only_once(&self.operation, count)?;
        let (replica, client) = self.ready.take().ok_or_else(|| too_early(&self.operation, "a reset"))?;
        let (first_result, reports) = meter.time(|| {
            let began = Instant::now();
            on_reactor(&self.runtime, list_then_contents(client, replica.clone(), began))
        })?;
        self.filled = Some(replica);
        let mut counters = counters(&reports);
        counters.insert("first_result".to_owned(), nanoseconds(first_result));
        Ok(Work { items: self.items, bytes: self.bytes, counters })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        let replica = self.filled.as_ref().ok_or_else(|| too_early(&self.operation, "an iteration"))?;
        self.runtime.block_on(documents::digest(replica))
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        self.runtime.block_on(self.receivers.remove())
    }
}

/// Both steps, and when the first was done.
async fn list_then_contents(
    client: Arc<SyncClient>,
    replica: Replica,
    began: Instant,
) -> Result<(Duration, [SyncReport; 2]), SubjectError> {
    let headers = client.sync_metadata(&replica).await.map_err(SubjectError::engine("fetching the list"))?;
    let ids: Vec<DocumentId> = documents::list(&replica).await?.into_iter().map(|entry| entry.id).collect();
    let first_result = began.elapsed();
    let contents =
        client.fetch_contents(&replica, &ids).await.map_err(SubjectError::engine("fetching the contents"))?;
    Ok((first_result, [headers, contents]))
}
