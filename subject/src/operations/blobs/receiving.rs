//! A client that fills an empty device from an account in each iteration, in the way that `blobs/download` or
//! `blobs/priority` does. The account is the one given when the case was prepared, and is filled then; the fresh accounts of
//! later resets stay unused. The digest is over what the device holds afterwards.

use benchline_contract::Access;
use benchline_engine::client::Blobs;
use tokio::runtime::Handle;

use super::devices::Devices;
use super::set::{self, BlobSet};
use super::transfers::{Counting, fill};
use crate::error::SubjectError;
use crate::meter::Meter;
use crate::operations::account::Account;
use crate::operations::roles::{Client, Setup, Work, on_reactor, only_once, too_early};

/// The timed work: fetches everything from the account to an empty device, and returns the counters.
pub(super) trait ReceiveMethod {
    fn receive(&self, receiver: Blobs, account: Account) -> Counting;
}

struct Receiving<M> {
    items: u64,
    bytes: u64,
    method: M,
    account: Account,
    receivers: Devices,
    /// Empty, for the next iteration.
    ready: Option<Blobs>,
    /// Filled by the last one.
    filled: Option<Blobs>,
    operation: String,
    runtime: Handle,
}

/// A client that fetches these blobs by this method.
pub(super) fn prepare(
    setup: &Setup<'_>,
    set: BlobSet,
    method: impl ReceiveMethod + 'static,
) -> Result<Box<dyn Client>, SubjectError> {
    let (items, bytes) = (set.count(), set.bytes());
    let account = Account::read(setup.operation, setup.server.as_ref())?;
    fill(setup, set, &account)?;
    Ok(Box::new(Receiving {
        items,
        bytes,
        method,
        account,
        receivers: Devices::new(setup, "receivers"),
        ready: None,
        filled: None,
        operation: setup.operation.to_owned(),
        runtime: setup.runtime.clone(),
    }))
}

impl<M: ReceiveMethod> Client for Receiving<M> {
    fn reset(&mut self, _: Option<Access>) -> Result<(), SubjectError> {
        self.filled = None;
        self.ready = Some(self.runtime.block_on(self.receivers.fresh(&self.account.user))?);
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        only_once(&self.operation, count)?;
        let receiver = self.ready.take().ok_or_else(|| too_early(&self.operation, "a reset"))?;
        let work = self.method.receive(receiver.clone(), self.account.clone());
        let counters = meter.time(|| on_reactor(&self.runtime, work))?;
        self.filled = Some(receiver);
        Ok(Work { items: self.items, bytes: self.bytes, counters })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        let receiver = self.filled.as_ref().ok_or_else(|| too_early(&self.operation, "an iteration"))?;
        self.runtime.block_on(set::digest(receiver))
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        self.filled = None;
        self.runtime.block_on(self.receivers.remove())
    }
}
