//! Data to SVG text, with plotters. Every chart is a plain struct with an `svg` method: no clock, no I/O, no global.
//!
//! What a chart may never do: fill a gap, invent a point, write a colour (classes only, see `static/chart.css`), or
//! leave text unescaped. Start with [`HistoryGraph`]; `plot.rs` shows how plotters is used.

mod axis;
mod blocks;
mod canvas;
mod cases;
mod effect;
mod element;
mod estimate;
mod growth;
mod history;
mod labels;
mod plot;
mod sparkline;
mod strip;
mod timeline;

pub use blocks::{BlockDot, BlockGraph, BlockStage};
pub use cases::{CaseRow, Cases};
pub use effect::EffectBar;
pub use estimate::Estimate;
pub use growth::{Growth, GrowthLine, GrowthPoint, exponent};
pub use history::{Flag, HistoryGraph, HistoryLine, HistoryNotes, HistoryPoint, Level, Place, PlaceState, VerdictMark};
pub use plot::ChartError;
pub use sparkline::Sparkline;
pub use strip::{Strip, StripTrial};
pub use timeline::{SampleSpan, Timelines, TimelinesRole};
