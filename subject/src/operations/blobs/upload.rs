//! `blobs/upload`: the transfer manager sends blobs that are on a device, sealed and waiting, to an empty account.

use benchline_engine::client::Blobs;
use benchline_engine::config::Config;

use super::super::account::Account;
use super::super::{Client, Setting};
use super::sending::{self, Way};
use super::set::BlobSet;
use super::transfers::{Counting, exchange};
use crate::error::SubjectError;
use crate::parameters::Parameters;

pub(in super::super) fn prepare(
    setting: &Setting<'_>,
    mut parameters: Parameters<'_>,
) -> Result<Box<dyn Client>, SubjectError> {
    let set = BlobSet::read(setting, &mut parameters)?;
    parameters.finish()?;
    Ok(sending::client(setting, set, Plainly { config: setting.config.clone() }))
}

/// Straight to the server.
struct Plainly {
    config: Config,
}

impl Way for Plainly {
    fn send(&self, sender: Blobs, account: Account) -> Counting {
        Box::pin(exchange(self.config.clone(), sender, account))
    }
}
