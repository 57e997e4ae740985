//! `blobs/download`: the transfer manager fetches all blobs of an account to an empty device.

use benchline_engine::client::Blobs;
use benchline_engine::config::Config;

use super::super::account::Account;
use super::super::{Client, Setting};
use super::receiving::{self, Way};
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
    receiving::prepare(setting, set, Plainly { config: setting.config.clone() })
}

/// All of them, as the engine sees fit.
struct Plainly {
    config: Config,
}

impl Way for Plainly {
    fn receive(&self, receiver: Blobs, account: Account) -> Counting {
        Box::pin(exchange(self.config.clone(), receiver, account))
    }
}
