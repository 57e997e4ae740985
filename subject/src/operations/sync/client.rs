//! What the clients of the `sync` operations share: connecting to an account, and one exchange. It must never exchange
//! anything except through the engine's own client.

use std::collections::BTreeMap;
use std::sync::Arc;

use benchline_contract::Access;
use benchline_engine::client::{SyncClient, SyncReport};
use benchline_engine::config::Config;
use benchline_engine::crypto::Keys;
use benchline_engine::store::Replica;

use crate::error::SubjectError;
use crate::operations::account::Account;
use crate::operations::documents::Documents;
use crate::operations::replicas::Replicas;
use crate::operations::roles::Setup;

/// Makes clients of one user's keys.
#[derive(Clone)]
pub(crate) struct Clients {
    operation: String,
    config: Config,
    keys: Keys,
}

impl Clients {
    pub(crate) fn new(setup: &Setup<'_>) -> Self {
        Self { operation: setup.operation.to_owned(), config: setup.config.clone(), keys: setup.keys.clone() }
    }

    /// A client that has not connected yet.
    pub(crate) fn connect(&self, access: Option<&Access>) -> Result<Arc<SyncClient>, SubjectError> {
        let Account { address, user, token, .. } = Account::read(&self.operation, access)?;
        SyncClient::new(&self.config, &address, &user, &token, &self.keys)
            .map(Arc::new)
            .map_err(SubjectError::engine("making a client"))
    }

    /// Fills the account that the case was prepared with, untimed.
    pub(crate) fn fill_account(&self, setup: &Setup<'_>, documents: Documents) -> Result<(), SubjectError> {
        let mut senders = Replicas::new(setup, "senders");
        self.synchronise(setup, documents, &mut senders)?;
        setup.runtime.block_on(senders.remove())
    }

    /// Fills a replica, and from it the account that the case was prepared with, untimed.
    pub(crate) fn synchronise(
        &self,
        setup: &Setup<'_>,
        documents: Documents,
        replicas: &mut Replicas,
    ) -> Result<(Replica, Arc<SyncClient>), SubjectError> {
        let client = self.connect(setup.server.as_ref())?;
        setup.runtime.block_on(async {
            let replica = replicas.fresh().await?;
            documents.fill(&replica).await?;
            exchange(client.clone(), replica.clone()).await?;
            Ok((replica, client))
        })
    }
}

/// One exchange.
pub(crate) async fn exchange(client: Arc<SyncClient>, replica: Replica) -> Result<SyncReport, SubjectError> {
    client.sync(&replica).await.map_err(SubjectError::engine("synchronising"))
}

/// The engine's counters of all these exchanges, added up.
pub(crate) fn counters<'a>(reports: impl IntoIterator<Item = &'a SyncReport>) -> BTreeMap<String, u64> {
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

/// Fails when an exchange moved a document.
pub(super) fn expect_nothing_moved(report: &SyncReport) -> Result<(), SubjectError> {
    match report.documents_sent + report.documents_received {
        0 => Ok(()),
        moved => {
            let error = format!("{moved} documents were exchanged where there was nothing to do");
            Err(SubjectError::engine::<Box<dyn std::error::Error + Send + Sync>>("synchronising")(error.into()))
        }
    }
}
