//! What every request goes through: shared state, parameters, freshness, headers, errors, assets and the live stream.

pub(crate) mod assets;
pub(crate) mod error;
pub(crate) mod live;
pub(crate) mod params;
pub(crate) mod respond;
pub(crate) mod shared;
