//! A device that processes mail, as the tests use it: replica, blobs, keys, and its two ways to servers.

use benchline_engine::client::{Blobs, IncomingClient, KeyRing, StoredBody, StoredMessage};
use benchline_engine::config::Config;

use crate::support::{Account, Device, quick};

/// A name for keys.
pub(crate) const OWNER: &str = "Ana <ana@example.org>";

pub(crate) struct MailDevice {
    /// Its documents, and their way to the server where devices meet.
    pub(crate) device: Device,
    pub(crate) blobs: Blobs,
    pub(crate) mail: IncomingClient,
}

impl MailDevice {
    /// A device of `ana` that meets others at one address and gets its mail from another.
    pub(crate) async fn new(ana: &Account, meeting: &str, mail: &str) -> Self {
        Self::with(&quick(), ana, meeting, mail).await
    }

    pub(crate) async fn with(config: &Config, ana: &Account, meeting: &str, mail: &str) -> Self {
        let device = ana.device(config, meeting).await;
        let blobs = Blobs::open(device.folder.path(), config, &ana.name, &ana.keys).await.unwrap();
        let ring = KeyRing::new(config, &device.replica, &ana.keys);
        let mail = IncomingClient::new(config, mail, ana.token.as_str(), ring, &blobs).unwrap();
        Self { device, blobs, mail }
    }

    /// What a message says, wherever it is kept; `None` where there is no document.
    pub(crate) async fn read(&self, id: &str) -> Option<(StoredMessage, Option<Vec<u8>>)> {
        let document = self.device.replica.get(&StoredMessage::document_id(&id.parse().unwrap())).await.unwrap()?;
        let stored = StoredMessage::parse(&document.content?).unwrap();
        let content = match &stored.body {
            StoredBody::Text(text) => Some(text.clone().into_bytes()),
            StoredBody::Blob(blob) => self.blob(blob).await,
        };
        Some((stored, content))
    }

    async fn blob(&self, id: &str) -> Option<Vec<u8>> {
        let address = benchline_engine::store::BlobAddress::new(benchline_engine::client::BLOB_NAMESPACE, id).unwrap();
        self.blobs.find(&address).await.unwrap()?;
        let mut content = Vec::new();
        self.blobs.get(&address, &mut content).await.unwrap();
        Some(content)
    }
}
