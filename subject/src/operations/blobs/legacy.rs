//! `blobs/legacy`: a new device opens a mailbox, whose messages have their bodies inside their documents or in blobs of
//! their own. The counter `first_result` is the time until every document is there, which is when a list of the messages
//! can be shown; wall time is that until every body is there, too. The account is filled when the case is prepared. The
//! digest is over the bodies, and is the same either way.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use benchline_contract::Access;
use benchline_engine::client::{Blobs, SyncClient};
use benchline_engine::config::Config;
use benchline_engine::document::DocumentId;
use benchline_engine::store::Replica;
use bytes::Bytes;
use tokio::runtime::Handle;

use super::devices::Devices;
use super::set::{BlobSet, NAMESPACE, address};
use super::transfers::{self, fill};
use crate::clock::nanoseconds;
use crate::error::SubjectError;
use crate::meter::Meter;
use crate::operations::account::Account;
use crate::operations::digest::ContentsDigest;
use crate::operations::documents::Documents;
use crate::operations::messages::{self, Messages};
use crate::operations::replicas::Replicas;
use crate::operations::roles::{Client, Setup, Work, on_reactor, only_once, too_early};
use crate::operations::sync::client::{self as sync_client, Clients};
use crate::parameters::Parameters;

/// Bytes of the document of a message whose body is elsewhere: sender, subject, date and flags.
const HEADERS: usize = 300;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bodies {
    Documents,
    Blobs,
}

struct Mailbox {
    messages: Messages,
    /// What each message's document says.
    documents: Vec<(DocumentId, Vec<u8>)>,
    bodies: Bodies,
    config: Config,
    clients: Clients,
    access: Option<Access>,
    account: Account,
    replicas: Replicas,
    devices: Devices,
    /// A new device, for the next iteration.
    ready: Option<(Replica, Blobs, Arc<SyncClient>)>,
    /// Filled by the last one.
    filled: Option<(Replica, Blobs)>,
    operation: String,
    runtime: Handle,
}

pub(crate) fn prepare(setup: &Setup<'_>, mut parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    let bodies = parameters.word("bodies", &[("documents", Bodies::Documents), ("blobs", Bodies::Blobs)])?;
    let messages = Messages::read(setup, &mut parameters)?;
    parameters.finish()?;
    let documents = messages.iter().map(|(index, body)| {
        let id = format!("D-{index:08}").parse().map_err(SubjectError::engine("naming a document"))?;
        let content = match bodies {
            Bodies::Documents => body.to_vec(),
            Bodies::Blobs => setup.payload.document(index, HEADERS),
        };
        Ok((id, content))
    });
    let documents = documents.collect::<Result<Vec<_>, SubjectError>>()?;
    let clients = Clients::new(setup);
    let account = Account::read(setup.operation, setup.server.as_ref())?;
    clients.fill_account(setup, Documents::of(documents.clone()))?;
    if bodies == Bodies::Blobs {
        let blobs = messages.iter().map(|(index, body)| Ok((address(NAMESPACE, index)?, body.clone())));
        fill(setup, BlobSet::of(blobs.collect::<Result<_, SubjectError>>()?), &account)?;
    }
    Ok(Box::new(Mailbox {
        messages,
        documents,
        bodies,
        config: setup.config.clone(),
        clients,
        access: setup.server.clone(),
        account,
        replicas: Replicas::new(setup, "replicas"),
        devices: Devices::new(setup, "devices"),
        ready: None,
        filled: None,
        operation: setup.operation.to_owned(),
        runtime: setup.runtime.clone(),
    }))
}

impl Client for Mailbox {
    fn reset(&mut self, _: Option<Access>) -> Result<(), SubjectError> {
        self.filled = None;
        let client = self.clients.connect(self.access.as_ref())?;
        self.ready = Some(self.runtime.block_on(async {
            Ok::<_, SubjectError>((self.replicas.fresh().await?, self.devices.fresh(&self.account.user).await?, client))
        })?);
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        only_once(&self.operation, count)?;
        let (replica, blobs, client) = self.ready.take().ok_or_else(|| too_early(&self.operation, "a reset"))?;
        let bodies = (self.bodies == Bodies::Blobs).then(|| (self.config.clone(), blobs.clone(), self.account.clone()));
        let work = open(client, replica.clone(), bodies);
        let counters = meter.time(|| on_reactor(&self.runtime, work))?;
        self.filled = Some((replica, blobs));
        Ok(Work { items: self.messages.count(), bytes: self.messages.bytes(), counters })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        let (replica, blobs) = self.filled.as_ref().ok_or_else(|| too_early(&self.operation, "an iteration"))?;
        self.runtime.block_on(async {
            let mut digest = ContentsDigest::new();
            for ((index, _), document) in self.messages.iter().zip(&self.documents) {
                let body = body(replica, blobs, index, document, self.bodies).await;
                digest.add(&messages::id(index), &body.map_err(SubjectError::engine("reading the messages back"))?);
            }
            Ok(digest.finish())
        })
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        (self.ready, self.filled) = (None, None);
        self.runtime.block_on(async {
            self.replicas.remove().await?;
            self.devices.remove().await
        })
    }
}

/// Fetches the documents and then the bodies, where those are apart.
async fn open(
    client: Arc<SyncClient>,
    replica: Replica,
    bodies: Option<(Config, Blobs, Account)>,
) -> Result<BTreeMap<String, u64>, SubjectError> {
    let begun = Instant::now();
    let report = sync_client::exchange(client, replica).await?;
    let mut counted = BTreeMap::from([("first_result".to_owned(), nanoseconds(begun.elapsed()))]);
    counted.insert("wire_received".to_owned(), report.bytes_received);
    counted.insert("wire_sent".to_owned(), report.bytes_sent);
    if let Some((config, blobs, account)) = bodies {
        for (name, count) in transfers::exchange(config, blobs, account).await? {
            *counted.entry(name).or_default() += count;
        }
    }
    Ok(counted)
}

/// The body of a message, as the device has it.
async fn body(
    replica: &Replica,
    blobs: &Blobs,
    index: u64,
    (id, expected): &(DocumentId, Vec<u8>),
    bodies: Bodies,
) -> Result<Bytes, Box<dyn Error + Send + Sync>> {
    let document = replica.get(id).await?.and_then(|document| document.content).ok_or("a document is not there")?;
    match bodies {
        Bodies::Documents => Ok(document.into()),
        Bodies::Blobs if document != *expected => Err("a document is not the one that was sent".into()),
        Bodies::Blobs => {
            let mut body = Vec::new();
            blobs.get(&address(NAMESPACE, index)?, &mut body).await?;
            Ok(body.into())
        }
    }
}
