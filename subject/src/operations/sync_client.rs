//! What the clients of the `sync` operations have in common: the way to an account, and one exchange. It
//! must never exchange anything beside the engine's own client.

use std::collections::BTreeMap;
use std::sync::Arc;

use benchline_engine::client::{SyncClient, SyncReport};
use benchline_engine::config::Config;
use benchline_engine::crypto::Keys;
use benchline_engine::store::Replica;

use super::Setting;
use super::account::Account;
use super::documents::Documents;
use super::replicas::Replicas;
use crate::error::SubjectError;
use benchline_contract::Access;

/// Makes clients of one user's keys.
#[derive(Clone)]
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

    /// Fills the account that the case was prepared with, off the clock.
    pub(super) fn fill_account(&self, setting: &Setting<'_>, documents: Documents) -> Result<(), SubjectError> {
        let mut senders = Replicas::new(setting, "senders");
        self.synchronise(setting, documents, &mut senders)?;
        setting.runtime.block_on(senders.remove())
    }

    /// Fills a replica, and from it the account that the case was prepared with, off the clock.
    pub(super) fn synchronise(
        &self,
        setting: &Setting<'_>,
        documents: Documents,
        replicas: &mut Replicas,
    ) -> Result<(Replica, Arc<SyncClient>), SubjectError> {
        let client = self.connect(setting.server.as_ref())?;
        setting.runtime.block_on(async {
            let replica = replicas.fresh().await?;
            documents.fill(&replica).await?;
            exchange(client.clone(), replica.clone()).await?;
            Ok((replica, client))
        })
    }
}

/// One exchange.
pub(super) async fn exchange(client: Arc<SyncClient>, replica: Replica) -> Result<SyncReport, SubjectError> {
    client.sync(&replica).await.map_err(SubjectError::engine("synchronising"))
}

/// What the engine counted in exchanges, all of them together.
pub(super) fn counters<'a>(reports: impl IntoIterator<Item = &'a SyncReport>) -> BTreeMap<String, u64> {
    let mut counters = BTreeMap::new();
    for report in reports {
        let counted =
            [("requests", report.requests), ("wire_received", report.bytes_received), ("wire_sent", report.bytes_sent)];
        for (name, count) in counted {
            *counters.entry(name.to_owned()).or_default() += count;
        }
    }
    counters
}
