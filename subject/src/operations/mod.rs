//! The operations that scenarios name: which there are, and how one is set up. One file per operation; each does the
//! engine's work through the engine's public interface only, and must never put on the clock what a user would not
//! wait for.

mod account;
mod blobs;
mod contents;
mod crypto;
mod crypto_derive;
mod crypto_mail;
mod crypto_open;
mod crypto_seal;
mod documents;
mod http;
mod incoming;
mod messages;
mod reactor_pool;
mod replicas;
mod scale_server;
mod scale_workload;
mod store_create;
mod store_read;
mod sync_client;
mod sync_conflict;
mod sync_download;
mod sync_initialise;
mod sync_metadata;
mod sync_nothing;
mod sync_receiving;
mod sync_server;
mod sync_upload;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;

use aws_lc_rs::digest::Digest;
use benchline_engine::config::Config;
use benchline_engine::crypto::{Keys, RootSecret};
use tokio::runtime::{Handle, Runtime};

use self::reactor_pool::PoolServer;
pub(crate) use self::reactor_pool::{reactor_workers, worker_if_asked};
use self::scale_server::ScaleServer;
pub use self::scale_server::serve_if_member;
use self::sync_server::SyncServer;
use crate::clock::Meter;
use crate::error::SubjectError;
use crate::parameters::{Parameters, configuration, unknown};
use crate::payload::Payload;
use benchline_contract::{Access, LatencyCount, Operation, Prepare, Role};

/// What a client does in each iteration.
pub(crate) trait Client {
    /// Brings the state back to where an iteration starts.
    fn reset(&mut self, server: Option<Access>) -> Result<(), SubjectError>;

    /// Does the operation `count` times on the meter's clock.
    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError>;

    /// What requests of the last iteration saw, where the operation consists of requests.
    fn latencies(&mut self) -> Latencies {
        Latencies::default()
    }

    /// Proves the result of the last iteration: SHA-256 over what it left behind, in hex.
    fn verify(&mut self) -> Result<String, SubjectError>;

    /// Cleans up.
    fn finish(&mut self) -> Result<(), SubjectError> {
        Ok(())
    }
}

/// What one operation did.
#[derive(Debug)]
pub(crate) struct Work {
    /// Things handled.
    pub(crate) items: u64,
    /// Payload bytes handled.
    pub(crate) bytes: u64,
    /// What the engine counted.
    pub(crate) counters: BTreeMap<String, u64>,
}

/// Histograms of an iteration's requests.
#[derive(Debug, Default)]
pub(crate) struct Latencies {
    /// From when each should have been sent until it was answered.
    pub(crate) latency: Vec<LatencyCount>,
    /// From there until it was sent.
    pub(crate) lateness: Vec<LatencyCount>,
}

/// What a server does beside serving.
pub(crate) trait Server {
    /// Makes a new, empty account, where there are accounts, and gives the access to it.
    fn new_account(&mut self) -> Result<Access, SubjectError>;

    /// What it counted since the last account was made.
    fn counters(&self) -> Result<BTreeMap<String, u64>, SubjectError>;

    /// Stops serving and cleans up.
    fn finish(self: Box<Self>) -> Result<(), SubjectError>;
}

/// The part that this process plays in a case.
pub(crate) enum Part {
    Client(Box<dyn Client>),
    Server(Box<dyn Server>),
    /// A server whose clients are a load's.
    Loaded(ScaleServer),
}

/// Everything that an operation is set up from.
pub(crate) struct Setting<'a> {
    pub(crate) operation: &'a str,
    pub(crate) payload: Payload,
    pub(crate) keys: Keys,
    pub(crate) config: Config,
    pub(crate) folder: PathBuf,
    pub(crate) server: Option<Access>,
    pub(crate) runtime: Handle,
}

type PrepareClient = fn(&Setting<'_>, Parameters<'_>) -> Result<Box<dyn Client>, SubjectError>;

struct Offer {
    name: &'static str,
    /// Raised whenever what is timed changes its meaning.
    version: u32,
    roles: &'static [Role],
    prepare: PrepareClient,
}

/// Operations under load: who iterates then is no process of this program.
const LOADED: [(&str, u32); 2] = [("scale/clients", 1), ("scale/processes", 1)];

/// The roles of an operation that needs nobody else.
const ALONE: &[Role] = &[Role::Client];
const WITH_SERVER: &[Role] = &[Role::Server, Role::Client];

const OFFERS: &[Offer] = &[
    Offer { name: "crypto/seal", version: 1, roles: ALONE, prepare: crypto_seal::prepare },
    Offer { name: "crypto/open", version: 1, roles: ALONE, prepare: crypto_open::prepare },
    Offer { name: "crypto/derive", version: 1, roles: ALONE, prepare: crypto_derive::prepare },
    Offer { name: "crypto/mail", version: 1, roles: ALONE, prepare: crypto_mail::prepare },
    Offer { name: "store/create", version: 1, roles: ALONE, prepare: store_create::prepare },
    Offer { name: "store/read", version: 1, roles: ALONE, prepare: store_read::prepare },
    Offer { name: "sync/upload", version: 1, roles: WITH_SERVER, prepare: sync_upload::prepare },
    Offer { name: "sync/download", version: 1, roles: WITH_SERVER, prepare: sync_download::prepare },
    Offer { name: "sync/nothing", version: 1, roles: WITH_SERVER, prepare: sync_nothing::prepare },
    Offer { name: "sync/metadata", version: 1, roles: WITH_SERVER, prepare: sync_metadata::prepare },
    Offer { name: "sync/initialise", version: 1, roles: WITH_SERVER, prepare: sync_initialise::prepare },
    Offer { name: "sync/conflict", version: 1, roles: WITH_SERVER, prepare: sync_conflict::prepare },
    Offer { name: "blobs/store", version: 1, roles: ALONE, prepare: blobs::store::prepare },
    Offer { name: "blobs/server_store", version: 1, roles: ALONE, prepare: blobs::server_store::prepare },
    Offer { name: "blobs/upload", version: 1, roles: WITH_SERVER, prepare: blobs::upload::prepare },
    Offer { name: "blobs/download", version: 1, roles: WITH_SERVER, prepare: blobs::download::prepare },
    Offer { name: "blobs/resume", version: 1, roles: WITH_SERVER, prepare: blobs::resume::prepare },
    Offer { name: "blobs/priority", version: 1, roles: WITH_SERVER, prepare: blobs::priority::prepare },
    Offer { name: "blobs/flaky", version: 1, roles: WITH_SERVER, prepare: blobs::flaky::prepare },
    Offer { name: "blobs/legacy", version: 1, roles: WITH_SERVER, prepare: blobs::legacy::prepare },
    Offer { name: reactor_pool::NAME, version: 1, roles: WITH_SERVER, prepare: reactor_pool::prepare },
    Offer { name: "incoming/pipeline", version: 1, roles: WITH_SERVER, prepare: incoming::prepare },
];

/// The operations on offer.
pub(crate) fn offered() -> Vec<Operation> {
    let operation =
        |offer: &Offer| Operation { name: offer.name.to_owned(), version: offer.version, roles: offer.roles.to_vec() };
    let loaded = LOADED.iter().map(|(name, version)| Operation {
        name: (*name).to_owned(),
        version: *version,
        roles: vec![Role::Server, Role::Load],
    });
    OFFERS.iter().map(operation).chain(loaded).collect()
}

/// Sets a case up. Keys are ready-made from the seed: what a passphrase costs is measured by itself.
pub(crate) fn prepare(request: Prepare, runtime: &Runtime) -> Result<Part, SubjectError> {
    let Prepare { role, operation, parameters, configuration: settings, seed, folder, server, .. } = request;
    let loaded = LOADED.iter().any(|(name, _)| *name == operation);
    let offer = OFFERS.iter().find(|offer| offer.name == operation);
    let played: &[Role] = match offer {
        Some(offer) => offer.roles,
        None if loaded => &[Role::Server],
        None => {
            let known = OFFERS.iter().map(|offer| offer.name).chain(LOADED.map(|(name, _)| name));
            return Err(unknown("operation", &operation, known));
        }
    };
    if !played.contains(&role) {
        let known = played.iter().map(|role| role.as_str());
        return Err(unknown(&format!("role of `{operation}`"), role.as_str(), known));
    }
    let payload = Payload::new(seed);
    let setting = Setting {
        operation: &operation,
        payload,
        keys: Keys::derive(&RootSecret::from_bytes(payload.root_secret())),
        config: configuration(&settings)?,
        folder: PathBuf::from(folder),
        server,
        runtime: runtime.handle().clone(),
    };
    match (offer, role) {
        (None, _) => ScaleServer::start(&setting, Parameters::new(&operation, &parameters)).map(Part::Loaded),
        (Some(_), Role::Server) if operation == reactor_pool::NAME => {
            let server = PoolServer::start(&setting, Parameters::new(&operation, &parameters))?;
            Ok(Part::Server(Box::new(server)))
        }
        (Some(_), Role::Server) => Ok(Part::Server(Box::new(SyncServer::start(&setting)?))),
        (Some(offer), Role::Client | Role::Load) => {
            (offer.prepare)(&setting, Parameters::new(&operation, &parameters)).map(Part::Client)
        }
    }
}

/// Runs `work` as a task of the runtime, where the reactor probe sees it, and waits for it.
fn on_reactor<T: Send + 'static>(
    runtime: &Handle,
    work: impl Future<Output = Result<T, SubjectError>> + Send + 'static,
) -> Result<T, SubjectError> {
    runtime.block_on(runtime.spawn(work)).map_err(SubjectError::engine("running the operation"))?
}

/// The error for a request that came before the one it needs.
fn too_early(operation: &str, needed: &str) -> SubjectError {
    SubjectError::Order(format!("`{operation}` needs {needed} first"))
}

/// That an operation is done once an iteration.
fn only_once(operation: &str, count: u64) -> Result<(), SubjectError> {
    match count {
        1 => Ok(()),
        _ => Err(SubjectError::Order(format!(
            "`{operation}` is done once an iteration, and {count} times were asked for"
        ))),
    }
}

/// Lowercase hex.
fn hex(digest: &Digest) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
