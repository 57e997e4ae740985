//! The server role of the `sync` operations: the engine's own server on the loopback, with a new account for each
//! iteration. It must never do anything for a client but through that server.

use std::path::PathBuf;
use std::time::Duration;

use benchline_engine::config::Config;
use benchline_engine::protocol::UserName;
use benchline_engine::server::{self, run};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Server, Setting};
use crate::contract::Access;
use crate::error::SubjectError;

/// Longer than any case takes.
const TOKEN_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// A running server.
pub(crate) struct SyncServer {
    server: server::Server,
    address: String,
    accounts: u64,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), SubjectError>>,
    runtime: Handle,
}

impl SyncServer {
    /// Starts the server on a free port.
    pub(super) fn start(setting: &Setting<'_>) -> Result<Self, SubjectError> {
        let (folder, config) = (setting.folder.join("server"), setting.config.clone());
        setting.runtime.block_on(serve(folder, config, setting.runtime.clone()))
    }
}

impl Server for SyncServer {
    fn new_account(&mut self) -> Result<Access, SubjectError> {
        self.accounts += 1;
        let failed = SubjectError::engine("making an account");
        let user: UserName =
            format!("user-{}", self.accounts).parse().map_err(SubjectError::engine("naming a user"))?;
        let accounts = self.server.accounts();
        let token = self.runtime.block_on(async {
            accounts.create_user(&user).await?;
            accounts.create_token(&user, TOKEN_LIFETIME).await
        });
        let token = token.map_err(failed)?;
        Ok(Access { address: self.address.clone(), credential: format!("{user}:{}", token.as_str()) })
    }

    fn finish(self: Box<Self>) -> Result<(), SubjectError> {
        // A server that has ended by itself has dropped the other end, and says why below.
        let _ = self.stop.send(());
        self.runtime.block_on(self.serving).map_err(SubjectError::engine("stopping the server"))?
    }
}

async fn serve(folder: PathBuf, config: Config, runtime: Handle) -> Result<SyncServer, SubjectError> {
    let server =
        server::Server::open(&folder, &config).await.map_err(SubjectError::engine("opening the server's data"))?;
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(SubjectError::engine("listening on the loopback"))?;
    let address = listener.local_addr().map_err(SubjectError::engine("asking for the server's port"))?;
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn({
        let server = server.clone();
        async move {
            // Stopped by a message, or by the sender being gone: both mean the same.
            let shutdown = async { drop(stopped.await) };
            run(listener, server, shutdown).await.map_err(SubjectError::engine("serving"))
        }
    });
    Ok(SyncServer { server, address: format!("http://{address}"), accounts: 0, stop, serving, runtime })
}
