//! What each role used while a trial ran: CPU, memory, I/O and the samples themselves, one below the other on one time
//! axis. Rates are between two readings; where readings end, lines end.

use super::{
    axis::Axis,
    element::{Element, line_class},
    plot::{self, ChartError, Margins, Plot},
};
use crate::{model::TimelinePoint, units::Unit};

/// What the timelines of one trial show.
#[derive(Debug)]
pub struct Timelines<'a> {
    /// The graph's sentence, for screen readers.
    pub title: &'a str,
    /// A line for each role in each panel.
    pub roles: &'a [TimelinesRole],
    /// The samples, in the order taken.
    pub samples: &'a [SampleSpan],
}

/// The readings of one role.
#[derive(Debug, Clone)]
pub struct TimelinesRole {
    /// Its name.
    pub name: String,
    /// Oldest first.
    pub points: Vec<TimelinePoint>,
}

/// When a sample was taken.
#[derive(Debug, Clone, Copy)]
pub struct SampleSpan {
    /// Nanoseconds since the trial began.
    pub start_ns: u64,
    /// How long the whole sample took, in nanoseconds.
    pub wall_ns: u64,
    /// Whether it is warm-up.
    pub warmup: bool,
}

/// One panel: what it is called, its unit, which readings it uses, and how a pair of them becomes a value.
struct Panel {
    name: &'static str,
    unit: Unit,
    every: usize,
    value: fn(&TimelinePoint, &TimelinePoint) -> f64,
}

/// A counter's growth a second.
fn rate(grown: u64, before: &TimelinePoint, after: &TimelinePoint) -> f64 {
    let elapsed = after.at_ns.saturating_sub(before.at_ns);
    if elapsed == 0 { f64::NAN } else { grown as f64 / (elapsed as f64 / 1e9) }
}

const PANELS: [Panel; 4] = [
    Panel {
        name: "CPU, share of one core",
        unit: Unit::Ratio,
        every: 1,
        value: |before, after| rate(after.cpu_ns.saturating_sub(before.cpu_ns), before, after) / 1e9,
    },
    Panel { name: "Resident memory", unit: Unit::MemoryBytes, every: 1, value: |_, after| after.rss as f64 },
    Panel {
        name: "Read and written by calls",
        unit: Unit::BytesPerSecond,
        every: TimelinePoint::IO_EVERY,
        value: |before, after| {
            let moved = |point: &TimelinePoint| point.bytes_read.saturating_add(point.bytes_written);
            rate(moved(after).saturating_sub(moved(before)), before, after)
        },
    },
    Panel {
        name: "Written to storage",
        unit: Unit::BytesPerSecond,
        every: TimelinePoint::IO_EVERY,
        value: |before, after| rate(after.storage_written.saturating_sub(before.storage_written), before, after),
    },
];

/// More readings than this are thinned to the extremes of neighbours, which is what the eye would see.
const MOST_POINTS: usize = 240;

const MARGINS: Margins = Margins { top: 24, right: 76, bottom: 4, left: 76 };

impl Timelines<'_> {
    /// The graph as SVG text.
    ///
    /// # Errors
    /// [`ChartError`] where plotters cannot lay it out, which no input should cause.
    pub fn svg(&self) -> Result<String, ChartError> {
        let x = self.time_axis();
        let mut plots: Vec<Plot> = PANELS.iter().map(|panel| self.panel(panel, &x)).collect();
        plots.push(self.sample_panel(&x));
        plot::svg(960, self.title, &plots)
    }

    /// From the trial's start to its last reading or sample.
    fn time_axis(&self) -> Axis {
        let readings = self.roles.iter().filter_map(|role| role.points.last()).map(|point| point.at_ns);
        let samples = self.samples.iter().map(|sample| sample.start_ns.saturating_add(sample.wall_ns));
        Axis::from_zero(readings.chain(samples).map(|ns| ns as f64), Unit::Nanoseconds, 8)
    }

    fn panel(&self, panel: &Panel, x: &Axis) -> Plot {
        let lines: Vec<Vec<(f64, f64)>> = self.roles.iter().map(|role| thinned(series(&role.points, panel))).collect();
        let y = Axis::from_zero(lines.iter().flatten().map(|point| point.1), panel.unit, 3);
        let mut elements: Vec<Element> = self.warmup_band(&y).into_iter().collect();
        elements.push(Element::words((0.0, y.high), "panel", panel.name.to_owned(), (0, -8)));
        for (index, (role, line)) in self.roles.iter().zip(lines).enumerate() {
            let Some(end) = line.last().copied() else { continue };
            elements.push(Element::line(line, line_class(index)));
            elements.push(Element::words(
                (x.high, y.high),
                format!("role {}", line_class(index)),
                role.name.clone(),
                (6, 12 + 16 * index as i32),
            ));
            elements.push(Element::dots(vec![end], line_class(index)));
        }
        let x = Axis { ticks: x.ticks.iter().map(|(at, _)| (*at, String::new())).collect(), ..x.clone() };
        Plot { height: 112, margins: MARGINS, x, y, vertical_grid: true, elements }
    }

    /// The time of warm-up, behind each panel.
    fn warmup_band(&self, y: &Axis) -> Option<Element> {
        let warmup = || self.samples.iter().filter(|sample| sample.warmup);
        let from = warmup().map(|sample| sample.start_ns).min()? as f64;
        let to = warmup().map(|sample| sample.start_ns.saturating_add(sample.wall_ns)).max()? as f64;
        Some(Element::band(vec![(from, y.low), (from, y.high), (to, y.high), (to, y.low)], "span"))
    }

    /// The wall time of each sample, where it was taken.
    fn sample_panel(&self, x: &Axis) -> Plot {
        let walls = self.samples.iter().map(|sample| sample.wall_ns as f64);
        let y = Axis::from_zero(walls, Unit::Nanoseconds, 3);
        let mut elements = vec![Element::words((0.0, y.high), "panel", "Wall time of each sample".to_owned(), (0, -8))];
        for (warmup, class) in [(true, "warmup"), (false, "c1")] {
            let chosen = self.samples.iter().filter(|sample| sample.warmup == warmup);
            let dots: Vec<_> = chosen.map(|sample| (sample.start_ns as f64, sample.wall_ns as f64)).collect();
            if !dots.is_empty() {
                elements.push(Element::dots(dots, class));
            }
        }
        let margins = Margins { bottom: 28, ..MARGINS };
        Plot { height: 136, margins, x: x.clone(), y, vertical_grid: true, elements }
    }
}

/// Values at the later of each two neighbouring readings that tell the panel's.
fn series(points: &[TimelinePoint], panel: &Panel) -> Vec<(f64, f64)> {
    let telling = || points.iter().step_by(panel.every);
    let pairs = telling().zip(telling().skip(1));
    let pairs = pairs.map(|(before, after)| (after.at_ns as f64, (panel.value)(before, after)));
    pairs.filter(|(_, value)| value.is_finite()).collect()
}

/// The lowest and the highest of each stretch of neighbours, in their order, so that no spike is lost.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    if points.len() <= MOST_POINTS {
        return points;
    }
    let stretch = points.len().div_ceil(MOST_POINTS / 2);
    let mut kept = Vec::with_capacity(MOST_POINTS);
    for chunk in points.chunks(stretch) {
        let by_value = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let (Some(low), Some(high)) = (chunk.iter().min_by(by_value), chunk.iter().max_by(by_value)) else { continue };
        kept.extend(if low.0 <= high.0 { [*low, *high] } else { [*high, *low] });
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(ms: u64, cpu_ms: u64) -> TimelinePoint {
        TimelinePoint { at_ns: ms * 1_000_000, cpu_ns: cpu_ms * 1_000_000, rss: 10 << 20, ..TimelinePoint::default() }
    }

    #[test]
    fn cpu_is_a_share_of_one_core() {
        let shares = series(&[reading(0, 0), reading(20, 10), reading(40, 50)], &PANELS[0]);
        assert_eq!(shares, [(20e6, 0.5), (40e6, 2.0)]);
        // A counter that went back (a thread ended) is no growth; two readings at once are no rate.
        // Only each fifth reading has I/O.
        let written = |at: u64, bytes| TimelinePoint { storage_written: bytes, ..reading(at, 0) };
        let readings: Vec<TimelinePoint> = (0..11).map(|at| written(at * 20, at / 5 * 1000)).collect();
        assert_eq!(series(&readings, &PANELS[3]), [(100e6, 10_000.0), (200e6, 10_000.0)]);
        assert_eq!(series(&[reading(0, 9), reading(20, 1)], &PANELS[0]), [(20e6, 0.0)]);
        assert_eq!(series(&[reading(5, 0), reading(5, 1)], &PANELS[0]), []);
    }

    #[test]
    fn thinning_keeps_the_spike() {
        let mut points: Vec<(f64, f64)> = (0..10_000).map(|at| (f64::from(at), 1.0)).collect();
        points[5_555].1 = 99.0;
        let thin = thinned(points);
        assert!(thin.len() <= MOST_POINTS && thin.contains(&(5_555.0, 99.0)));
        assert!(thin.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    }

    #[test]
    fn a_panel_for_each_resource_and_one_for_samples() {
        let roles =
            [TimelinesRole { name: "client".into(), points: vec![reading(0, 0), reading(20, 10), reading(40, 20)] }];
        let samples = [SampleSpan { start_ns: 1_000_000, wall_ns: 9_000_000, warmup: true }];
        let svg = Timelines { title: "t", roles: &roles, samples: &samples }.svg().unwrap();
        assert_eq!(
            (svg.matches("class=\"panel\"").count(), svg.matches("class=\"band span\"").count()),
            (5, 4),
            "{svg}"
        );
        assert!(svg.contains(">40%<") && svg.contains(">10 MiB<"), "{svg}");
        assert!(Timelines { title: "t", roles: &[], samples: &[] }.svg().is_ok());
    }
}
