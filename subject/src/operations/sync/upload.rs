//! `sync/upload`: one exchange that sends all documents of a filled replica to an empty account. The digest is over what
//! a second, empty replica with the same keys then gets from the server, so it proves that every document is there and
//! opens.

use std::sync::Arc;

use benchline_contract::Access;
use benchline_engine::client::SyncClient;
use benchline_engine::store::Replica;
use tokio::runtime::Handle;

use super::client::{Clients, counters, exchange};
use crate::error::SubjectError;
use crate::meter::Meter;
use crate::operations::documents::{self, Documents};
use crate::operations::replicas::Replicas;
use crate::operations::roles::{Client, Setup, Work, on_reactor, only_once, too_early};
use crate::parameters::Parameters;

struct Upload {
    documents: Documents,
    clients: Clients,
    senders: Replicas,
    receivers: Replicas,
    ready: Option<Ready>,
    /// The account that the last iteration filled.
    sent_to: Option<Access>,
    operation: String,
    runtime: Handle,
}

/// What an iteration uses up.
struct Ready {
    sender: Replica,
    client: Arc<SyncClient>,
    access: Option<Access>,
}

pub(crate) fn prepare(setup: &Setup<'_>, parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    Ok(Box::new(Upload {
        documents: Documents::read(setup, parameters)?,
        clients: Clients::new(setup),
        senders: Replicas::new(setup, "senders"),
        receivers: Replicas::new(setup, "receivers"),
        ready: None,
        sent_to: None,
        operation: setup.operation.to_owned(),
        runtime: setup.runtime.clone(),
    }))
}

impl Client for Upload {
    fn reset(&mut self, access: Option<Access>) -> Result<(), SubjectError> {
        let client = self.clients.connect(access.as_ref())?;
        let sender = self.runtime.block_on(async {
            let sender = self.senders.fresh().await?;
            self.documents.clone().fill(&sender).await?;
            Ok::<_, SubjectError>(sender)
        })?;
        self.sent_to = None;
        self.ready = Some(Ready { sender, client, access });
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        only_once(&self.operation, count)?;
        let ready = self.ready.take().ok_or_else(|| too_early(&self.operation, "a reset"))?;
        let report = meter.time(|| on_reactor(&self.runtime, exchange(ready.client, ready.sender)))?;
        self.sent_to = ready.access;
        let (items, bytes) = (self.documents.count(), self.documents.bytes());
        Ok(Work { items, bytes, counters: counters([&report]) })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        let access = self.sent_to.as_ref().ok_or_else(|| too_early(&self.operation, "an iteration"))?;
        let client = self.clients.connect(Some(access))?;
        self.runtime.block_on(async {
            let receiver = self.receivers.fresh().await?;
            exchange(client, receiver.clone()).await?;
            let digest = documents::digest(&receiver).await?;
            self.receivers.remove().await?;
            Ok(digest)
        })
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        self.runtime.block_on(self.senders.remove())
    }
}
