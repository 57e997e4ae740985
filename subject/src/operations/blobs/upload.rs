//! `blobs/upload`: the transfer manager sends blobs that are on a device, sealed and waiting, to an empty account.

use benchline_engine::client::Blobs;
use benchline_engine::config::Config;

use super::sending::{self, SendMethod};
use super::set::BlobSet;
use super::transfers::{Counting, exchange};
use crate::error::SubjectError;
use crate::operations::account::Account;
use crate::operations::roles::{Client, Setup};
use crate::parameters::Parameters;

pub(crate) fn prepare(setup: &Setup<'_>, mut parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    let set = BlobSet::read(setup, &mut parameters)?;
    parameters.finish()?;
    Ok(sending::client(setup, set, Direct { config: setup.config.clone() }))
}

/// Directly to the server.
struct Direct {
    config: Config,
}

impl SendMethod for Direct {
    fn send(&self, sender: Blobs, account: Account) -> Counting {
        Box::pin(exchange(self.config.clone(), sender, account))
    }
}
