//! `sync/nothing`: an exchange of a replica and an account that have the same documents. Its client is connected already.
//! The digest is over what the replica holds afterwards. It must never pass for nothing what moved a document.

use std::sync::Arc;

use benchline_contract::Access;
use benchline_engine::client::{SyncClient, SyncReport};
use benchline_engine::store::Replica;
use tokio::runtime::Handle;

use super::client::{Clients, counters, exchange, expect_nothing_moved};
use crate::error::SubjectError;
use crate::meter::Meter;
use crate::operations::documents::{self, Documents};
use crate::operations::replicas::Replicas;
use crate::operations::roles::{Client, Setup, Work, on_reactor};
use crate::parameters::Parameters;

struct Nothing {
    replica: Replica,
    replicas: Replicas,
    client: Arc<SyncClient>,
    runtime: Handle,
}

pub(crate) fn prepare(setup: &Setup<'_>, parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    let documents = Documents::read(setup, parameters)?;
    let mut replicas = Replicas::new(setup, "synchronised");
    let (replica, client) = Clients::new(setup).synchronise(setup, documents, &mut replicas)?;
    Ok(Box::new(Nothing { replica, replicas, client, runtime: setup.runtime.clone() }))
}

impl Client for Nothing {
    fn reset(&mut self, _: Option<Access>) -> Result<(), SubjectError> {
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        let exchanges = repeat(self.client.clone(), self.replica.clone(), count);
        let reports = meter.time(|| on_reactor(&self.runtime, exchanges))?;
        reports.iter().try_for_each(expect_nothing_moved)?;
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
