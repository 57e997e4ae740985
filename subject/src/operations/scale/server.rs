//! The server role under load: the engine's own server, in as many runtimes and processes as the configuration says, with an
//! account for each client. It must never do anything for a client but through that server.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use benchline_contract::Access;
use benchline_engine::config::Config;
use benchline_engine::protocol::UserName;
use benchline_engine::server::{Accounts, BoundServer, PlainHttp, ServeOptions, Server, Shutdown, Supervisor};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::workload::{self, Action};
use crate::error::SubjectError;
use crate::operations::roles::Setup;
use crate::parameters::Parameters;

/// Longer than any case takes.
const TOKEN_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// The first argument of a process that this one starts to share its port.
const MEMBER: &str = "member";

/// The operation that says how many processes and runtimes there are.
const WITH_PROCESSES: &str = "scale/processes";

/// The largest blob, in bytes: the load holds it in memory.
const MAX_SIZE: u64 = 64 << 20;

/// The most clients: a server has no descriptors for more.
const MAX_CLIENTS: u64 = 1000;

/// A running server.
pub(crate) struct ScaleServer {
    access: Access,
    stop: Shutdown,
    serving: JoinHandle<Result<(), SubjectError>>,
    runtime: Handle,
}

impl ScaleServer {
    /// Starts it on a free port. What the parameters say of when to send is left to the load.
    pub(crate) fn start(setup: &Setup<'_>, mut parameters: Parameters<'_>) -> Result<Self, SubjectError> {
        let wanted = "from 1 to 1000";
        let clients @ 1..=MAX_CLIENTS = parameters.count("clients", wanted)? else {
            return Err(parameters.invalid("clients", wanted));
        };
        let wanted = "a number of bytes, at most 64 MiB";
        let size @ 0..=MAX_SIZE = parameters.count("size", wanted)? else {
            return Err(parameters.invalid("size", wanted));
        };
        let action = parameters.word("action", &Action::ALL)?;
        let mut config = setup.config.clone();
        let mut obeyed = vec!["clients", "size", "action"];
        if setup.operation == WITH_PROCESSES {
            config.server.processes = count_up_to_64("processes", &mut parameters)?;
            config.server.runtimes = count_up_to_64("runtimes", &mut parameters)?;
            obeyed.extend(["processes", "runtimes"]);
        }
        let content = setup.payload.blob(0, size as usize);
        let file = setup.folder.join("content");
        std::fs::write(&file, &content).map_err(SubjectError::engine("writing the content"))?;
        let options = ServeOptions {
            data: setup.folder.join("server"),
            listen: vec![(Ipv4Addr::LOCALHOST, 0).into()],
            incoming: None,
            tls: None,
            plain: PlainHttp::Loopback,
            config,
        };
        let (stop, runtime) = (Shutdown::new(), setup.runtime.clone());
        let (address, users, serving) = runtime.block_on(serve(options, clients, stop.clone()))?;
        let workload = workload::workload(action, &obeyed, users, &file, &content);
        let credential = serde_json::to_string(&workload).map_err(SubjectError::engine("writing the workload"))?;
        Ok(Self { access: Access { address: format!("http://{address}"), credential }, stop, serving, runtime })
    }

    /// Where it is, and what is to be sent there.
    pub(crate) fn access(&self) -> Access {
        self.access.clone()
    }

    /// Stops serving and closes the server's data.
    pub(crate) fn finish(self) -> Result<(), SubjectError> {
        self.stop.begin();
        self.runtime.block_on(self.serving).map_err(SubjectError::engine("stopping the server"))?
    }
}

/// Serves if this process was started to share the port of another, until it is stopped.
pub fn serve_if_member() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != MEMBER {
        return None;
    }
    Some(match serve_as_member(arguments.collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("benchline-subject: {}", error.to_reply().message);
            ExitCode::FAILURE
        }
    })
}

/// A parameter from 1 to 64.
fn count_up_to_64(name: &'static str, parameters: &mut Parameters<'_>) -> Result<NonZeroUsize, SubjectError> {
    let wanted = "from 1 to 64";
    let count = usize::try_from(parameters.count(name, wanted)?).ok().filter(|count| *count <= 64);
    count.and_then(NonZeroUsize::new).ok_or_else(|| parameters.invalid(name, wanted))
}

type Started = (SocketAddr, Vec<BTreeMap<String, String>>, JoinHandle<Result<(), SubjectError>>);

async fn serve(options: ServeOptions, clients: u64, stop: Shutdown) -> Result<Started, SubjectError> {
    if options.config.server.processes.get() > 1 {
        return serve_in_processes(options, clients, stop).await;
    }
    let serving = BoundServer::open(options).await.map_err(SubjectError::engine("starting the server"))?;
    let users = make_users(serving.server().accounts(), clients).await?;
    let address = first(serving.addresses())?;
    let serving = tokio::spawn(async move { serving.run(stop).await.map_err(SubjectError::engine("serving")) });
    Ok((address, users, serving))
}

async fn serve_in_processes(options: ServeOptions, clients: u64, stop: Shutdown) -> Result<Started, SubjectError> {
    let server = Server::open(&options.data, &options.config).await;
    let server = server.map_err(SubjectError::engine("opening the server's data"))?;
    let users = make_users(server.accounts(), clients).await?;
    server.close().await;
    drop(server);
    let program = std::env::current_exe().map_err(SubjectError::engine("finding this program, to start it again"))?;
    let config = serde_json::to_string(&options.config).map_err(SubjectError::engine("writing the configuration"))?;
    let family = Supervisor::reserve(&options).map_err(SubjectError::engine("reserving a port"))?;
    let address = first(&family.addresses())?;
    let command = move |_number: usize| {
        let mut command = Command::new(&program);
        command.arg(MEMBER).arg(&options.data).arg(address.to_string()).arg(&config);
        command
    };
    let (listening, heard) = oneshot::channel();
    let announce = || {
        // The receiver is gone when preparing was given up.
        let _ = listening.send(());
    };
    let mut serving = tokio::spawn(async move {
        let outcome = family.run(command, announce, stop).await;
        outcome.map_err(SubjectError::engine("serving in several processes"))
    });
    tokio::select! {
        Ok(()) = heard => Ok((address, users, serving)),
        ended = &mut serving => {
            ended.map_err(SubjectError::engine("starting the server's processes"))??;
            Err(SubjectError::Order("the server's processes ended before they listened".to_owned()))
        }
    }
}

/// `member DATA ADDRESS CONFIG`: one of the processes that share a port.
fn serve_as_member(arguments: Vec<OsString>) -> Result<(), SubjectError> {
    let wrong = || SubjectError::Order(format!("`{MEMBER}` is for the server's own use"));
    let [data, address, config]: [OsString; 3] = arguments.try_into().map_err(|_| wrong())?;
    let text = |word: &OsString| word.to_str().map(str::to_owned).ok_or_else(wrong);
    let address: SocketAddr = text(&address)?.parse().map_err(|_| wrong())?;
    let config: Config = serde_json::from_str(&text(&config)?).map_err(SubjectError::Configuration)?;
    let options = ServeOptions {
        data: PathBuf::from(data),
        listen: vec![address],
        incoming: None,
        tls: None,
        plain: PlainHttp::Loopback,
        config,
    };
    let runtime = Builder::new_multi_thread().enable_all().build();
    runtime.map_err(SubjectError::engine("starting the runtime"))?.block_on(async {
        let stop = Shutdown::new();
        stop.on_signals().map_err(SubjectError::engine("watching for signals"))?;
        stop.on_end_of_input().map_err(SubjectError::engine("watching standard input"))?;
        let serving = BoundServer::open(options).await.map_err(SubjectError::engine("starting the server"))?;
        Supervisor::notify_parent();
        serving.run(stop).await.map_err(SubjectError::engine("serving"))
    })
}

fn first(addresses: &[SocketAddr]) -> Result<SocketAddr, SubjectError> {
    addresses.first().copied().ok_or_else(|| SubjectError::Order("the server listens nowhere".to_owned()))
}

/// An account for each client.
async fn make_users(accounts: &Accounts, count: u64) -> Result<Vec<BTreeMap<String, String>>, SubjectError> {
    let mut users = Vec::new();
    for number in 0..count {
        let user: UserName = format!("user-{number}").parse().map_err(SubjectError::engine("naming a user"))?;
        let failed = SubjectError::engine("making an account");
        accounts.create_user(&user).await.map_err(&failed)?;
        let token = accounts.create_token(&user, TOKEN_LIFETIME).await.map_err(&failed)?;
        users.push(
            [("user", user.to_string()), ("token", token.as_str().to_owned())].map(|(k, v)| (k.to_owned(), v)).into(),
        );
    }
    Ok(users)
}
