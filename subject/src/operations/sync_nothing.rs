//! `sync/nothing`: an exchange of a replica and an account that have the same documents. Its client is connected already.
//! The digest is over what the replica holds afterwards. It must never pass for nothing what moved a document.

use std::sync::Arc;

use benchline_engine::client::{SyncClient, SyncReport};
use benchline_engine::store::Replica;
use tokio::runtime::Handle;

use super::documents::{self, Documents};
use super::replicas::Replicas;
use super::sync_client::{Clients, counters, exchange};
use super::{Client, Setting, Work, on_reactor};
use crate::clock::Meter;
use crate::error::SubjectError;
use crate::parameters::Parameters;
use benchline_contract::Access;

struct Nothing {
    replica: Replica,
    replicas: Replicas,
    client: Arc<SyncClient>,
    runtime: Handle,
}

pub(super) fn prepare(setting: &Setting<'_>, parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    let documents = Documents::read(setting, parameters)?;
    let mut replicas = Replicas::new(setting, "synchronised");
    let (replica, client) = Clients::new(setting).synchronise(setting, documents, &mut replicas)?;
    Ok(Box::new(Nothing { replica, replicas, client, runtime: setting.runtime.clone() }))
}

impl Client for Nothing {
    fn reset(&mut self, _: Option<Access>) -> Result<(), SubjectError> {
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        let exchanges = repeat(self.client.clone(), self.replica.clone(), count);
        let reports = meter.time(|| on_reactor(&self.runtime, exchanges))?;
        reports.iter().try_for_each(moved_nothing)?;
        Ok(Work { items: 1, bytes: 0, counters: counters(&reports) })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        self.runtime.block_on(documents::digest(&self.replica))
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        self.runtime.block_on(self.replicas.remove())
    }
}

async fn repeat(client: Arc<SyncClient>, replica: Replica, count: u64) -> Result<Vec<SyncReport>, SubjectError> {
    let mut reports = Vec::new();
    for _ in 0..count {
        reports.push(exchange(client.clone(), replica.clone()).await?);
    }
    Ok(reports)
}

/// That an exchange found nothing to do.
pub(super) fn moved_nothing(report: &SyncReport) -> Result<(), SubjectError> {
    match report.documents_sent + report.documents_received {
        0 => Ok(()),
        moved => {
            let error = format!("{moved} documents were exchanged where there was nothing to do");
            Err(SubjectError::engine::<Box<dyn std::error::Error + Send + Sync>>("synchronising")(error.into()))
        }
    }
}
