//! A client that fills an empty replica from an account in each iteration, in the way that `sync/download` or
//! `sync/metadata` does. The account is the one given when the case was prepared, and is filled then; the fresh accounts of
//! later resets stay unused. The digest is over what the replica holds afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use benchline_contract::Access;
use benchline_engine::client::SyncClient;
use benchline_engine::store::Replica;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

use super::client::Clients;
use crate::error::SubjectError;
use crate::meter::Meter;
use crate::operations::documents::{self, Documents};
use crate::operations::replicas::Replicas;
use crate::operations::roles::{Client, Setup, Work, on_reactor, only_once, too_early};
use crate::parameters::Parameters;

/// The timed work: fetches everything into an empty replica, from this moment on, and returns the counters.
pub(super) type Receive =
    fn(Arc<SyncClient>, Replica, Instant) -> BoxFuture<'static, Result<BTreeMap<String, u64>, SubjectError>>;

struct Receiving {
    items: u64,
    bytes: u64,
    receive: Receive,
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

/// A client that fetches a case's documents by `receive`.
pub(super) fn prepare(
    setup: &Setup<'_>,
    parameters: Parameters<'_>,
    receive: Receive,
) -> Result<Box<dyn Client>, SubjectError> {
    let documents = Documents::read(setup, parameters)?;
    let (items, bytes) = (documents.count(), documents.bytes());
    let clients = Clients::new(setup);
    clients.fill_account(setup, documents)?;
    Ok(Box::new(Receiving {
        items,
        bytes,
        receive,
        clients,
        access: setup.server.clone(),
        receivers: Replicas::new(setup, "receivers"),
        ready: None,
        filled: None,
        operation: setup.operation.to_owned(),
        runtime: setup.runtime.clone(),
    }))
}

impl Client for Receiving {
    fn reset(&mut self, _: Option<Access>) -> Result<(), SubjectError> {
        self.filled = None;
        let client = self.clients.connect(self.access.as_ref())?;
        self.ready = Some((self.runtime.block_on(self.receivers.fresh())?, client));
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        only_once(&self.operation, count)?;
        let (replica, client) = self.ready.take().ok_or_else(|| too_early(&self.operation, "a reset"))?;
        let counters =
            meter.time(|| on_reactor(&self.runtime, (self.receive)(client, replica.clone(), Instant::now())))?;
        self.filled = Some(replica);
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
