//! The server role of every operation that has one: the engine's own server on the loopback, with a new account for each
//! iteration. It must never do anything for a client but through that server.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use benchline_contract::Access;
use benchline_engine::config::Config;
use benchline_engine::protocol::UserName;
use benchline_engine::server::{self, run, run_with_incoming};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::error::SubjectError;
use crate::operations::http::Connection;
use crate::operations::roles::{Server, Setup};

/// Longer than any case takes.
const TOKEN_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// The operation whose server also listens for a mail service.
const TAKES_MESSAGES: &str = "incoming/pipeline";
/// The prefix of the metrics that count requests.
const REQUESTS: &str = "benchline_requests_total{";

/// A running server.
pub(crate) struct SyncServer {
    server: server::Server,
    /// `127.0.0.1:PORT`.
    address: String,
    accounts: u64,
    /// Where it accepts messages, and the token for that: ` ADDRESS TOKEN`, or nothing.
    incoming_access: String,
    /// Requests that it had answered when the last account was made.
    answered: u64,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), SubjectError>>,
    runtime: Handle,
}

impl SyncServer {
    /// Starts the server on a free port.
    pub(crate) fn start(setup: &Setup<'_>) -> Result<Self, SubjectError> {
        let (folder, config) = (setup.folder.join("server"), setup.config.clone());
        let takes_messages = setup.operation == TAKES_MESSAGES;
        setup.runtime.block_on(serve(folder, config, takes_messages, setup.runtime.clone()))
    }

    /// Requests that it has answered, without those for its metrics.
    fn requests(&self) -> Result<u64, SubjectError> {
        let asked = self.runtime.block_on(async {
            let mut connection = Connection::open(&self.address).await?;
            connection.send("GET", "/metrics", None, b"").await
        });
        let answer = asked.map_err(SubjectError::engine("asking the server what it counted"))?;
        let text = String::from_utf8_lossy(&answer.body);
        let counts = text.lines().filter(|line| line.starts_with(REQUESTS) && !line.contains("route=\"/metrics\""));
        Ok(counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum())
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
        self.answered = self.requests()?;
        Ok(Access {
            address: format!("http://{}", self.address),
            credential: format!("{user}:{}{}", token.as_str(), self.incoming_access),
        })
    }

    /// The requests that it answered.
    fn counters(&self) -> Result<BTreeMap<String, u64>, SubjectError> {
        Ok([("requests".to_owned(), self.requests()?.saturating_sub(self.answered))].into())
    }

    fn finish(self: Box<Self>) -> Result<(), SubjectError> {
        // A server that has ended by itself has dropped the other end, and says why below.
        let _ = self.stop.send(());
        self.runtime.block_on(self.serving).map_err(SubjectError::engine("stopping the server"))?
    }
}

async fn serve(
    folder: PathBuf,
    config: Config,
    takes_messages: bool,
    runtime: Handle,
) -> Result<SyncServer, SubjectError> {
    let server =
        server::Server::open(&folder, &config).await.map_err(SubjectError::engine("opening the server's data"))?;
    let (listener, address) = listen().await?;
    let (incoming, incoming_access) = match takes_messages {
        true => {
            let (listener, address) = listen().await?;
            let service = "mail".parse().map_err(SubjectError::engine("naming a service"))?;
            let token = server.accounts().services().create_token(&service, TOKEN_LIFETIME).await;
            let token = token.map_err(SubjectError::engine("making a service's token"))?;
            (Some(listener), format!(" {address} {}", token.as_str()))
        }
        false => (None, String::new()),
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn({
        let server = server.clone();
        async move {
            // Stopped by a message, or by the sender being gone: both mean the same.
            let shutdown = async { drop(stopped.await) };
            let served = match incoming {
                Some(incoming) => run_with_incoming(listener, incoming, server, shutdown).await,
                None => run(listener, server, shutdown).await,
            };
            served.map_err(SubjectError::engine("serving"))
        }
    });
    Ok(SyncServer { server, address, accounts: 0, incoming_access, answered: 0, stop, serving, runtime })
}

/// A listener on a free port of the loopback, and its address.
async fn listen() -> Result<(TcpListener, String), SubjectError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(SubjectError::engine("listening on the loopback"))?;
    let address = listener.local_addr().map_err(SubjectError::engine("asking for the server's port"))?;
    Ok((listener, address.to_string()))
}
