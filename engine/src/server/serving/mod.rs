//! How the server is run: on which sockets, with or without TLS, in how many runtimes and processes, and how it ends. It
//! knows nothing of what is served; that is `app`'s.
//!
//! Read `serve` for one process, `family` for several on one port, `stop` for how each is told to end.

mod connections;
mod descriptors;
mod family;
mod options;
mod patient;
mod runtimes;
mod serve;
mod sockets;
mod stop;
mod tls;

pub(super) use connections::Connections;
pub use family::Family;
pub use options::{Plain, ServeError, ServeOptions, TlsFiles};
pub use serve::{Serving, run};
pub use stop::Stop;
