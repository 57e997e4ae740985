//! Pages, downloads and headers, asked for without a socket.

mod addresses;
mod decisions;
mod downloads;
mod freshness;
mod live;
mod pages;
mod support;
