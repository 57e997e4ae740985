//! The server: it keeps each user's sealed documents apart, gives them back to whoever shows that user's token, and can
//! read none of them. Every request is a stranger's until its token is known; nothing bad that comes in may end in a 500.
//!
//! Read `app` for the routes, `user_store` for what is kept, `push` and `pull` for the streams, `blobs` for the rest.

mod accounts;
mod app;
/// Blobs: where their contents are kept, and what is done with them over HTTP.
pub mod blobs;
mod body;
mod caller;
mod clock;
mod conditions;
mod contents;
mod listen;
mod metrics;
mod peers;
mod processes;
mod pull;
mod push;
mod recovery;
mod refusal;
mod sessions;
mod state;
mod user_store;

pub use accounts::{AccountError, Accounts, Token};
pub use app::app;
pub use listen::{ServeError, run};
pub use state::{OpenError, Server};
