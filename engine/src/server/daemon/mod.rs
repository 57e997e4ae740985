//! How the server runs: its sockets, TLS, runtimes and processes, and how it shuts down. What it serves is defined in `app`.
//!
//! Read `serve` for a single process, `supervisor` for several on one port, `shutdown` for how they end.

mod connections;
mod descriptors;
mod options;
mod runtimes;
mod serve;
mod shutdown;
mod sockets;
mod supervisor;
mod timeouts;
mod tls;

pub(super) use connections::Connections;
pub use options::{PlainHttp, ServeError, ServeOptions, TlsFiles};
pub use serve::{BoundServer, run, run_with_incoming};
pub use shutdown::Shutdown;
pub use supervisor::Supervisor;
