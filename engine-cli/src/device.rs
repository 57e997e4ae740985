//! One of a user's devices: the folder it lives in, and what opens with the passphrase. The folder holds nothing that can be
//! read without the passphrase but the server's address, the user's name and the token, which opens sealed bytes only.
//!
//! | file | holds |
//! |---|---|
//! | `device.toml` | the server, the user, and the engine's knobs (`[config]`) |
//! | `recovery` | the root secret, wrapped under the passphrase |
//! | `token` | what the device logs in with |
//! | `documents.db`, `blobs/` | the replica and the blobs, encrypted |

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use benchline_engine::{
    client::{BlobClient, BlobError, Blobs, IncomingClient, KeyRing, RecoverySlot, SyncClient},
    config::Config,
    crypto::{Keys, RecoveryDocument, UnlockError},
    protocol::{MAX_RECOVERY, UserName},
    store::{BlobStoreError, Replica},
};
use serde::Deserialize;

use crate::secrets::{self, PassphraseArgs, Secret};

const SETTINGS: &str = "device.toml";
const RECOVERY: &str = "recovery";
const TOKEN: &str = "token";
const DOCUMENTS: &str = "documents.db";
const BLOBS: &str = "blobs";

/// How often a passphrase may be mistyped.
const TRIES: u32 = 3;

/// How long to wait for another command that has the blobs open.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Which device.
#[derive(Debug, clap::Args)]
pub(crate) struct HomeArgs {
    /// The folder of this device's data [default: benchline/engine in the user's data folder]
    #[arg(long, env = "BENCHLINE_ENGINE_HOME", value_name = "DIR")]
    home: Option<PathBuf>,
}

impl HomeArgs {
    /// The folder, which may not exist.
    pub(crate) fn folder(&self) -> anyhow::Result<PathBuf> {
        if let Some(home) = &self.home {
            return Ok(home.clone());
        }
        let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let data = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")));
        Ok(data.context("there is neither XDG_DATA_HOME nor HOME: say where with --home")?.join("benchline/engine"))
    }
}

/// How a command of a device finds and opens it.
#[derive(Debug, clap::Args)]
pub(crate) struct DeviceArgs {
    #[command(flatten)]
    home: HomeArgs,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

impl DeviceArgs {
    /// Finds the device and opens what the passphrase opens.
    pub(crate) fn open(&self) -> anyhow::Result<Device> {
        let home = Home::find(&self.home)?;
        let keys = home.unlock(&self.passphrase)?;
        Ok(Device { home, keys })
    }
}

/// `device.toml` as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    server: String,
    user: String,
    #[serde(default)]
    config: Config,
}

/// A device that is set up, still locked.
pub(crate) struct Home {
    /// Where it lives.
    pub(crate) folder: PathBuf,
    /// Its server's address.
    pub(crate) server: String,
    /// Whose it is.
    pub(crate) user: UserName,
    /// The engine's knobs.
    pub(crate) config: Config,
}

impl Home {
    /// The device in the folder that `args` name.
    pub(crate) fn find(args: &HomeArgs) -> anyhow::Result<Home> {
        let folder = args.folder()?;
        let path = folder.join(SETTINGS);
        if !path.is_file() {
            bail!("{} is not set up: `benchline-engine init --server URL --user NAME` does that", folder.display());
        }
        let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let settings: Settings =
            toml::from_str(&text).map_err(|error| anyhow::anyhow!("{} is not valid:\n{error}", path.display()))?;
        let user = settings.user.parse().with_context(|| format!("{}, user", path.display()))?;
        Ok(Home { folder, server: settings.server, user, config: settings.config })
    }

    /// Whether there is a device in a folder already.
    pub(crate) fn exists(folder: &Path) -> bool {
        folder.join(SETTINGS).exists()
    }

    /// Makes a folder for a device that nobody else can look into.
    pub(crate) fn make_folder(folder: &Path) -> anyhow::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))
    }

    /// Writes the settings, which is the last thing that makes a folder a device.
    pub(crate) fn create(folder: &Path, server: &str, user: &UserName, ca: Option<&Path>) -> anyhow::Result<()> {
        let quoted = |text: &str| toml::Value::String(text.to_owned());
        let mut text = format!(
            "# This device of the sync engine. [config] may hold the knobs that docs/ENGINE.md lists.\n\
             server = {}\nuser = {}\n",
            quoted(server),
            quoted(user.as_str()),
        );
        if let Some(ca) = ca {
            let ca = ca.to_str().context("the path of the authority's certificate is not UTF-8")?;
            text.push_str(&format!("\n[config.http]\nca = {}\n", quoted(ca)));
        }
        replace(&folder.join(SETTINGS), text.as_bytes())
    }

    /// Stores the token, readable by its owner only.
    pub(crate) fn store_token(folder: &Path, token: &Secret) -> anyhow::Result<()> {
        replace(&folder.join(TOKEN), token.as_bytes())
    }

    /// Where the wrapped root secret is stored.
    pub(crate) fn recovery_file(folder: &Path) -> PathBuf {
        folder.join(RECOVERY)
    }

    /// The token that the server requires.
    pub(crate) fn token(&self) -> anyhow::Result<Secret> {
        if let Some(token) = secrets::token_of_the_environment() {
            return Ok(token);
        }
        let token = secrets::first_line(&self.folder.join(TOKEN));
        token.context("there is no token: `benchline-engine login` gives this device one")
    }

    /// The user's slot at the server.
    pub(crate) fn slot(&self) -> anyhow::Result<RecoverySlot> {
        Ok(RecoverySlot::new(&self.config, &self.server, &self.user, &self.token()?)?)
    }

    /// Unwraps the root secret, which takes a tenth of a second on purpose.
    fn unlock(&self, args: &PassphraseArgs) -> anyhow::Result<Keys> {
        let path = Home::recovery_file(&self.folder);
        let bytes = fs::read(&path).with_context(|| {
            format!("{} cannot be read; `benchline-engine login` fetches it from the server", path.display())
        })?;
        ensure!(bytes.len() <= MAX_RECOVERY, "{} is no recovery document: it is too long", path.display());
        let document = RecoveryDocument::from_bytes(&bytes)?;
        let given = args.given()?;
        for attempt in 1.. {
            let passphrase = match &given {
                Some(given) => given.clone(),
                None => secrets::ask_passphrase(&format!("passphrase of {}", self.user), false)?,
            };
            match document.unlock(self.user.as_str(), &passphrase) {
                Ok(root) => return Ok(Keys::derive(&root)),
                Err(UnlockError::WrongPassphrase) if given.is_none() && attempt < TRIES => {
                    eprintln!("wrong passphrase; try again");
                }
                Err(error) => return Err(error.into()),
            }
        }
        bail!("no passphrase was given")
    }
}

/// An unlocked device.
pub(crate) struct Device {
    /// The device.
    pub(crate) home: Home,
    keys: Keys,
}

impl Device {
    /// Opens its documents.
    pub(crate) async fn replica(&self) -> anyhow::Result<Replica> {
        let path = self.home.folder.join(DOCUMENTS);
        Ok(Replica::open(&path, &self.keys.database, &self.home.config.store).await?)
    }

    /// A client that synchronises its documents.
    pub(crate) fn sync_client(&self) -> anyhow::Result<SyncClient> {
        let home = &self.home;
        Ok(SyncClient::new(&home.config, &home.server, &home.user, &home.token()?, &self.keys)?)
    }

    /// Opens its blobs. Waits for another command that has them open, up to [`LOCK_TIMEOUT`].
    pub(crate) async fn blobs(&self) -> anyhow::Result<Blobs> {
        let folder = self.home.folder.join(BLOBS);
        Home::make_folder(&folder)?;
        let started = std::time::Instant::now();
        let mut reported = false;
        loop {
            match Blobs::open(&folder, &self.home.config, &self.home.user, &self.keys).await {
                Err(BlobError::Store(BlobStoreError::InUse(_))) if started.elapsed() < LOCK_TIMEOUT => {
                    if !reported {
                        eprintln!("waiting for another benchline-engine that has the blobs open");
                        reported = true;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                opened => return Ok(opened?),
            }
        }
    }

    /// A client that transfers its blobs. It resumes the transfers that an earlier command left.
    pub(crate) fn blob_client(&self, blobs: &Blobs) -> anyhow::Result<BlobClient> {
        Ok(BlobClient::new(&self.home.config, blobs, &self.home.server, &self.home.token()?)?)
    }

    /// A client that takes in mail: into `replica`, and into `blobs` what is large.
    pub(crate) fn incoming_client(&self, replica: &Replica, blobs: &Blobs) -> anyhow::Result<IncomingClient> {
        let home = &self.home;
        let ring = KeyRing::new(&home.config, replica, &self.keys);
        Ok(IncomingClient::new(&home.config, &home.server, &home.token()?, ring, blobs)?)
    }
}

/// Replaces a file of the device atomically and durably. Only its owner can read it.
fn replace(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
        temporary.as_file().set_permissions(fs::Permissions::from_mode(0o600))?;
        temporary.write_all(content)?;
        temporary.as_file().sync_all()?;
        temporary.persist(path).map_err(|error| error.error)?;
        fs::File::open(folder)?.sync_all()
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}
