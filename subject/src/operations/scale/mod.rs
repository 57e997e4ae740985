//! The operations under load: the server (`server`), and the requests that it asks the load to send (`workload`).

pub(super) mod server;
mod workload;
