//! The transfer manager: what the index of blobs says is to be done at the server, done a few at a time, the urgent first,
//! again where it fails and not where it cannot work. It must never hold more than a few chunks of a blob in memory, and
//! keeps nothing that matters anywhere but in the index: after a kill it begins from there.
//!
//! Read `manager` first; `schedule`, `backoff` and `throttle` decide and are pure, `upload`, `download` and `bundle` do the work.

mod backoff;
mod bundle;
mod deletions;
mod download;
mod failure;
mod http;
mod manager;
mod progress;
mod schedule;
mod task;
mod throttle;
mod upload;

pub(super) use backoff::delay;
pub(super) use http::{find, list};
pub use manager::Settled;
pub(super) use manager::{Event, Manager, random};
pub use progress::{RunningTransfer, TransferProgress};
pub(super) use task::Shared;
