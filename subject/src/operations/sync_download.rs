//! `sync/download`: one exchange that fetches all documents of an account into an empty replica. The account is the one
//! given when the case was prepared, and is filled then; the fresh accounts of later resets stay unused. The digest is
//! over what the replica holds afterwards.

use std::sync::Arc;

use benchline_engine::client::SyncClient;
use benchline_engine::store::Replica;
use tokio::runtime::Handle;

use super::documents::{self, Documents};
use super::replicas::Replicas;
use super::sync_client::{Clients, counters, exchange};
use super::{Client, Setting, Work, on_reactor, only_once, too_early};
use crate::clock::Meter;
use crate::contract::Access;
use crate::error::SubjectError;
use crate::parameters::Parameters;

struct Download {
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
    Ok(Box::new(Download {
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

impl Client for Download {
    fn reset(&mut self, _: Option<Access>) -> Result<(), SubjectError> {
        self.filled = None;
        let client = self.clients.connect(self.access.as_ref())?;
        self.ready = Some((self.runtime.block_on(self.receivers.fresh())?, client));
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        only_once(&self.operation, count)?;
        let (replica, client) = self.ready.take().ok_or_else(|| too_early(&self.operation, "a reset"))?;
        let report = meter.time(|| on_reactor(&self.runtime, exchange(client, replica.clone())))?;
        self.filled = Some(replica);
        Ok(Work { items: self.items, bytes: self.bytes, counters: counters([&report]) })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        let replica = self.filled.as_ref().ok_or_else(|| too_early(&self.operation, "an iteration"))?;
        self.runtime.block_on(documents::digest(replica))
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        self.runtime.block_on(self.receivers.remove())
    }
}
