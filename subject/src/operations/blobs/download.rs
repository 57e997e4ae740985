//! `blobs/download`: the transfer manager fetches all blobs of an account to an empty device. The account is the one given
//! when the case was prepared, and is filled then; the fresh accounts of later resets stay unused. The digest is over what
//! the device holds afterwards.

use benchline_engine::client::{Blobs, PutAs};
use benchline_engine::config::Config;
use tokio::runtime::Handle;

use super::super::account::Account;
use super::super::{Client, Setting, Work, on_reactor, only_once, too_early};
use super::devices::Devices;
use super::set::{self, BlobSet};
use super::transfers::exchange;
use crate::clock::Meter;
use crate::contract::Access;
use crate::error::SubjectError;
use crate::parameters::Parameters;

struct Download {
    items: u64,
    bytes: u64,
    config: Config,
    account: Account,
    receivers: Devices,
    /// Empty, for the next iteration.
    ready: Option<Blobs>,
    /// Filled by the last one.
    filled: Option<Blobs>,
    operation: String,
    runtime: Handle,
}

pub(in super::super) fn prepare(
    setting: &Setting<'_>,
    mut parameters: Parameters<'_>,
) -> Result<Box<dyn Client>, SubjectError> {
    let set = BlobSet::read(setting, &mut parameters)?;
    parameters.finish()?;
    let (items, bytes) = (set.count(), set.bytes());
    let account = Account::read(setting.operation, setting.server.as_ref())?;
    fill(setting, set, &account)?;
    Ok(Box::new(Download {
        items,
        bytes,
        config: setting.config.clone(),
        account,
        receivers: Devices::new(setting, "receivers"),
        ready: None,
        filled: None,
        operation: setting.operation.to_owned(),
        runtime: setting.runtime.clone(),
    }))
}

impl Client for Download {
    fn reset(&mut self, _: Option<Access>) -> Result<(), SubjectError> {
        self.filled = None;
        self.ready = Some(self.runtime.block_on(self.receivers.fresh(&self.account.user))?);
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        only_once(&self.operation, count)?;
        let receiver = self.ready.take().ok_or_else(|| too_early(&self.operation, "a reset"))?;
        let work = exchange(self.config.clone(), receiver.clone(), self.account.clone());
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

/// Puts the blobs into an account, off the clock.
pub(super) fn fill(setting: &Setting<'_>, set: BlobSet, account: &Account) -> Result<(), SubjectError> {
    let mut senders = Devices::new(setting, "fillers");
    setting.runtime.block_on(async {
        let sender = senders.fresh(&account.user).await?;
        set.put(sender.clone(), PutAs::Upload).await?;
        exchange(setting.config.clone(), sender, account.clone()).await?;
        senders.remove().await
    })
}
