//! `sync/upload`: one exchange that sends all documents of a filled replica to an empty account. The digest is over what
//! a second, empty replica with the same keys then gets from the server, so it proves that every document is there and
//! opens.

use std::sync::Arc;

use benchline_engine::client::SyncClient;
use benchline_engine::store::Replica;
use tokio::runtime::Handle;

use super::documents::{self, Documents};
use super::replicas::Replicas;
use super::sync_client::{Clients, counters, exchange};
use super::{Client, Setting, Work, on_reactor, only_once};
use crate::clock::Meter;
use crate::contract::Access;
use crate::error::SubjectError;
use crate::parameters::Parameters;

struct Upload {
    documents: Documents,
    clients: Clients,
    senders: Replicas,
    receivers: Replicas,
    ready: Option<Ready>,
    operation: String,
    runtime: Handle,
}

/// What an iteration uses up.
struct Ready {
    sender: Replica,
    client: Arc<SyncClient>,
    access: Option<Access>,
}

pub(super) fn prepare(setting: &Setting<'_>, parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    Ok(Box::new(Upload {
        documents: Documents::read(setting, parameters)?,
        clients: Clients::new(setting),
        senders: Replicas::new(setting, "senders"),
        receivers: Replicas::new(setting, "receivers"),
        ready: None,
        operation: setting.operation.to_owned(),
        runtime: setting.runtime.clone(),
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
        self.ready = Some(Ready { sender, client, access });
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        only_once(&self.operation, count)?;
        let Some(Ready { sender, client, access }) = self.ready.take() else {
            return Err(SubjectError::Order(format!("`{}` needs a reset before each iteration", self.operation)));
        };
        let report = meter.time(|| on_reactor(&self.runtime, exchange(client, sender)))?;

        let verifier = self.clients.connect(access.as_ref())?;
        let digest = self.runtime.block_on(async {
            let receiver = self.receivers.fresh().await?;
            exchange(verifier, receiver.clone()).await?;
            documents::digest(&receiver).await
        })?;
        let (items, bytes) = (self.documents.count(), self.documents.bytes());
        Ok(Work { items, bytes, digest, counters: counters(&report) })
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        self.runtime.block_on(async {
            self.senders.remove().await?;
            self.receivers.remove().await
        })
    }
}
