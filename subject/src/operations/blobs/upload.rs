//! `blobs/upload`: the transfer manager sends blobs that are on a device, sealed and waiting, to an empty account. The digest
//! is over what a second, empty device with the same keys then fetches from the server.

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

struct Upload {
    set: BlobSet,
    config: Config,
    senders: Devices,
    receivers: Devices,
    /// Filled, and the account that is empty, for the next iteration.
    ready: Option<(Blobs, Account)>,
    /// The account that the last iteration filled.
    sent_to: Option<Account>,
    operation: String,
    runtime: Handle,
}

pub(in super::super) fn prepare(
    setting: &Setting<'_>,
    mut parameters: Parameters<'_>,
) -> Result<Box<dyn Client>, SubjectError> {
    let set = BlobSet::read(setting, &mut parameters)?;
    parameters.finish()?;
    Ok(Box::new(Upload {
        set,
        config: setting.config.clone(),
        senders: Devices::new(setting, "senders"),
        receivers: Devices::new(setting, "receivers"),
        ready: None,
        sent_to: None,
        operation: setting.operation.to_owned(),
        runtime: setting.runtime.clone(),
    }))
}

impl Client for Upload {
    fn reset(&mut self, access: Option<Access>) -> Result<(), SubjectError> {
        let account = Account::read(&self.operation, access.as_ref())?;
        self.sent_to = None;
        self.ready = None;
        let sender = self.runtime.block_on(async {
            let sender = self.senders.fresh(&account.user).await?;
            self.set.clone().put(sender.clone(), PutAs::Upload).await?;
            Ok::<_, SubjectError>(sender)
        })?;
        self.ready = Some((sender, account));
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        only_once(&self.operation, count)?;
        let (sender, account) = self.ready.take().ok_or_else(|| too_early(&self.operation, "a reset"))?;
        let work = exchange(self.config.clone(), sender, account.clone());
        let counters = meter.time(|| on_reactor(&self.runtime, work))?;
        self.sent_to = Some(account);
        Ok(Work { items: self.set.count(), bytes: self.set.bytes(), counters })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        let account = self.sent_to.clone().ok_or_else(|| too_early(&self.operation, "an iteration"))?;
        fetched(&self.runtime, &self.config, &mut self.receivers, account)
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        self.runtime.block_on(self.senders.remove())
    }
}

/// The digest over what a fresh device fetches from an account.
pub(super) fn fetched(
    runtime: &Handle,
    config: &Config,
    receivers: &mut Devices,
    account: Account,
) -> Result<String, SubjectError> {
    runtime.block_on(async {
        let receiver = receivers.fresh(&account.user).await?;
        exchange(config.clone(), receiver.clone(), account).await?;
        let digest = set::digest(&receiver).await?;
        receivers.remove().await?;
        Ok(digest)
    })
}
