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
pub use growth::{Growth, GrowthLine, GrowthPoint, exponent};
pub use history::{Flag, HistoryGraph, HistoryLine, HistoryNotes, HistoryPoint, Level, Place, PlaceState, VerdictMark};
pub use plot::ChartError;
pub use sparkline::Sparkline;
pub use strip::{Strip, StripTrial};
pub use timeline::{SampleSpan, Timelines, TimelinesRole};

use crate::units::Unit;

/// A value with what is known about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// The ends of its interval; `None` where there were too few trials.
    pub interval: Option<(f64, f64)>,
}

impl Estimate {
    /// Lower and upper end; the value itself where there is no interval.
    fn ends(&self) -> (f64, f64) {
        self.interval.unwrap_or((self.value, self.value))
    }

    /// As people read it: `4.823 ms (4.790 … 4.860)`.
    fn text(&self, unit: Unit) -> String {
        match self.interval {
            Some((low, high)) => unit.format_with_interval(self.value, low, high),
            None => format!("{}, too few trials for an interval", unit.format(self.value)),
        }
    }
}

/// How many colours there are for lines, `c1` onwards in `static/chart.css`.
const COLOURS: usize = 8;

/// The classes of the n-th line: a colour, and dashes once colours come round again.
fn line_class(index: usize) -> String {
    let colour = index % COLOURS + 1;
    if index < COLOURS { format!("c{colour}") } else { format!("c{colour} dashed") }
}
