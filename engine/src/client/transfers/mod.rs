//! Transfers of blobs to and from a server. The manager carries out the work that the blob index lists, a few transfers at
//! a time, the most urgent first; it retries temporary failures and gives up on permanent ones. It must never hold more
//! than a few chunks of a blob in memory, and keeps its state only in the index: after a kill it resumes from there.
//!
//! Read `client` for the calls and `manager` for the work. `schedule`, `backoff` and `throttle` decide and are pure;
//! `upload`, `download` and `bundle` transfer.

mod backoff;
mod bundle;
mod client;
mod deletions;
mod download;
mod error;
mod http;
mod manager;
mod progress;
mod schedule;
mod task;
mod throttle;
mod upload;

pub(super) use backoff::{delay, random};
pub use client::{BlobClient, BlobReport};
pub use manager::Settled;
pub use progress::{RunningTransfer, TransferProgress};
