//! `sync/conflict`: two replicas with the same documents, each of which was edited on both. Three exchanges (the first
//! replica's, the second's, and the first's again) bring both to the same state, with both versions of every document. The
//! digest is over all versions on both; they must be the same.

use std::sync::Arc;

use benchline_contract::Access;
use benchline_engine::client::{SyncClient, SyncReport};
use benchline_engine::store::Replica;
use tokio::runtime::Handle;

use super::client::{Clients, counters, exchange};
use crate::error::SubjectError;
use crate::meter::Meter;
use crate::operations::documents::{self, Documents};
use crate::operations::replicas::Replicas;
use crate::operations::roles::{Client, Setup, Work, on_reactor, only_once, too_early};
use crate::parameters::Parameters;

struct Conflict {
    documents: Documents,
    /// What the documents are made to say on each replica.
    edits: [Documents; 2],
    clients: Clients,
    replicas: [Replicas; 2],
    /// Edited, with fresh clients, for the next iteration.
    ready: Option<[Device; 2]>,
    /// Synchronised by the last one.
    met: Option<[Replica; 2]>,
    operation: String,
    runtime: Handle,
}

type Device = (Arc<SyncClient>, Replica);

pub(crate) fn prepare(setup: &Setup<'_>, parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    let documents = Documents::read(setup, parameters)?;
    Ok(Box::new(Conflict {
        edits: [1, 2].map(|turn| documents.edited(setup.payload, turn)),
        documents,
        clients: Clients::new(setup),
        replicas: ["first", "second"].map(|purpose| Replicas::new(setup, purpose)),
        ready: None,
        met: None,
        operation: setup.operation.to_owned(),
        runtime: setup.runtime.clone(),
    }))
}

impl Conflict {
    /// Two replicas of one account, each with edits of its own.
    async fn part(&mut self, access: Option<&Access>) -> Result<[Replica; 2], SubjectError> {
        let [first, second] = &mut self.replicas;
        let replicas = [first.fresh().await?, second.fresh().await?];
        self.documents.clone().fill(&replicas[0]).await?;
        for replica in &replicas {
            exchange(self.clients.connect(access)?, replica.clone()).await?;
        }
        for (edits, replica) in self.edits.iter().zip(&replicas) {
            edits.clone().overwrite(replica).await?;
        }
        Ok(replicas)
    }
}

impl Client for Conflict {
    fn reset(&mut self, access: Option<Access>) -> Result<(), SubjectError> {
        self.met = None;
        let [first, second] = self.runtime.clone().block_on(self.part(access.as_ref()))?;
        let connect = || self.clients.connect(access.as_ref());
        self.ready = Some([(connect()?, first), (connect()?, second)]);
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        only_once(&self.operation, count)?;
        let [first, second] = self.ready.take().ok_or_else(|| too_early(&self.operation, "a reset"))?;
        let replicas = [first.1.clone(), second.1.clone()];
        let reports = meter.time(|| on_reactor(&self.runtime, meet(first, second)))?;
        self.met = Some(replicas);
        let items = reports.iter().map(|report| report.documents_sent).sum();
        let bytes = self.edits.iter().map(Documents::bytes).sum();
        Ok(Work { items, bytes, counters: counters(&reports) })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        let [first, second] = self.met.as_ref().ok_or_else(|| too_early(&self.operation, "an iteration"))?;
        self.runtime.block_on(documents::digest_of_versions([first, second]))
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        self.replicas.iter_mut().try_for_each(|replicas| self.runtime.block_on(replicas.remove()))
    }
}

async fn meet(first: Device, second: Device) -> Result<[SyncReport; 3], SubjectError> {
    Ok([
        exchange(first.0.clone(), first.1.clone()).await?,
        exchange(second.0, second.1).await?,
        exchange(first.0, first.1).await?,
    ])
}
