//! A line over revisions without axes, small enough for a card.

use super::series_history::{self, SeriesHistory};
use crate::{charts::Sparkline, history::Series, report::format, site::http::error::PageError};

/// A line without axes, with one place marked.
pub(crate) fn draw_sparkline(
    history: &SeriesHistory,
    line: &Series,
    marked: Option<usize>,
) -> Result<String, PageError> {
    let values: Vec<_> =
        (0..history.axis.len()).map(|place| history.at(line, place).map(series_history::estimate)).collect();
    let label = history.label(line);
    let title =
        format!("{} {label}, {} over {} revisions", history.scenario, format::metric(history.metric), values.len());
    Ok(Sparkline { title: &title, values: &values, marked }.svg()?)
}
