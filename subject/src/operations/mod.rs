//! The operations that scenarios name: which there are, and how one is set up. One file per operation; each does the
//! engine's work through the engine's public interface only, and must never time what a user would not wait for.

mod account;
mod blobs;
mod crypto;
mod digest;
mod documents;
mod http;
mod incoming;
mod messages;
mod reactor_pool;
mod replicas;
mod roles;
mod scale;
mod store;
mod sync;

use std::path::PathBuf;

use benchline_contract::{Operation, Prepare, Role};
use benchline_engine::crypto::{Keys, RootSecret};
use tokio::runtime::Runtime;

use self::reactor_pool::PoolServer;
pub(crate) use self::reactor_pool::{reactor_workers, worker_if_asked};
use self::roles::{Client, Server, Setup};
pub(crate) use self::roles::{Latencies, Work};
use self::scale::server::ScaleServer;
pub use self::scale::server::serve_if_member;
use self::sync::server::SyncServer;
use crate::error::SubjectError;
use crate::parameters::{Parameters, configuration, unknown};
use crate::payload::Payload;

/// The role that this process plays in a case, set up.
pub(crate) enum RunningRole {
    Client(Box<dyn Client>),
    Server(Box<dyn Server>),
    /// A server whose requests come from a load generator.
    LoadedServer(ScaleServer),
}

type PrepareClient = fn(&Setup<'_>, Parameters<'_>) -> Result<Box<dyn Client>, SubjectError>;

struct Offer {
    name: &'static str,
    /// Raised whenever what is timed changes its meaning.
    version: u32,
    roles: &'static [Role],
    prepare: PrepareClient,
}

/// Operations under load. The process that iterates is the platform's load generator, not this program.
const LOADED: [(&str, u32); 2] = [("scale/clients", 1), ("scale/processes", 1)];

/// The roles of an operation that needs nobody else.
const ALONE: &[Role] = &[Role::Client];
const WITH_SERVER: &[Role] = &[Role::Server, Role::Client];

const OFFERS: &[Offer] = &[
    Offer { name: "crypto/seal", version: 1, roles: ALONE, prepare: crypto::seal::prepare },
    Offer { name: "crypto/open", version: 1, roles: ALONE, prepare: crypto::open::prepare },
    Offer { name: "crypto/derive", version: 1, roles: ALONE, prepare: crypto::derive::prepare },
    Offer { name: "crypto/mail", version: 1, roles: ALONE, prepare: crypto::mail::prepare },
    Offer { name: "store/create", version: 1, roles: ALONE, prepare: store::create::prepare },
    Offer { name: "store/read", version: 1, roles: ALONE, prepare: store::read::prepare },
    Offer { name: "sync/upload", version: 1, roles: WITH_SERVER, prepare: sync::upload::prepare },
    Offer { name: "sync/download", version: 1, roles: WITH_SERVER, prepare: sync::download::prepare },
    Offer { name: "sync/nothing", version: 1, roles: WITH_SERVER, prepare: sync::nothing::prepare },
    Offer { name: "sync/metadata", version: 1, roles: WITH_SERVER, prepare: sync::metadata::prepare },
    Offer { name: "sync/initialise", version: 1, roles: WITH_SERVER, prepare: sync::initialise::prepare },
    Offer { name: "sync/conflict", version: 1, roles: WITH_SERVER, prepare: sync::conflict::prepare },
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
pub(crate) fn prepare(request: Prepare, runtime: &Runtime) -> Result<RunningRole, SubjectError> {
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
    let setup = Setup {
        operation: &operation,
        payload,
        keys: Keys::derive(&RootSecret::from_bytes(payload.root_secret())),
        config: configuration(&settings)?,
        folder: PathBuf::from(folder),
        server,
        runtime: runtime.handle().clone(),
    };
    match (offer, role) {
        (None, _) => {
            ScaleServer::start(&setup, Parameters::new(&operation, &parameters)).map(RunningRole::LoadedServer)
        }
        (Some(_), Role::Server) if operation == reactor_pool::NAME => {
            let server = PoolServer::start(&setup, Parameters::new(&operation, &parameters))?;
            Ok(RunningRole::Server(Box::new(server)))
        }
        (Some(_), Role::Server) => Ok(RunningRole::Server(Box::new(SyncServer::start(&setup)?))),
        (Some(offer), Role::Client | Role::Load) => {
            (offer.prepare)(&setup, Parameters::new(&operation, &parameters)).map(RunningRole::Client)
        }
    }
}
