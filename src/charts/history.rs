//! A metric over revisions: a line for each payload with its interval as a band, gaps as gaps, what failed or was not
//! supported on the axis.

use super::{
    axis::Axis,
    element::{Element, Glyph, Mark, line_class},
    estimate::Estimate,
    labels::{self, Label, Room},
    plot::{self, ChartError, Margins, Plot},
};
use crate::{model::Grade, units::Unit};

/// At most this number of points have marks, the newest, so that pages stay small; before them there are lines and bands.
const MOST_MARKS: usize = 160;

/// What a graph over revisions shows.
#[derive(Debug)]
pub struct HistoryGraph<'a> {
    /// The graph's sentence, for screen readers.
    pub title: &'a str,
    /// Unit of the values.
    pub unit: Unit,
    /// The x axis, oldest revision first.
    pub places: &'a [Place],
    /// A line for each payload.
    pub lines: &'a [HistoryLine],
    /// Index of the place to mark, such as the commit whose page this is on.
    pub marked: Option<usize>,
    /// What is known besides the values.
    pub notes: &'a HistoryNotes,
    /// Half the size and without links, for small multiples.
    pub compact: bool,
}

/// A revision on the axis.
#[derive(Debug, Clone)]
pub struct Place {
    /// The label of its tick.
    pub name: String,
    /// The first line on hover: name and title.
    pub title: String,
    /// Its page.
    pub href: String,
    /// Whether it could be measured.
    pub state: PlaceState,
}

/// Whether a revision could be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceState {
    /// It could, whatever the single series say.
    Measured,
    /// It has no subject that speaks the contract.
    Unsupported,
    /// It does not build, or the case failed.
    Failed,
}

/// The values of one payload.
#[derive(Debug, Clone)]
pub struct HistoryLine {
    /// The payload, as people read it.
    pub label: String,
    /// The points that there are, in the order of the axis.
    pub points: Vec<HistoryPoint>,
}

/// One value.
#[derive(Debug, Clone)]
pub struct HistoryPoint {
    /// Index of its place.
    pub place: usize,
    /// The value.
    pub estimate: Estimate,
    /// Whether to believe it.
    pub grade: Grade,
    /// The page with its evidence.
    pub href: String,
}

/// What a graph shows besides its lines. Compact graphs show none of it.
#[derive(Debug, Clone, Default)]
pub struct HistoryNotes {
    /// Levels of segments.
    pub levels: Vec<Level>,
    /// Places at which a change was found.
    pub flags: Vec<Flag>,
    /// Places since which something around the runs is another: the kernel, the toolchain.
    pub shifts: Vec<Flag>,
    /// Points that a comparison called worse or better.
    pub verdicts: Vec<VerdictMark>,
}

/// The level of one segment of a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Index of its first place.
    pub from: usize,
    /// Index of its last place.
    pub to: usize,
    /// The level.
    pub value: f64,
}

/// A change found at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Index of its place.
    pub place: usize,
    /// The text on hover.
    pub title: String,
    /// Its page.
    pub href: String,
}

/// A point that a comparison called worse or better.
#[derive(Debug, Clone, PartialEq)]
pub struct VerdictMark {
    /// Index of the point's place.
    pub place: usize,
    /// The point's value.
    pub value: f64,
    /// Worse, or better.
    pub worse: bool,
    /// The text on hover.
    pub title: String,
    /// The comparison's page.
    pub href: String,
}

impl HistoryGraph<'_> {
    /// The first place whose points have marks in a graph of so many places and lines.
    pub fn marked_from(places: usize, lines: usize) -> usize {
        places.saturating_sub(MOST_MARKS / lines.max(1))
    }

    /// The graph as SVG text.
    ///
    /// # Errors
    /// [`ChartError`] where plotters cannot lay it out, which no input should cause.
    pub fn svg(&self) -> Result<String, ChartError> {
        let (width, height, ticks) = if self.compact { (460, 170, (4, 3)) } else { (960, 320, (10, 5)) };
        let (top, bottom, left) = if self.compact { (12, 24, 58) } else { (16, 28, 64) };
        let margins = Margins { top, right: self.room_for_names(width - left), bottom, left };
        let names: Vec<String> = self.places.iter().map(|place| place.name.clone()).collect();
        let x = Axis::places(&names, ticks.0);
        let y = Axis::fitting(self.values(), self.unit, ticks.1);
        let room = Room { height: f64::from(height - top - bottom), width: f64::from(margins.right) };
        let elements = self.elements(&x, &y, room);
        plot::svg(width, self.title, &[Plot { height, margins, x, y, vertical_grid: false, elements }])
    }

    /// Pixels for the names of the lines, of so many for the plot and them: what they need, as long as the plot keeps most.
    /// One revision needs no width, and leaves it to the names.
    fn room_for_names(&self, width: u32) -> u32 {
        if let [_] = self.places {
            return width - width / 4;
        }
        let least = if self.compact { 100 } else { 136 };
        labels::widest(self.lines.iter().map(|line| self.name(line))).clamp(least, width * 2 / 5)
    }

    /// The label at the end of a line: what it is and, where it is a single point, before that the value, which must not be
    /// cut.
    fn name(&self, line: &HistoryLine) -> String {
        match (self.places, line.points.as_slice()) {
            ([_], [point]) => format!("{} · {}", self.unit.format(point.estimate.value), line.label),
            _ => line.label.clone(),
        }
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        let points = self.lines.iter().flat_map(|line| &line.points);
        points.flat_map(|point| {
            let (value, (low, high)) = (point.estimate.value, point.estimate.ends());
            // The interval of an unusable point may be far off; it must not flatten all others.
            if point.grade == Grade::Unusable { [value; 3] } else { [value, low, high] }
        })
    }

    fn elements(&self, x: &Axis, y: &Axis, room: Room) -> Vec<Element> {
        let mut elements = Vec::new();
        if let Some(marked) = self.marked {
            let marked = marked as f64;
            elements.push(Element::line(vec![(marked, y.low), (marked, y.high)], "marked"));
        }
        elements.extend(self.axis_marks(y));
        for (index, line) in self.lines.iter().enumerate() {
            elements.extend(line.band_and_line(self.aside(index), y, &line_class(index)));
        }
        let from = Self::marked_from(self.places.len(), self.lines.len());
        for (index, line) in self.lines.iter().enumerate() {
            // Small multiples mark what cannot be believed, and leave the rest to the large graph.
            let wanted = line.points.iter().filter(|point| {
                let shown = !self.compact || point.grade == Grade::Unusable;
                (shown && point.place >= from) || self.marked == Some(point.place)
            });
            elements.extend(wanted.map(|point| self.point_mark(line, point, index)));
        }
        if !self.compact {
            elements.extend(self.notes.elements(y));
        }
        elements.extend(labels::at_ends(&self.end_labels(y), x, y, room));
        elements
    }

    /// Revisions without values, on the axis itself.
    fn axis_marks(&self, y: &Axis) -> impl Iterator<Item = Element> {
        let without = self.places.iter().enumerate().filter(|(_, place)| place.state != PlaceState::Measured);
        without.map(|(index, place)| {
            let (glyph, word) = match place.state {
                PlaceState::Failed => (Glyph::Cross, "failed"),
                _ => (Glyph::Dash, "unsupported"),
            };
            let mark = Mark { glyph, title: format!("{}\n{word}", place.title), href: place.href.clone() };
            Element::mark((index as f64, y.low), word, mark)
        })
    }

    /// How far a line is shifted from its place: at the only revision, intervals would hide each other.
    fn aside(&self, index: usize) -> f64 {
        let [_] = self.places else { return 0.0 };
        ((index as f64 + 0.5) / self.lines.len() as f64 - 0.5) / 2.0
    }

    fn point_mark(&self, line: &HistoryLine, point: &HistoryPoint, index: usize) -> Element {
        let mark = if self.compact {
            Mark { glyph: Glyph::Point(point.grade), title: String::new(), href: String::new() }
        } else {
            let place = self.places.get(point.place).map(|place| place.title.as_str()).unwrap_or_default();
            let value = point.estimate.text(self.unit);
            let title = format!("{place}\n{}: {value}, {}", line.label, point.grade.as_str());
            Mark { glyph: Glyph::Point(point.grade), title, href: point.href.clone() }
        };
        Element::mark((point.place as f64 + self.aside(index), point.estimate.value), line_class(index), mark)
    }

    fn end_labels(&self, y: &Axis) -> Vec<Label> {
        let ended = self.lines.iter().enumerate().filter_map(|(index, line)| {
            let last = line.points.last()?;
            let end = (last.place as f64 + self.aside(index), y.clamp(last.estimate.value));
            Some(Label { text: self.name(line), end, class: line_class(index) })
        });
        ended.collect()
    }
}

impl HistoryNotes {
    fn elements(&self, y: &Axis) -> Vec<Element> {
        let mut elements = Vec::new();
        for level in &self.levels {
            let (from, to, value) = (level.from as f64 - 0.5, level.to as f64 + 0.5, y.clamp(level.value));
            elements.push(Element::line(vec![(from, value), (to, value)], "level"));
        }
        for shift in &self.shifts {
            let at = shift.place as f64 - 0.5;
            elements.push(Element::line(vec![(at, y.low), (at, y.high)], "shifted"));
            let mark = Mark { glyph: Glyph::Dash, title: shift.title.clone(), href: shift.href.clone() };
            elements.push(Element::mark((at, y.high), "shift", mark));
        }
        for flag in &self.flags {
            let at = flag.place as f64;
            elements.push(Element::line(vec![(at, y.low), (at, y.high)], "flagged"));
            let mark = Mark { glyph: Glyph::Flag, title: flag.title.clone(), href: flag.href.clone() };
            elements.push(Element::mark((at, y.high), "flag", mark));
        }
        for verdict in &self.verdicts {
            let (glyph, class) = if verdict.worse { (Glyph::Up, "worse") } else { (Glyph::Down, "better") };
            let mark = Mark { glyph, title: verdict.title.clone(), href: verdict.href.clone() };
            elements.push(Element::mark((verdict.place as f64, y.clamp(verdict.value)), class, mark));
        }
        elements
    }
}

impl HistoryLine {
    /// Stretches of neighbouring places: a band and a line each, so that a gap stays a gap.
    fn band_and_line(&self, aside: f64, y: &Axis, class: &str) -> Vec<Element> {
        let mut elements = Vec::new();
        for stretch in self.points.chunk_by(|a, b| b.place == a.place + 1) {
            let side = |end: fn((f64, f64)) -> f64| {
                stretch.iter().map(move |point| (point.place as f64 + aside, y.clamp(end(point.estimate.ends()))))
            };
            if stretch.len() > 1 && stretch.iter().any(|point| point.estimate.interval.is_some()) {
                elements.push(Element::band(side(|i| i.1).chain(side(|i| i.0).rev()).collect(), class));
            } else if let [point] = stretch
                && let Some((low, high)) = point.estimate.interval
            {
                let at = point.place as f64 + aside;
                elements.push(Element::line(vec![(at, y.clamp(low)), (at, y.clamp(high))], format!("whisker {class}")));
            }
            let line = stretch.iter().map(|point| (point.place as f64 + aside, y.clamp(point.estimate.value)));
            elements.push(Element::line(line.collect(), class));
        }
        elements
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str, state: PlaceState) -> Place {
        Place { name: name.into(), title: format!("{name} <b>title</b>"), href: format!("/commits/{name}"), state }
    }

    fn point(place: usize, estimate: f64, grade: Grade) -> HistoryPoint {
        let estimate = Estimate { value: estimate, interval: Some((estimate * 0.98, estimate * 1.02)) };
        HistoryPoint { place, estimate, grade, href: format!("/runs/{place}/cases/1") }
    }

    fn drawn(lines: &[HistoryLine], compact: bool) -> String {
        let places = [
            place("a", PlaceState::Measured),
            place("b", PlaceState::Measured),
            place("c", PlaceState::Failed),
            place("d", PlaceState::Measured),
            place("e", PlaceState::Measured),
        ];
        let graph = HistoryGraph {
            title: "T & U",
            unit: Unit::Nanoseconds,
            places: &places,
            lines,
            marked: Some(4),
            notes: &notes(),
            compact,
        };
        graph.svg().unwrap()
    }

    fn notes() -> HistoryNotes {
        HistoryNotes {
            levels: vec![Level { from: 0, to: 1, value: 5e6 }],
            flags: vec![Flag { place: 1, title: "finding <7>".into(), href: "/finding/7".into() }],
            shifts: vec![Flag { place: 3, title: "kernel 6.1 → 6.12".into(), href: "/runs/3".into() }],
            verdicts: vec![VerdictMark {
                place: 4,
                value: 5e6,
                worse: true,
                title: "worse".into(),
                href: "/comparison/3".into(),
            }],
        }
    }

    #[test]
    fn what_was_decided_can_be_followed() {
        let points = [0, 1, 3, 4].map(|at| point(at, 5e6, Grade::Sound)).to_vec();
        let lines = [HistoryLine { label: "x".into(), points }];
        let svg = drawn(&lines, false);
        for said in [
            "line level",
            "line flagged",
            r#"class="mark flag" href="/finding/7""#,
            "finding &lt;7&gt;",
            "line shifted",
            "kernel 6.1 → 6.12",
        ] {
            assert!(svg.contains(said), "{said}: {svg}");
        }
        assert!(svg.contains(r#"class="mark worse" href="/comparison/3""#), "{svg}");
        assert!(!drawn(&lines, true).contains("finding"), "small multiples stay small");
    }

    #[test]
    fn a_gap_splits_the_line_and_failures_stand_on_the_axis() {
        let points = [0, 1, 3, 4].map(|at| point(at, 5e6 + at as f64, Grade::Sound)).to_vec();
        let svg = drawn(&[HistoryLine { label: "10 kB".into(), points }], false);
        assert_eq!(svg.matches(r#"class="line c1""#).count(), 2, "{svg}");
        assert_eq!(svg.matches(r#"class="band c1""#).count(), 2);
        assert_eq!(svg.matches(r#"href="/runs/"#).count(), 5, "four points and a change around them");
        assert_eq!(svg.matches(r#"href="/commits/c">"#).count(), 1);
        assert!(svg.contains(r#"aria-label="T &amp; U""#) && svg.contains("&lt;b&gt;title") && !svg.contains("<b>"));
        assert!(!svg.contains("style=") && !svg.contains('#'), "{svg}");
    }

    #[test]
    fn every_grade_has_its_shape() {
        let points = vec![point(0, 5e6, Grade::Sound), point(1, 5e6, Grade::Noisy), point(3, 5e6, Grade::Unusable)];
        let svg = drawn(&[HistoryLine { label: "x".into(), points }], false);
        assert_eq!(svg.matches(r#"<circle cx"#).count(), 1);
        assert_eq!(svg.matches(r#"<circle class="hollow""#).count(), 2);
    }

    #[test]
    fn small_multiples_are_small() {
        let points: Vec<_> = [0, 1, 3].map(|at| point(at, 5e6, Grade::Sound)).to_vec();
        let svg = drawn(&[HistoryLine { label: "x".into(), points }], true);
        assert!(!svg.contains("href=\"/runs"), "{svg}");
        assert!(svg.len() < 2_500, "{} bytes", svg.len());
    }

    #[test]
    fn the_only_revision_leaves_its_room_to_names_and_values() {
        let label = "fibonacci, processes, during heavy load, 200/s";
        let line = HistoryLine { label: label.into(), points: vec![point(0, 5e6, Grade::Sound)] };
        for (compact, named) in [(false, label), (true, "fibonacci, processes, during")] {
            let places = [place("a", PlaceState::Measured)];
            let (lines, notes) = ([line.clone()], HistoryNotes::default());
            let graph = HistoryGraph {
                title: "",
                unit: Unit::Nanoseconds,
                places: &places,
                lines: &lines,
                marked: None,
                notes: &notes,
                compact,
            };
            let svg = graph.svg().unwrap();
            assert!(svg.contains(&format!(">5.00 ms · {named}")), "{svg}");
        }
    }

    #[test]
    fn nothing_at_all_is_still_a_chart() {
        assert!(drawn(&[], false).ends_with("</svg>"));
        let graph = HistoryGraph {
            title: "",
            unit: Unit::Count,
            places: &[],
            lines: &[],
            marked: None,
            notes: &HistoryNotes::default(),
            compact: true,
        };
        assert!(graph.svg().unwrap().ends_with("</svg>"));
    }
}
