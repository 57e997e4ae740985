//! A line the size of a word: where a value has been, without axes.

use super::{
    axis::Axis,
    element::{Element, Glyph, Mark},
    estimate::Estimate,
    plot::{self, ChartError, Margins, Plot},
};
use crate::{model::Grade, units::Unit};

/// What a sparkline shows.
#[derive(Debug)]
pub struct Sparkline<'a> {
    /// The text for screen readers.
    pub title: &'a str,
    /// Estimate and interval at each place, oldest first; `None` where there is no value.
    pub values: &'a [Option<Estimate>],
    /// Index of the value to mark; the newest where `None`.
    pub marked: Option<usize>,
}

impl Sparkline<'_> {
    /// The line as SVG text, 228 × 44 pixels.
    ///
    /// # Errors
    /// [`ChartError`] where plotters cannot lay it out, which no input should cause.
    pub fn svg(&self) -> Result<String, ChartError> {
        let extremes = self.values.iter().flatten().flat_map(|value| [value.value, value.ends().0, value.ends().1]);
        let y = Axis { ticks: Vec::new(), ..Axis::fitting(extremes, Unit::Count, 2) };
        let x = Axis { low: 0.0, high: self.values.len().max(2) as f64 - 1.0, log: false, ticks: Vec::new() };
        let present: Vec<(usize, &Estimate)> =
            self.values.iter().enumerate().filter_map(|(at, value)| Some((at, value.as_ref()?))).collect();
        let mut elements = Vec::new();
        for stretch in present.chunk_by(|a, b| b.0 == a.0 + 1) {
            if let [(at, value)] = stretch {
                elements.push(Element::dots(vec![(*at as f64, value.value)], "alone c1"));
                continue;
            }
            let upper = stretch.iter().map(|(at, value)| (*at as f64, value.ends().1));
            let lower = stretch.iter().rev().map(|(at, value)| (*at as f64, value.ends().0));
            elements.push(Element::band(upper.chain(lower).collect(), "c1"));
            elements.push(Element::line(stretch.iter().map(|(at, value)| (*at as f64, value.value)).collect(), "c1"));
        }
        let marked = self.marked.or(present.last().map(|(at, _)| *at));
        if let Some((at, value)) = present.iter().find(|(at, _)| Some(*at) == marked) {
            let mark = Mark { glyph: Glyph::Point(Grade::Sound), title: String::new(), href: String::new() };
            elements.push(Element::mark((*at as f64, value.value), "c1", mark));
        }
        let margins = Margins { top: 4, right: 5, bottom: 4, left: 2 };
        plot::svg(228, self.title, &[Plot { height: 44, margins, x, y, vertical_grid: false, elements }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_stay_and_the_newest_is_marked() {
        let value = |v: f64| Some(Estimate { value: v, interval: Some((v - 1.0, v + 1.0)) });
        let values = [value(10.0), value(11.0), None, value(12.0)];
        let svg = Sparkline { title: "t", values: &values, marked: None }.svg().unwrap();
        assert_eq!((svg.matches("class=\"line").count(), svg.matches("class=\"dots alone").count()), (1, 1), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 1);
        assert!(svg.len() < 900 && !svg.contains("<text"), "{}", svg.len());
        assert!(Sparkline { title: "", values: &[], marked: None }.svg().is_ok());
        assert!(Sparkline { title: "", values: &[value(1.0)], marked: None }.svg().unwrap().contains("<circle"));
    }
}
