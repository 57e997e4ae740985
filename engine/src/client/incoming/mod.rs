//! Mail from outside: leased at the server, fetched, decrypted, stored on this device, and only then reported as processed
//! and deleted there. A message becomes one document whose id is derived from the message's id, so it is stored exactly
//! once, even after a kill between any two steps, after a lease moved to another device, or with two devices at work.
//! This room must never report a message as processed before it is stored durably.
//!
//! Read `processor` for the steps, `stored_message` for what a message becomes.

mod client;
mod processor;
mod requests;
mod stored_message;

pub use client::{IncomingClient, IncomingReport};
pub use stored_message::{BLOB_NAMESPACE, StoredBody, StoredMessage};
