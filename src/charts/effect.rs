//! One change against its margin, the size of a word: a whisker on an axis that all changes of a table share.

use super::{
    axis::Axis,
    element::{Element, Glyph, Mark},
    plot::{self, ChartError, Margins, Plot},
};
use crate::model::Grade;

/// What the bar of one change shows. Everything is on one scale on which no change is 0 and equal distances are equal
/// changes, such as the logarithm of a ratio.
#[derive(Debug)]
pub struct EffectBar<'a> {
    /// The text for screen readers.
    pub title: &'a str,
    /// The estimate.
    pub effect: f64,
    /// Its interval.
    pub interval: Option<(f64, f64)>,
    /// Half the width of what does not matter.
    pub margin: f64,
    /// How far the axis reaches to both sides of 0. What lies beyond is drawn at its end.
    pub reach: f64,
    /// The class of the verdict's colour.
    pub class: &'a str,
}

impl EffectBar<'_> {
    /// The bar as SVG text, 200 × 16 pixels.
    ///
    /// # Errors
    /// [`ChartError`] where plotters cannot lay it out, which no input should cause.
    pub fn svg(&self) -> Result<String, ChartError> {
        let reach = if self.reach.is_finite() && self.reach > 0.0 { self.reach } else { 1.0 };
        let x = Axis { low: -reach, high: reach, log: false, ticks: Vec::new() };
        let y = Axis { low: 0.0, high: 1.0, log: false, ticks: Vec::new() };
        let mut elements = Vec::new();
        if self.margin > 0.0 {
            let (low, high) = (x.clamp(-self.margin), x.clamp(self.margin));
            elements.push(Element::band(vec![(low, 0.0), (low, 1.0), (high, 1.0), (high, 0.0)], "margin"));
        }
        elements.push(Element::line(vec![(0.0, 0.0), (0.0, 1.0)], "zero"));
        if let Some((low, high)) = self.interval.filter(|(low, high)| low.is_finite() && high.is_finite()) {
            let ends = vec![(x.clamp(low), 0.5), (x.clamp(high), 0.5)];
            elements.push(Element::line(ends, format!("reach {}", self.class)));
        }
        if self.effect.is_finite() {
            let mark = Mark { glyph: Glyph::Point(Grade::Sound), title: String::new(), href: String::new() };
            elements.push(Element::mark((x.clamp(self.effect), 0.5), self.class, mark));
        }
        let margins = Margins { top: 0, right: 4, bottom: 0, left: 4 };
        plot::svg(200, self.title, &[Plot { height: 16, margins, x, y, vertical_grid: false, elements }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_small_and_stays_inside() {
        let bar = |effect, interval, reach| {
            EffectBar { title: "a & b", effect, interval, margin: 0.01, reach, class: "worse" }.svg().unwrap()
        };
        let svg = bar(0.04, Some((0.03, 0.05)), 0.1);
        assert!(svg.len() < 600 && svg.contains("a &amp; b"), "{} {svg}", svg.len());
        assert_eq!((svg.matches("<circle").count(), svg.matches("line reach worse").count()), (1, 1));
        let beyond = bar(9.0, Some((-9.0, 9.0)), 0.1);
        assert!(beyond.contains(r#"cx="195"#) && beyond.contains(r#"d="M4 "#), "{beyond}");
        for (effect, interval) in [(f64::NAN, None), (0.0, Some((f64::NEG_INFINITY, f64::INFINITY)))] {
            assert!(!bar(effect, interval, 0.0).contains("NaN"));
        }
    }
}
