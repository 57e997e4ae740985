//! Fresh devices that hold blobs, one after another, each in a folder of its own. It must never leave an old one open or on
//! disk while the next is measured.

use std::path::PathBuf;

use benchline_engine::client::Blobs;
use benchline_engine::config::Config;
use benchline_engine::crypto::Keys;
use benchline_engine::protocol::UserName;

use crate::error::SubjectError;
use crate::operations::roles::Setup;

/// Makes folders for the blobs of one device.
pub(crate) struct Devices {
    folder: PathBuf,
    keys: Keys,
    config: Config,
    made: u64,
    current: Option<(Blobs, PathBuf)>,
}

impl Devices {
    /// Devices for `purpose`, a name that no other of this process has.
    pub(crate) fn new(setup: &Setup<'_>, purpose: &str) -> Self {
        Self {
            folder: setup.folder.join(purpose),
            keys: setup.keys.clone(),
            config: setup.config.clone(),
            made: 0,
            current: None,
        }
    }

    /// A fresh, empty device of this user. The one before it is closed and removed.
    pub(crate) async fn fresh(&mut self, user: &UserName) -> Result<Blobs, SubjectError> {
        self.remove().await?;
        self.made += 1;
        let folder = self.folder.join(self.made.to_string());
        tokio::fs::create_dir_all(&folder).await.map_err(SubjectError::engine("making a folder for blobs"))?;
        let blobs = Blobs::open(&folder, &self.config, user, &self.keys);
        let blobs = blobs.await.map_err(SubjectError::engine("opening a folder for blobs"))?;
        self.current = Some((blobs.clone(), folder));
        Ok(blobs)
    }

    /// Closes and removes the current device, if there is one.
    pub(crate) async fn remove(&mut self) -> Result<(), SubjectError> {
        let Some((blobs, folder)) = self.current.take() else { return Ok(()) };
        blobs.close().await;
        tokio::fs::remove_dir_all(&folder).await.map_err(SubjectError::engine("removing a folder for blobs"))
    }
}
