//! A device that has blobs, as the tests use it.

use benchline_engine::client::{BlobClient, BlobError, Blobs, PutAs};
use benchline_engine::config::Config;
use benchline_engine::crypto::{BlobName, BlobSealer, BlobSettings, Keys, RootSecret, seal_blob};
use benchline_engine::store::{BlobAddress, BlobState};
use tempfile::TempDir;

/// The user of tests that need no account.
pub(crate) const USER: &str = "ana";

/// The namespace of all test blobs but those that need two.
pub(crate) const NAMESPACE: &str = "mail";

pub(crate) fn blob(id: &str) -> BlobAddress {
    BlobAddress::new(NAMESPACE, id).unwrap()
}

pub(crate) fn keys() -> Keys {
    Keys::derive(&RootSecret::from_bytes([9; 32]))
}

/// What a device of the user would send for a blob.
pub(crate) fn sealed(id: &str, content: &[u8]) -> Vec<u8> {
    let name = BlobName { user: USER, namespace: NAMESPACE, id };
    let sealer = BlobSealer::new(&keys(), name, content.len() as u64, BlobSettings::default()).unwrap();
    let mut sealed = Vec::new();
    seal_blob(sealer, content, &mut sealed).unwrap();
    sealed
}

/// Blobs in a folder, and their way to a server.
pub(crate) struct BlobDevice {
    pub(crate) client: BlobClient,
    pub(crate) blobs: Blobs,
    folder: TempDir,
}

impl BlobDevice {
    /// A device of the user that needs no account.
    pub(crate) async fn new(config: &Config, address: &str) -> Self {
        Self::of(config, address, USER, "token", &keys()).await
    }

    pub(crate) async fn of(config: &Config, address: &str, user: &str, token: &str, keys: &Keys) -> Self {
        Self::in_folder(tempfile::tempdir().unwrap(), config, address, user, token, keys).await
    }

    /// A device that goes on with data that another left.
    pub(crate) async fn in_folder(
        folder: TempDir,
        config: &Config,
        address: &str,
        user: &str,
        token: &str,
        keys: &Keys,
    ) -> Self {
        let blobs = Blobs::open(folder.path(), config, &user.parse().unwrap(), keys).await.unwrap();
        let client = BlobClient::new(config, &blobs, address, token).unwrap();
        Self { client, blobs, folder }
    }

    pub(crate) async fn put(&self, id: &str, content: &[u8]) -> Result<(), BlobError> {
        self.client.put(&blob(id), content.len() as u64, content, PutAs::Upload).await
    }

    pub(crate) async fn get(&self, id: &str) -> Result<Vec<u8>, BlobError> {
        let mut content = Vec::new();
        self.blobs.get(&blob(id), &mut content).await?;
        Ok(content)
    }

    pub(crate) async fn state(&self, id: &str) -> Option<BlobState> {
        self.blobs.find(&blob(id)).await.unwrap().map(|record| record.state)
    }

    /// Closes everything in good order and hands over the data.
    pub(crate) async fn close(self) -> TempDir {
        self.client.close().await;
        self.blobs.close().await;
        self.folder
    }
}
