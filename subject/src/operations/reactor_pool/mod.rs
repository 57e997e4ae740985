//! `reactor/pool`: a server whose one reactor answers `GET /nothing` at once, and does work that keeps a processor busy for
//! `POST /labour`, in the pool that the case names. The client asks for nothing, and measures how long that takes, before,
//! during and after others ask for work. It must never measure the work itself.

mod calculator;
mod case;
mod client;
mod connection;
mod server;

pub(crate) use self::calculator::worker_if_asked;
pub(super) use self::case::NAME;
pub(crate) use self::case::reactor_workers;
pub(super) use self::client::prepare;
pub(super) use self::server::PoolServer;
