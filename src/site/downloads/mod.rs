//! What is under charts: the data as CSV, the drawing as an SVG file of its own.

pub(crate) mod csv;
pub(crate) mod files;
