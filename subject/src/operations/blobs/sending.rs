//! A client that sends blobs which are on a device, sealed and waiting, to an empty account in each iteration, in the way that
//! `blobs/upload` or `blobs/flaky` does. The digest is over what a second, empty device with the same keys then fetches from
//! the server.

use std::collections::BTreeMap;

use benchline_engine::client::{Blobs, PutAs};
use benchline_engine::config::Config;
use tokio::runtime::Handle;

use super::super::account::Account;
use super::super::{Client, Setting, Work, on_reactor, only_once, too_early};
use super::devices::Devices;
use super::set::BlobSet;
use super::transfers::{Counting, fetched};
use crate::clock::Meter;
use crate::error::SubjectError;
use benchline_contract::Access;

/// How blobs are sent.
pub(super) trait Way {
    /// Makes the way ready, off the clock, and gives the account as it is reached on it.
    fn reset(&mut self, account: &Account) -> Result<Account, SubjectError> {
        Ok(account.clone())
    }

    /// What is on the clock: sends everything from the device to the account, and gives what was counted.
    fn send(&self, sender: Blobs, account: Account) -> Counting;

    /// What was counted on the way itself since it was made ready.
    fn counted(&mut self) -> Result<BTreeMap<String, u64>, SubjectError> {
        Ok(BTreeMap::new())
    }
}

struct Sending<W> {
    set: BlobSet,
    way: W,
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
    /// As it is.
    straight: Account,
    /// As it is reached on the way.
    on_way: Account,
}

/// A client that sends these blobs in this way.
pub(super) fn client(setting: &Setting<'_>, set: BlobSet, way: impl Way + 'static) -> Box<dyn Client> {
    Box::new(Sending {
        set,
        way,
        config: setting.config.clone(),
        senders: Devices::new(setting, "senders"),
        receivers: Devices::new(setting, "receivers"),
        ready: None,
        sent_to: None,
        operation: setting.operation.to_owned(),
        runtime: setting.runtime.clone(),
    })
}

impl<W: Way> Client for Sending<W> {
    fn reset(&mut self, access: Option<Access>) -> Result<(), SubjectError> {
        let straight = Account::read(&self.operation, access.as_ref())?;
        (self.ready, self.sent_to) = (None, None);
        let sender = self.runtime.block_on(async {
            let sender = self.senders.fresh(&straight.user).await?;
            self.set.clone().put(sender.clone(), PutAs::Upload).await?;
            Ok::<_, SubjectError>(sender)
        })?;
        let on_way = self.way.reset(&straight)?;
        self.ready = Some((sender, Destination { straight, on_way }));
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        only_once(&self.operation, count)?;
        let (sender, to) = self.ready.take().ok_or_else(|| too_early(&self.operation, "a reset"))?;
        let work = self.way.send(sender, to.on_way);
        let mut counters = meter.time(|| on_reactor(&self.runtime, work))?;
        counters.extend(self.way.counted()?);
        self.sent_to = Some(to.straight);
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
