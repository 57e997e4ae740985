//! The operations on blobs: on a device (`store`), at the server (`server_store`), between the two (`upload`, `download`,
//! `resume`, `priority`, `flaky`), and against the way without blobs (`legacy`). None may ask what is under test for the
//! expected content.
//!
//! `set` makes the blobs, `devices` makes devices for them, `transfers` moves them; `receiving` and `sending` are the clients
//! for which `download`, `priority`, `upload` and `flaky` are methods.

pub(super) mod devices;
pub(super) mod download;
pub(super) mod flaky;
pub(super) mod legacy;
pub(super) mod priority;
mod receiving;
pub(super) mod resume;
mod sending;
pub(super) mod server_store;
mod set;
pub(super) mod store;
mod transfers;
pub(super) mod upload;
