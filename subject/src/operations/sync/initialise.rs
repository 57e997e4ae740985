//! `sync/initialise`: the start of a client that was synchronised before: open the replica, connect, and exchange for the
//! first time, which finds nothing to do. Keys are there already, so no passphrase is involved. The digest is over what the
//! replica holds afterwards.

use benchline_contract::Access;
use benchline_engine::client::SyncReport;
use benchline_engine::store::Replica;
use tokio::runtime::Handle;

use super::client::{Clients, counters, exchange, expect_nothing_moved};
use crate::error::SubjectError;
use crate::meter::Meter;
use crate::operations::documents::{self, Documents};
use crate::operations::replicas::{Place, Replicas};
use crate::operations::roles::{Client, Setup, Work, on_reactor, too_early};
use crate::parameters::Parameters;

struct Initialise {
    clients: Clients,
    access: Option<Access>,
    replicas: Replicas,
    place: Place,
    /// Opened by the last iteration.
    opened: Option<Replica>,
    operation: String,
    runtime: Handle,
}

pub(crate) fn prepare(setup: &Setup<'_>, parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    let documents = Documents::read(setup, parameters)?;
    let clients = Clients::new(setup);
    let mut replicas = Replicas::new(setup, "synchronised");
    clients.synchronise(setup, documents, &mut replicas)?;
    let place = setup.runtime.block_on(replicas.shut())?;
    Ok(Box::new(Initialise {
        clients,
        access: setup.server.clone(),
        replicas,
        place,
        opened: None,
        operation: setup.operation.to_owned(),
        runtime: setup.runtime.clone(),
    }))
}

impl Initialise {
    /// Closes the replica, if it is open.
    fn close(&mut self) {
        if let Some(replica) = self.opened.take() {
            self.runtime.block_on(replica.close());
        }
    }
}

impl Client for Initialise {
    fn reset(&mut self, _: Option<Access>) -> Result<(), SubjectError> {
        self.close();
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        let mut reports = Vec::new();
        for _ in 0..count {
            self.close();
            let begin = begin(self.place.clone(), self.clients.clone(), self.access.clone());
            let (replica, report) = meter.time(|| on_reactor(&self.runtime, begin))?;
            self.opened = Some(replica);
            expect_nothing_moved(&report)?;
            reports.push(report);
        }
        Ok(Work { items: 1, bytes: 0, counters: counters(&reports) })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        let replica = self.opened.as_ref().ok_or_else(|| too_early(&self.operation, "an iteration"))?;
        self.runtime.block_on(documents::digest(replica))
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        self.close();
        self.runtime.block_on(self.replicas.remove())
    }
}

async fn begin(place: Place, clients: Clients, access: Option<Access>) -> Result<(Replica, SyncReport), SubjectError> {
    let replica = place.open().await?;
    let report = exchange(clients.connect(access.as_ref())?, replica.clone()).await?;
    Ok((replica, report))
}
