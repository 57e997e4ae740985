//! `sync/download`: one exchange that fetches all documents of an account into an empty replica.

use super::sync_client::{counters, exchange};
use super::{Client, Setting, sync_receiving};
use crate::error::SubjectError;
use crate::parameters::Parameters;

pub(super) fn prepare(setting: &Setting<'_>, parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    sync_receiving::prepare(setting, parameters, |client, replica, _| {
        Box::pin(async { Ok(counters([&exchange(client, replica).await?])) })
    })
}
