//! Cost against size: how cost grows as work grows, both on logarithmic axes, with earlier revisions in grey.

use super::{
    axis::Axis,
    element::{Element, Glyph, Mark, line_class},
    estimate::Estimate,
    labels::{self, Label, Room},
    plot::{self, ChartError, Margins, Plot},
};
use crate::{model::Grade, units::Unit};

/// What a graph of cost against size shows.
#[derive(Debug)]
pub struct Growth<'a> {
    /// The graph's sentence, for screen readers.
    pub title: &'a str,
    /// Unit of the cost.
    pub unit: Unit,
    /// Unit of the size.
    pub size_unit: Unit,
    /// A line for each setting other than size.
    pub lines: &'a [GrowthLine],
}

/// One setting, at the chosen revision and before.
#[derive(Debug, Clone)]
pub struct GrowthLine {
    /// What distinguishes it; empty where it is the only one.
    pub label: String,
    /// Points at the chosen revision, by size.
    pub points: Vec<GrowthPoint>,
    /// The same at earlier revisions, `(size, estimate)`.
    pub earlier: Vec<Vec<(f64, f64)>>,
}

/// Cost at one size.
#[derive(Debug, Clone)]
pub struct GrowthPoint {
    /// The size.
    pub size: f64,
    /// The cost.
    pub estimate: Estimate,
    /// Whether to believe it.
    pub grade: Grade,
    /// The page with its evidence.
    pub href: String,
}

/// The exponent of the power law nearest to points `(size, cost)`: the slope of the least-squares line through their
/// logarithms. `None` with fewer than three points, or where a value is not above zero.
pub fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    if points.len() < 3 || points.iter().any(|(size, cost)| *size <= 0.0 || *cost <= 0.0) {
        return None;
    }
    let count = points.len() as f64;
    let logs: Vec<(f64, f64)> = points.iter().map(|(size, cost)| (size.ln(), cost.ln())).collect();
    let (mean_x, mean_y) =
        (logs.iter().map(|p| p.0).sum::<f64>() / count, logs.iter().map(|p| p.1).sum::<f64>() / count);
    let spread: f64 = logs.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let together: f64 = logs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    (spread > 0.0).then(|| together / spread)
}

impl Growth<'_> {
    /// The graph as SVG text. Sizes and costs that are not above zero have no place on it and are left out.
    ///
    /// # Errors
    /// [`ChartError`] where plotters cannot lay it out, which no input should cause.
    pub fn svg(&self) -> Result<String, ChartError> {
        let all = || self.lines.iter().flat_map(GrowthLine::all).filter(|(size, cost)| *size > 0.0 && *cost > 0.0);
        let range = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)))
        };
        let (sizes, costs) = (range(&mut all().map(|p| p.0)), range(&mut all().map(|p| p.1)));
        let x = Axis::log(sizes.0, sizes.1, self.size_unit, 8);
        let y = Axis::log(costs.0, costs.1, self.unit, 5);
        let right = labels::widest(self.lines.iter().map(|line| &line.label)).clamp(136, 360);
        let (height, margins) = (320, Margins { top: 16, right, bottom: 28, left: 64 });
        let room = Room { height: f64::from(height - margins.top - margins.bottom), width: f64::from(right) };
        let elements = self.elements(&x, &y, room);
        plot::svg(960, self.title, &[Plot { height, margins, x, y, vertical_grid: true, elements }])
    }

    fn elements(&self, x: &Axis, y: &Axis, room: Room) -> Vec<Element> {
        let positive = |points: &mut dyn Iterator<Item = (f64, f64)>| {
            points.filter(|(size, cost)| *size > 0.0 && *cost > 0.0).collect::<Vec<_>>()
        };
        let earlier = self.lines.iter().flat_map(|line| &line.earlier);
        let mut elements: Vec<Element> =
            earlier.map(|points| Element::line(positive(&mut points.iter().copied()), "earlier")).collect();
        let mut labels = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            let class = line_class(index);
            let points = positive(&mut line.points.iter().map(|point| (point.size, point.estimate.value)));
            let Some(end) = points.last().copied() else { continue };
            elements.push(Element::line(points, class.clone()));
            for point in line.points.iter().filter(|point| point.size > 0.0 && point.estimate.value > 0.0) {
                elements.extend(point.elements(self, line, y, &class));
            }
            if !line.label.is_empty() {
                labels.push(Label { text: line.label.clone(), end, class });
            }
        }
        elements.extend(labels::at_ends(&labels, x, y, room));
        elements
    }
}

impl GrowthLine {
    fn all(&self) -> impl Iterator<Item = (f64, f64)> {
        let chosen = self.points.iter().map(|point| (point.size, point.estimate.value));
        chosen.chain(self.earlier.iter().flatten().copied())
    }
}

impl GrowthPoint {
    /// Whisker and mark.
    fn elements(&self, graph: &Growth<'_>, line: &GrowthLine, y: &Axis, class: &str) -> Vec<Element> {
        let value = self.estimate.text(graph.unit);
        let size = graph.size_unit.format(self.size);
        let title = format!("{} {size}: {value}, {}", line.label, self.grade.as_str());
        let mark =
            Mark { glyph: Glyph::Point(self.grade), title: title.trim_start().to_owned(), href: self.href.clone() };
        let whisker = self.estimate.interval.map(|(low, high)| {
            let ends = vec![(self.size, y.clamp(low)), (self.size, y.clamp(high))];
            Element::line(ends, format!("whisker {class}"))
        });
        whisker.into_iter().chain([Element::mark((self.size, self.estimate.value), class, mark)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_is_that_of_python() {
        // statistics.linear_regression(map(log, [1, 10, 100, 1000]), map(log, [2, 30, 170, 2500])).slope
        let found = exponent(&[(1.0, 2.0), (10.0, 30.0), (100.0, 170.0), (1000.0, 2500.0)]).unwrap();
        assert!((found - 1.004_405_770_568_278).abs() < 1e-12, "{found}");
        assert_eq!(exponent(&[(1.0, 2.0), (2.0, 4.0)]), None);
        assert_eq!(exponent(&[(0.0, 2.0), (2.0, 4.0), (3.0, 4.0)]), None);
        assert_eq!(exponent(&[(2.0, 2.0), (2.0, 4.0), (2.0, 5.0)]), None);
    }

    #[test]
    fn earlier_revisions_are_grey_and_zeros_left_out() {
        let point = |size: f64, estimate: f64| GrowthPoint {
            size,
            estimate: Estimate { value: estimate, interval: Some((estimate * 0.9, estimate * 1.1)) },
            grade: Grade::Sound,
            href: "/runs/1/cases/1".into(),
        };
        let lines = [GrowthLine {
            label: "aes".into(),
            points: vec![point(1e3, 2e3), point(1e4, 2.5e4), point(1e5, 0.0)],
            earlier: vec![vec![(1e3, 3e3), (1e4, 3e4)]],
        }];
        let svg = Growth { title: "t", unit: Unit::Nanoseconds, size_unit: Unit::Bytes, lines: &lines }.svg().unwrap();
        assert_eq!((svg.matches("line earlier").count(), svg.matches("<circle").count()), (1, 2));
        assert!(svg.contains(">10 kB<") && svg.contains(">10 µs<"), "{svg}");
        let empty = Growth { title: "t", unit: Unit::Count, size_unit: Unit::Count, lines: &[] };
        assert!(empty.svg().is_ok());
    }
}
