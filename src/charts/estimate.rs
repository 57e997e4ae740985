//! A value with its interval, as every chart draws it.

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
    pub(super) fn ends(&self) -> (f64, f64) {
        self.interval.unwrap_or((self.value, self.value))
    }

    /// As people read it: `4.823 ms (4.790 … 4.860)`.
    pub(super) fn text(&self, unit: Unit) -> String {
        match self.interval {
            Some((low, high)) => unit.format_with_interval(self.value, low, high),
            None => format!("{}, too few trials for an interval", unit.format(self.value)),
        }
    }
}
