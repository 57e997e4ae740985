//! The read-only API: the records behind the pages as JSON.

pub(crate) mod decisions;
pub(crate) mod reports;
pub(crate) mod results;
