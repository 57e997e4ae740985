//! Data to SVG text, with plotters. Every chart is a plain struct with an `svg` method: no clock, no I/O, no global.
//!
//! What a chart may never do: fill a gap, invent a point, write a colour (classes only, see `static/chart.css`), or
//! leave text unescaped. Start with [`HistoryGraph`]; `plot.rs` shows how plotters is used.

mod axis;
mod canvas;
mod element;
mod growth;
mod history;
mod labels;
mod plot;
mod sparkline;
mod strip;
mod timeline;

pub use growth::{Growth, GrowthLine, GrowthPoint, exponent};
pub use history::{HistoryGraph, HistoryLine, HistoryPoint, Place, PlaceState};
pub use plot::ChartError;
pub use sparkline::Sparkline;
pub use strip::{Strip, StripTrial};
pub use timeline::{SampleSpan, Timelines, TimelinesRole};

/// How many colours there are for lines, `c1` onwards in `static/chart.css`.
const COLOURS: usize = 8;

/// The classes of the n-th line: a colour, and dashes once colours come round again.
fn line_class(index: usize) -> String {
    let colour = index % COLOURS + 1;
    if index < COLOURS { format!("c{colour}") } else { format!("c{colour} dashed") }
}
