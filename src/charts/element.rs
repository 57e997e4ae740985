//! What charts put on a frame: lines, bands, marks, dots and words, each a plotters element that our [`Canvas`] draws
//! with a class, and where it helps with a title and a link. It must never compute a value.

use std::{convert::Infallible, fmt::Write as _};

use plotters::{
    drawing::DrawingArea,
    element::{Drawable, PointCollection},
};
use plotters_backend::{BackendCoord, DrawingErrorKind};

use super::canvas::{Canvas, Escaped, Px};
use crate::model::Grade;

/// Something at points of the chart's own coordinates.
#[derive(Debug)]
pub(super) struct Element {
    /// Where.
    pub(super) points: Vec<(f64, f64)>,
    /// What.
    pub(super) shape: Shape,
    /// CSS classes: the colour, such as `c1`, and whatever else.
    pub(super) class: String,
}

/// The shapes that charts are made of.
#[derive(Debug)]
pub(super) enum Shape {
    /// Through all points.
    Line,
    /// Inside all points.
    Band,
    /// A small disc at each point, all one SVG element: thousands stay small.
    Dots,
    /// A mark at the first point.
    Mark(Mark),
    /// Words at the first point, moved by this number of pixels.
    Words {
        /// The text.
        text: String,
        /// Right and down, in pixels.
        offset: (i32, i32),
    },
}

/// A mark that can be pointed at and followed.
#[derive(Debug)]
pub(super) struct Mark {
    /// Its form.
    pub(super) glyph: Glyph,
    /// The text on hover. May be empty.
    pub(super) title: String,
    /// Where it leads. May be empty.
    pub(super) href: String,
}

/// Forms of marks: the grade of a point, why there is none, or what was decided about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Glyph {
    /// A point with its grade: full, half or hollow.
    Point(Grade),
    /// A cross: failed.
    Cross,
    /// A dash: unsupported.
    Dash,
    /// A triangle above the point: worse.
    Up,
    /// A triangle below the point: better.
    Down,
    /// A flag that hangs from the point.
    Flag,
}

impl Element {
    pub(super) fn line(points: Vec<(f64, f64)>, class: impl Into<String>) -> Element {
        Element { points, shape: Shape::Line, class: class.into() }
    }

    pub(super) fn band(points: Vec<(f64, f64)>, class: impl Into<String>) -> Element {
        Element { points, shape: Shape::Band, class: class.into() }
    }

    pub(super) fn dots(points: Vec<(f64, f64)>, class: impl Into<String>) -> Element {
        Element { points, shape: Shape::Dots, class: class.into() }
    }

    pub(super) fn mark(at: (f64, f64), class: impl Into<String>, mark: Mark) -> Element {
        Element { points: vec![at], shape: Shape::Mark(mark), class: class.into() }
    }

    pub(super) fn words(at: (f64, f64), class: impl Into<String>, text: String, offset: (i32, i32)) -> Element {
        Element { points: vec![at], shape: Shape::Words { text, offset }, class: class.into() }
    }
}

impl<'a> PointCollection<'a, (f64, f64)> for &'a Element {
    type Point = &'a (f64, f64);
    type IntoIter = &'a [(f64, f64)];

    fn point_iter(self) -> &'a [(f64, f64)] {
        &self.points
    }
}

impl Drawable<Canvas<'_>> for Element {
    fn draw<I: Iterator<Item = BackendCoord>>(
        &self,
        points: I,
        canvas: &mut Canvas<'_>,
        _: (u32, u32),
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        let (svg, class) = (canvas.svg(), self.class.as_str());
        match &self.shape {
            Shape::Line => path(svg, points, "line", class, ""),
            Shape::Band => path(svg, points, "band", class, "z"),
            Shape::Dots => dots(svg, points, class),
            Shape::Mark(mark) => points.take(1).for_each(|at| mark.write(svg, at, class)),
            Shape::Words { text, offset } => points.take(1).for_each(|at| {
                let (x, y) = (Px(at.0 + offset.0 * 10), Px(at.1 + offset.1 * 10));
                let _ = write!(svg, r#"<text class="{class}" x="{x}" y="{y}">{}</text>"#, Escaped(text));
            }),
        }
        Ok(())
    }
}

/// A path in relative steps, which are the shortest to write.
fn path(svg: &mut String, points: impl Iterator<Item = BackendCoord>, kind: &str, class: &str, end: &str) {
    let _ = write!(svg, r#"<path class="{kind} {class}" d=""#);
    let mut last: Option<BackendCoord> = None;
    for (x, y) in points {
        let _ = match last {
            None => write!(svg, "M{} {}", Px(x), Px(y)),
            Some(from) => write!(svg, "l{} {}", Px(x - from.0), Px(y - from.1)),
        };
        last = Some((x, y));
    }
    let _ = write!(svg, r#"{end}"/>"#);
}

/// Strokes of no length, which round caps turn into discs.
fn dots(svg: &mut String, points: impl Iterator<Item = BackendCoord>, class: &str) {
    let _ = write!(svg, r#"<path class="dots {class}" d=""#);
    for (x, y) in points {
        let _ = write!(svg, "M{} {}h0", Px(x), Px(y));
    }
    svg.push_str(r#""/>"#);
}

impl Mark {
    fn write(&self, svg: &mut String, at: BackendCoord, class: &str) {
        let tag = if self.href.is_empty() { "g" } else { "a" };
        let _ = write!(svg, r#"<{tag} class="mark {class}""#);
        if !self.href.is_empty() {
            let _ = write!(svg, r#" href="{}""#, Escaped(&self.href));
        }
        svg.push('>');
        if !self.title.is_empty() {
            let _ = write!(svg, "<title>{}</title>", Escaped(&self.title));
        }
        self.glyph.write(svg, at);
        let _ = write!(svg, "</{tag}>");
    }
}

impl Glyph {
    fn write(self, svg: &mut String, (x, y): BackendCoord) {
        let (cx, cy) = (Px(x), Px(y));
        let _ = match self {
            Glyph::Point(Grade::Sound) => write!(svg, r#"<circle cx="{cx}" cy="{cy}" r="3"/>"#),
            Glyph::Point(Grade::Noisy) => {
                let top = Px(y - 35);
                write!(
                    svg,
                    r#"<circle class="hollow" cx="{cx}" cy="{cy}" r="3.5"/><path d="M{cx} {top}a3.5 3.5 0 0 0 0 7z"/>"#
                )
            }
            Glyph::Point(Grade::Unusable) => write!(svg, r#"<circle class="hollow" cx="{cx}" cy="{cy}" r="3.5"/>"#),
            Glyph::Cross => {
                let (left, top) = (Px(x - 35), Px(y - 35));
                write!(svg, r#"<path class="cross" d="M{left} {top}l7 7m0 -7l-7 7"/>"#)
            }
            Glyph::Dash => {
                let left = Px(x - 35);
                write!(svg, r#"<path class="cross" d="M{left} {cy}h7"/>"#)
            }
            Glyph::Up => write!(svg, r#"<path d="M{cx} {}l4.5 8h-9z"/>"#, Px(y - 160)),
            Glyph::Down => write!(svg, r#"<path d="M{cx} {}l4.5 -8h-9z"/>"#, Px(y + 160)),
            Glyph::Flag => write!(svg, r#"<path d="M{cx} {cy}h9l-3 4l3 4h-9z"/>"#),
        };
    }
}

/// What an area of a chart is drawn on.
pub(super) type Area<'a> = DrawingArea<Canvas<'a>, plotters::coord::Shift>;

/// How many colours there are for lines, `c1` onwards in `static/chart.css`.
const COLOURS: usize = 8;

/// The classes of the n-th line: a colour, and dashes once colours come round again.
pub(super) fn line_class(index: usize) -> String {
    let colour = index % COLOURS + 1;
    if index < COLOURS { format!("c{colour}") } else { format!("c{colour} dashed") }
}
