//! Every sample of a case: a row for each trial, a dot for each sample, from top to bottom in the order in which they
//! were taken, so that a drift within a trial leans and a drift between trials steps.

use super::{
    axis::Axis,
    element::Element,
    estimate::Estimate,
    plot::{self, ChartError, Margins, Plot},
};
use crate::units::Unit;

/// What a strip plot shows.
#[derive(Debug)]
pub struct Strip<'a> {
    /// The plot's sentence, for screen readers.
    pub title: &'a str,
    /// Unit of the values.
    pub unit: Unit,
    /// In the order in which they ran.
    pub trials: &'a [StripTrial],
    /// The estimate over all trials.
    pub estimate: Option<Estimate>,
}

/// The samples of one trial.
#[derive(Debug, Clone)]
pub struct StripTrial {
    /// What the row is called: `trial 1`.
    pub name: String,
    /// Every sample in the order taken, warm-up first.
    pub samples: Vec<f64>,
    /// How many of them are warm-up.
    pub warmup: usize,
    /// The trial's own value: the median of what is not warm-up.
    pub median: Option<f64>,
}

/// Height of a row, in pixels.
const ROW: u32 = 22;

impl Strip<'_> {
    /// The plot as SVG text.
    ///
    /// # Errors
    /// [`ChartError`] where plotters cannot lay it out, which no input should cause.
    pub fn svg(&self) -> Result<String, ChartError> {
        let margins = Margins { top: 8, right: 24, bottom: 28, left: 64 };
        let rows = u32::try_from(self.trials.len()).unwrap_or(u32::MAX).clamp(1, 500);
        let height = rows * ROW + margins.top + margins.bottom;
        // Warm-up may be far off, and counts for nothing: it does not stretch the scale, and is drawn at its edge.
        let counted = |trial: &StripTrial| if trial.warmup < trial.samples.len() { trial.warmup } else { 0 };
        let samples =
            self.trials.iter().take(rows as usize).flat_map(|trial| trial.samples.iter().skip(counted(trial)));
        let x = Axis::tight(samples.copied(), self.unit, 8);
        // Rows count downwards: the first trial is at the top.
        let ticks = self.trials.iter().take(rows as usize).enumerate();
        let ticks = ticks.map(|(row, trial)| (-(row as f64), trial.name.clone())).collect();
        let y = Axis { low: 0.5 - f64::from(rows), high: 0.5, log: false, ticks };
        let elements = self.elements(&x, &y, rows as usize);
        plot::svg(960, self.title, &[Plot { height, margins, x, y, vertical_grid: true, elements }])
    }

    fn elements(&self, x: &Axis, y: &Axis, rows: usize) -> Vec<Element> {
        let mut elements = Vec::new();
        if let Some(Estimate { value, interval }) = self.estimate {
            if let Some((low, high)) = interval {
                let (low, high) = (x.clamp(low), x.clamp(high));
                elements.push(Element::band(vec![(low, y.low), (low, y.high), (high, y.high), (high, y.low)], "c1"));
            }
            let at = x.clamp(value);
            elements.push(Element::line(vec![(at, y.low), (at, y.high)], "centre c1"));
        }
        for (row, trial) in self.trials.iter().take(rows).enumerate() {
            let at = |order: usize| {
                let share = (order as f64 + 0.5) / trial.samples.len() as f64;
                0.38 - 0.76 * share - row as f64
            };
            let dots = trial.samples.iter().enumerate().map(|(order, value)| (x.clamp(*value), at(order)));
            let (warmup, counted): (Vec<_>, Vec<_>) = dots.enumerate().partition(|(order, _)| *order < trial.warmup);
            for (dots, class) in [(warmup, "warmup"), (counted, "c1")] {
                if !dots.is_empty() {
                    elements.push(Element::dots(dots.into_iter().map(|(_, dot)| dot).collect(), class));
                }
            }
            if let Some(median) = trial.median {
                let (at, row) = (x.clamp(median), row as f64);
                elements.push(Element::line(vec![(at, -row - 0.42), (at, -row + 0.42)], "median"));
            }
        }
        elements
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_a_dot_and_warm_up_is_marked() {
        let trial = |index: usize| StripTrial {
            name: format!("trial {index}"),
            samples: vec![9e6, 5e6, 5.1e6, 5.2e6],
            warmup: 1,
            median: Some(5.1e6),
        };
        let trials = [trial(1), trial(2), trial(3)];
        let estimate = Some(Estimate { value: 5.1e6, interval: Some((5e6, 5.2e6)) });
        let strip = Strip { title: "t", unit: Unit::Nanoseconds, trials: &trials, estimate };
        let svg = strip.svg().unwrap();
        assert_eq!(svg.matches("h0").count(), 12, "{svg}");
        assert_eq!((svg.matches("dots warmup").count(), svg.matches("line median").count()), (3, 3));
        assert!(svg.contains(">trial 3<") && svg.contains(r#"height="102""#), "{svg}");
        assert!(Strip { title: "t", unit: Unit::Count, trials: &[], estimate: None }.svg().is_ok());
    }
}
