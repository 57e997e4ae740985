//! What the clients of the `sync` operations have in common: the way to an account, and one exchange on the clock. It
//! must never exchange anything beside the engine's own client.

use std::collections::BTreeMap;
use std::sync::Arc;

use benchline_engine::client::{SyncClient, SyncReport};
use benchline_engine::config::Config;
use benchline_engine::crypto::Keys;
use benchline_engine::store::Replica;

use super::Setting;
use super::account::Account;
use crate::contract::Access;
use crate::error::SubjectError;

/// Makes clients of one user's keys.
pub(super) struct Clients {
    operation: String,
    config: Config,
    keys: Keys,
}

impl Clients {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        Self { operation: setting.operation.to_owned(), config: setting.config.clone(), keys: setting.keys.clone() }
    }

    /// A client that has not connected yet.
    pub(super) fn connect(&self, access: Option<&Access>) -> Result<Arc<SyncClient>, SubjectError> {
        let Account { address, user, token, .. } = Account::read(&self.operation, access)?;
        SyncClient::new(&self.config, &address, &user, &token, &self.keys)
            .map(Arc::new)
            .map_err(SubjectError::engine("making a client"))
    }
}

/// One exchange.
pub(super) async fn exchange(client: Arc<SyncClient>, replica: Replica) -> Result<SyncReport, SubjectError> {
    client.sync(&replica).await.map_err(SubjectError::engine("synchronising"))
}

/// What the engine counted in an exchange.
pub(super) fn counters(report: &SyncReport) -> BTreeMap<String, u64> {
    let counters =
        [("requests", report.requests), ("wire_received", report.bytes_received), ("wire_sent", report.bytes_sent)];
    counters.map(|(name, count)| (name.to_owned(), count)).into()
}
