//! The cases of one scenario next to each other: a row for each, with its value and interval on one axis for all, so that
//! what differs by a factor is seen as far apart.

use super::{
    axis::Axis,
    element::{Element, Glyph, Mark, line_class},
    estimate::Estimate,
    plot::{self, ChartError, Margins, Plot},
};
use crate::{model::Grade, units::Unit};

/// What a graph of cases shows.
#[derive(Debug)]
pub struct Cases<'a> {
    /// The graph's sentence, for screen readers.
    pub title: &'a str,
    /// Unit of the values.
    pub unit: Unit,
    /// From top to bottom.
    pub rows: &'a [CaseRow],
}

/// One case.
#[derive(Debug, Clone)]
pub struct CaseRow {
    /// What it is called.
    pub label: String,
    /// Its value.
    pub estimate: Estimate,
    /// Whether to believe it.
    pub grade: Grade,
    /// The page with its evidence.
    pub href: String,
}

/// Height of a row, in pixels.
const ROW: u32 = 20;
/// More rows than this fit no page.
const MOST_ROWS: usize = 100;

impl Cases<'_> {
    /// The graph as SVG text.
    ///
    /// # Errors
    /// [`ChartError`] where plotters cannot lay it out, which no input should cause.
    pub fn svg(&self) -> Result<String, ChartError> {
        let rows = &self.rows[..self.rows.len().min(MOST_ROWS)];
        let margins = Margins { top: 8, right: 24, bottom: 28, left: 272 };
        let height = (rows.len().max(1) * ROW as usize) as u32 + margins.top + margins.bottom;
        let x = Axis::fitting(rows.iter().map(|row| row.estimate.value), self.unit, 8);
        // Rows count downwards: the first case is at the top.
        let ticks = rows.iter().enumerate().map(|(row, case)| (-(row as f64), case.label.clone())).collect();
        let y = Axis { low: 0.5 - rows.len().max(1) as f64, high: 0.5, log: false, ticks };
        let elements = rows.iter().enumerate().flat_map(|(row, case)| case.elements(self.unit, &x, -(row as f64)));
        let elements = elements.collect();
        plot::svg(960, self.title, &[Plot { height, margins, x, y, vertical_grid: true, elements }])
    }
}

impl CaseRow {
    /// Whisker and mark.
    fn elements(&self, unit: Unit, x: &Axis, y: f64) -> Vec<Element> {
        let class = line_class(0);
        let title = format!("{}: {}, {}", self.label, self.estimate.text(unit), self.grade.as_str());
        let (low, high) = self.estimate.ends();
        let whisker = Element::line(vec![(x.clamp(low), y), (x.clamp(high), y)], format!("whisker {class}"));
        let mark = Mark { glyph: Glyph::Point(self.grade), title, href: self.href.clone() };
        vec![whisker, Element::mark((x.clamp(self.estimate.value), y), class, mark)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: &str, value: f64, interval: Option<(f64, f64)>) -> CaseRow {
        let (estimate, href) = (Estimate { value, interval }, "/runs/1/cases/1".into());
        CaseRow { label: label.into(), estimate, grade: Grade::Sound, href }
    }

    #[test]
    fn every_case_is_a_row_with_its_name_and_far_values_share_a_logarithmic_axis() {
        let rows = [
            row("inline & during", 2e8, Some((1.9e8, 2.1e8))),
            row("threads", 3e6, None),
            row("processes", 5e5, Some((4e5, 6e5))),
        ];
        let svg = Cases { title: "t", unit: Unit::Nanoseconds, rows: &rows }.svg().unwrap();
        assert_eq!((svg.matches("<circle").count(), svg.matches("line whisker").count()), (3, 3), "{svg}");
        assert!(svg.contains(">inline &amp; during<") && svg.contains(r#"height="96""#), "{svg}");
        assert!(svg.contains(">1 ms<") && svg.contains(">100 ms<"), "{svg}");
    }

    #[test]
    fn zeros_none_and_too_many_are_drawn_all_the_same() {
        let zero = [row("a", 0.0, Some((0.0, 1.0))), row("b", 3.0, None)];
        let svg = Cases { title: "t", unit: Unit::Count, rows: &zero }.svg().unwrap();
        assert!(!svg.contains("NaN") && svg.matches("<circle").count() == 2, "{svg}");
        assert!(Cases { title: "t", unit: Unit::Count, rows: &[] }.svg().is_ok());
        let many = vec![row("c", 1.0, None); 200];
        let svg = Cases { title: "t", unit: Unit::Count, rows: &many }.svg().unwrap();
        assert_eq!(svg.matches("<circle").count(), MOST_ROWS);
    }
}
