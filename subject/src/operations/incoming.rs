//! `incoming/pipeline`: the whole path of messages. A mail service delivers them, the server encrypts them to the user's key,
//! and the user's client reserves, decrypts, stores and acknowledges them. The service and the client are in this process. The
//! digest is over what the device can then read, wherever it was stored.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use benchline_contract::Access;
use benchline_engine::client::{BLOB_NAMESPACE, Blobs, IncomingClient, KeyRing, StoredBody, StoredMessage};
use benchline_engine::config::Config;
use benchline_engine::crypto::Keys;
use benchline_engine::store::{BlobAddress, Replica};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::account::{Account, Incoming};
use super::blobs::devices::Devices;
use super::digest::ContentsDigest;
use super::http::Connection;
use super::messages::{self, Messages};
use super::replicas::Replicas;
use super::roles::{Client, Setup, Work, on_reactor, only_once, too_early};
use crate::error::SubjectError;
use crate::meter::Meter;
use crate::parameters::Parameters;

/// Connections of the mail service.
const CONNECTIONS: usize = 4;
/// The owner of the key.
const OWNER: &str = "Ana <ana@example.org>";

struct Pipeline {
    messages: Messages,
    config: Config,
    keys: Keys,
    replicas: Replicas,
    devices: Devices,
    /// A device that has registered its key with the server, for the next iteration.
    ready: Option<Ready>,
    /// Where the last iteration stored its messages.
    stored: Option<(Replica, Blobs)>,
    operation: String,
    runtime: Handle,
}

struct Ready {
    replica: Replica,
    blobs: Blobs,
    client: Arc<IncomingClient>,
    account: Account,
    incoming: Incoming,
}

pub(super) fn prepare(setup: &Setup<'_>, mut parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    let messages = Messages::read(setup, &mut parameters)?;
    parameters.finish()?;
    Ok(Box::new(Pipeline {
        messages,
        config: setup.config.clone(),
        keys: setup.keys.clone(),
        replicas: Replicas::new(setup, "replicas"),
        devices: Devices::new(setup, "devices"),
        ready: None,
        stored: None,
        operation: setup.operation.to_owned(),
        runtime: setup.runtime.clone(),
    }))
}

impl Client for Pipeline {
    fn reset(&mut self, access: Option<Access>) -> Result<(), SubjectError> {
        let account = Account::read(&self.operation, access.as_ref())?;
        let incoming =
            account.incoming.clone().ok_or_else(|| too_early(&self.operation, "a server that takes messages"))?;
        (self.ready, self.stored) = (None, None);
        let (config, keys) = (&self.config, &self.keys);
        self.ready = Some(self.runtime.block_on(async {
            let replica = self.replicas.fresh().await?;
            let blobs = self.devices.fresh(&account.user).await?;
            let ring = KeyRing::new(config, &replica, keys);
            ring.establish(OWNER).await.map_err(SubjectError::engine("making an OpenPGP key"))?;
            let client = IncomingClient::new(config, &account.address, &account.token, ring, &blobs);
            let client = client.map_err(SubjectError::engine("making a client"))?;
            client.register().await.map_err(SubjectError::engine("registering an OpenPGP key"))?;
            Ok::<_, SubjectError>(Ready { replica, blobs, client: Arc::new(client), account, incoming })
        })?);
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        only_once(&self.operation, count)?;
        let Ready { replica, blobs, client, account, incoming } =
            self.ready.take().ok_or_else(|| too_early(&self.operation, "a reset"))?;
        let messages = self.messages.clone();
        meter.time(|| {
            on_reactor(&self.runtime, async move {
                deliver(messages.clone(), account, incoming).await?;
                process(&client, messages.count() as usize).await
            })
        })?;
        self.stored = Some((replica, blobs));
        Ok(Work { items: self.messages.count(), bytes: self.messages.bytes(), counters: BTreeMap::new() })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        let (replica, blobs) = self.stored.as_ref().ok_or_else(|| too_early(&self.operation, "an iteration"))?;
        self.runtime.block_on(async {
            let mut digest = ContentsDigest::new();
            for (index, _) in self.messages.iter() {
                let id = messages::id(index);
                let content = stored(replica, blobs, &id).await;
                digest.add(&id, &content.map_err(SubjectError::engine("reading the messages back"))?);
            }
            Ok(digest.finish())
        })
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        (self.ready, self.stored) = (None, None);
        self.runtime.block_on(async {
            self.replicas.remove().await?;
            self.devices.remove().await
        })
    }
}

/// Plays the mail service: delivers all messages, on a few connections at once.
async fn deliver(messages: Messages, account: Account, incoming: Incoming) -> Result<(), SubjectError> {
    let mut services = JoinSet::new();
    for first in 0..CONNECTIONS {
        let (messages, user, incoming) = (messages.clone(), account.user.clone(), incoming.clone());
        services.spawn(async move {
            let mut connection = Connection::open(&incoming.address).await?;
            for (index, content) in messages.iter().skip(first).step_by(CONNECTIONS) {
                let path = format!("/v1/incoming/{user}/{}", messages::id(index));
                let answer = connection.send("PUT", &path, Some(&incoming.token), content).await?;
                if !(200..300).contains(&answer.status) {
                    let problem = String::from_utf8_lossy(&answer.body).into_owned();
                    return Err(std::io::Error::other(format!("{}: {problem}", answer.status)));
                }
            }
            Ok(())
        });
    }
    while let Some(ended) = services.join_next().await {
        let delivered = ended.map_err(SubjectError::engine("delivering messages"))?;
        delivered.map_err(SubjectError::engine("delivering messages"))?;
    }
    Ok(())
}

/// Plays the user's client: processes messages until none waits.
async fn process(client: &IncomingClient, count: usize) -> Result<(), SubjectError> {
    let processing = SubjectError::engine::<Box<dyn Error + Send + Sync>>("processing messages");
    let report = client.process_once(count).await.map_err(|error| processing(error.into()))?;
    match report.stored == count {
        true => Ok(()),
        false => Err(processing(format!("{count} were to be stored: {report:?}").into())),
    }
}

/// The content of a message, as stored on the device.
async fn stored(replica: &Replica, blobs: &Blobs, id: &str) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let document = replica.get(&StoredMessage::document_id(&id.parse()?)).await?;
    let document = document.and_then(|document| document.content).ok_or("a message is not stored")?;
    match StoredMessage::parse(&document).ok_or("a message is stored in another form")?.body {
        StoredBody::Text(text) => Ok(text.into_bytes()),
        StoredBody::Blob(blob) => {
            let mut content = Vec::new();
            blobs.get(&BlobAddress::new(BLOB_NAMESPACE, &blob)?, &mut content).await?;
            Ok(content)
        }
    }
}
