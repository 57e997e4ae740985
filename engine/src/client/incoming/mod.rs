//! Mail that comes in from outside: reserved at the server, fetched, opened, stored on this device, and only then said to
//! be processed and deleted there. A message becomes one document, whose id follows from the message's, so it is stored
//! once whatever happens: a kill between any two steps, a lease that another device has taken, or two devices at work.
//! This room must never say that a message is processed before it is stored durably.
//!
//! Read `processing` for the steps, `stored` for what a message becomes.

mod client;
mod processing;
mod requests;
mod stored;

pub use client::{IncomingClient, IncomingReport};
pub use stored::{BLOB_NAMESPACE, StoredBody, StoredMessage};
