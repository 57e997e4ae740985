//! The operations on a replica without a server.

pub(super) mod create;
pub(super) mod read;
