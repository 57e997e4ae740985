//! The server: it keeps each user's sealed documents apart, gives them back to whoever shows that user's token, and can
//! read none of them. Every request is a stranger's until its token is known; nothing bad that comes in may end in a 500.
//!
//! Read `app` for the routes, `stores` and `user_store` for what is kept, `push` and `pull` for the streams, `blobs` and
//! `incoming` for the rest, and `serving` for how it is run.

mod accounts;
mod app;
/// Blobs: where their contents are kept, and what is done with them over HTTP.
pub mod blobs;
mod body;
mod caller;
mod clock;
mod conditions;
mod health;
mod incoming;
mod metrics;
mod peers;
mod processes;
mod pull;
mod push;
mod recovery;
mod refusal;
mod requests;
mod schema;
mod services;
mod serving;
mod sessions;
mod state;
mod stores;
mod user_store;
mod versions;

pub use accounts::{Account, AccountError, Accounts, Token};
pub use app::app;
pub use incoming::incoming_app;
pub use services::{InvalidServiceName, ServiceName, ServiceToken, Services};
pub use serving::{Family, Plain, ServeError, ServeOptions, Serving, Stop, TlsFiles, run};
pub use state::{OpenError, Server};
