//! What is under charts: the data as CSV, the drawing as an SVG file of its own.

pub(crate) mod blocks;
pub(crate) mod csv;
pub(crate) mod file;
pub(crate) mod samples;
pub(crate) mod series;
