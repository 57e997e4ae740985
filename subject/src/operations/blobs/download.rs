//! `blobs/download`: the transfer manager fetches all blobs of an account to an empty device.

use benchline_engine::client::Blobs;
use benchline_engine::config::Config;

use super::receiving::{self, ReceiveMethod};
use super::set::BlobSet;
use super::transfers::{Counting, exchange};
use crate::error::SubjectError;
use crate::operations::account::Account;
use crate::operations::roles::{Client, Setup};
use crate::parameters::Parameters;

pub(crate) fn prepare(setup: &Setup<'_>, mut parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    let set = BlobSet::read(setup, &mut parameters)?;
    parameters.finish()?;
    receiving::prepare(setup, set, Direct { config: setup.config.clone() })
}

/// Directly from the server, in the engine's own order.
struct Direct {
    config: Config,
}

impl ReceiveMethod for Direct {
    fn receive(&self, receiver: Blobs, account: Account) -> Counting {
        Box::pin(exchange(self.config.clone(), receiver, account))
    }
}
