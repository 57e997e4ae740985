//! What every request goes through: shared state, parameters, freshness, headers, errors, assets and the live stream.

pub(crate) mod address;
pub(crate) mod assets;
pub(crate) mod build;
pub(crate) mod choices;
pub(crate) mod error;
pub(crate) mod freshness;
pub(crate) mod headers;
pub(crate) mod live;
pub(crate) mod names;
pub(crate) mod param;
pub(crate) mod shared;
