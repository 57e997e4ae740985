//! The server. It stores the encrypted documents of each user separately, returns them to clients that have a token of that user,
//! and cannot decrypt any of them. Every request is untrusted until its token is verified; no invalid input may cause a 500.
//!
//! Read `app` for the routes, `auth` for users and tokens, `stores` and `user_store` for what is stored, `push` and `pull` for the
//! streams of documents, `blobs` and `incoming` for the rest, `daemon` for how the server runs, and `backup` for backups.

mod app;
mod auth;
mod backup;
/// Blobs: the backends of their contents, and the requests on them.
pub mod blobs;
mod blocking;
mod body;
mod caller;
mod clock;
mod conditions;
mod contents;
mod daemon;
mod health;
mod incoming;
mod metrics;
mod monitoring;
mod peers;
mod process_registry;
mod pull;
mod purge;
mod push;
mod recovery;
mod refusal;
mod replicas;
mod request_log;
mod schema;
mod state;
mod stores;
mod user_store;
mod versions;

pub use app::app;
pub use auth::{Account, AccountError, Accounts, InvalidServiceName, ServiceName, ServiceToken, Services, Token};
pub use backup::{BackupError, BackupReport, Damage, Progress, RestoreReport, VerifyReport, backup, restore, verify};
pub use daemon::{
    BoundServer, PlainHttp, ServeError, ServeOptions, Shutdown, Supervisor, TlsFiles, run, run_with_incoming,
};
pub use incoming::incoming_app;
pub use state::{OpenError, Server};
