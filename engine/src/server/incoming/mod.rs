//! Incoming messages. A trusted mail service hands them over on a listener of its own; they are encrypted to their user's
//! key before anything of them is written down, and wait for a client of the user, which works on each under a lease.
//! What a message says must never reach a disk or a log.
//!
//! Read `deliver` for how a message comes, `leases` for who may work on it, `mailbox` for the transactions. Contents are
//! kept by the backend of blobs, under the same quota.

mod app;
mod deliver;
mod imprint;
mod key;
mod leases;
mod mailbox;
mod messages;
mod records;
mod room;
mod schema;
mod work;

pub use app::app as incoming_app;
pub(super) use app::client_routes;
pub(super) use mailbox::Mailbox;
pub(super) use room::Room;
pub(super) use schema::TABLES;
