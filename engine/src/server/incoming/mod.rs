//! Incoming messages. A trusted mail service delivers them on a separate listener. They are encrypted to the user's key before
//! anything of them is stored, and then wait for a client of the user, which processes each under a lease. The plaintext of a
//! message must never reach a disk or a log.
//!
//! Read `delivery` for how a message is delivered, `leases` for who may process it, `mailbox` for the transactions. The
//! backend of blobs stores the contents, under the same quota.

mod app;
mod delivery;
mod fingerprint;
mod key;
mod lease_requests;
mod leases;
mod mailbox;
mod memory_budget;
mod messages;
mod records;
pub(super) mod schema;

pub use app::app as incoming_app;
pub(super) use app::client_routes;
pub(super) use mailbox::Mailbox;
pub(super) use memory_budget::MemoryBudget;
