//! `sync/download`: one exchange that fetches all documents of an account into an empty replica.

use super::client::{counters, exchange};
use super::receiving;
use crate::error::SubjectError;
use crate::operations::roles::{Client, Setup};
use crate::parameters::Parameters;

pub(crate) fn prepare(setup: &Setup<'_>, parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    receiving::prepare(setup, parameters, |client, replica, _| {
        Box::pin(async { Ok(counters([&exchange(client, replica).await?])) })
    })
}
