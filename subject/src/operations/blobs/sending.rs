//! A client that sends blobs which are on a device, sealed and waiting, to an empty account in each iteration, in the way that
//! `blobs/upload` or `blobs/flaky` does. The digest is over what a second, empty device with the same keys then fetches from
//! the server.

use std::collections::BTreeMap;

use benchline_contract::Access;
use benchline_engine::client::{Blobs, PutAs};
use benchline_engine::config::Config;
use tokio::runtime::Handle;

use super::devices::Devices;
use super::set::BlobSet;
use super::transfers::{Counting, fetched};
use crate::error::SubjectError;
use crate::meter::Meter;
use crate::operations::account::Account;
use crate::operations::roles::{Client, Setup, Work, on_reactor, only_once, too_early};

/// How blobs are sent.
pub(super) trait SendMethod {
    /// Prepares the method, untimed, and returns the account with the address to be used.
    fn reset(&mut self, account: &Account) -> Result<Account, SubjectError> {
        Ok(account.clone())
    }

    /// The timed work: sends everything from the device to the account, and returns the counters.
    fn send(&self, sender: Blobs, account: Account) -> Counting;

    /// The method's own counters since it was prepared.
    fn counted(&mut self) -> Result<BTreeMap<String, u64>, SubjectError> {
        Ok(BTreeMap::new())
    }
}

struct Sending<M> {
    set: BlobSet,
    method: M,
    config: Config,
    senders: Devices,
    receivers: Devices,
    /// Filled, and the account that is empty, for the next iteration.
    ready: Option<(Blobs, Destination)>,
    /// The account that the last iteration filled.
    sent_to: Option<Account>,
    operation: String,
    runtime: Handle,
}

/// An account that blobs are sent to.
struct Destination {
    /// With the server's own address.
    direct: Account,
    /// With the address that the method returned.
    via_method: Account,
}

/// A client that sends these blobs by this method.
pub(super) fn client(setup: &Setup<'_>, set: BlobSet, method: impl SendMethod + 'static) -> Box<dyn Client> {
    Box::new(Sending {
        set,
        method,
        config: setup.config.clone(),
        senders: Devices::new(setup, "senders"),
        receivers: Devices::new(setup, "receivers"),
        ready: None,
        sent_to: None,
        operation: setup.operation.to_owned(),
        runtime: setup.runtime.clone(),
    })
}

impl<M: SendMethod> Client for Sending<M> {
    fn reset(&mut self, access: Option<Access>) -> Result<(), SubjectError> {
        let direct = Account::read(&self.operation, access.as_ref())?;
        (self.ready, self.sent_to) = (None, None);
        let sender = self.runtime.block_on(async {
            let sender = self.senders.fresh(&direct.user).await?;
            self.set.clone().put(sender.clone(), PutAs::Upload).await?;
            Ok::<_, SubjectError>(sender)
        })?;
        let via_method = self.method.reset(&direct)?;
        self.ready = Some((sender, Destination { direct, via_method }));
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        only_once(&self.operation, count)?;
        let (sender, to) = self.ready.take().ok_or_else(|| too_early(&self.operation, "a reset"))?;
        let work = self.method.send(sender, to.via_method);
        let mut counters = meter.time(|| on_reactor(&self.runtime, work))?;
        counters.extend(self.method.counted()?);
        self.sent_to = Some(to.direct);
        Ok(Work { items: self.set.count(), bytes: self.set.bytes(), counters })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        let account = self.sent_to.clone().ok_or_else(|| too_early(&self.operation, "an iteration"))?;
        self.runtime.block_on(fetched(&self.config, &mut self.receivers, account))
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        self.ready = None;
        self.runtime.block_on(self.senders.remove())
    }
}
