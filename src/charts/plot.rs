//! Puts elements on frames with plotters, and frames on one SVG. Everything that the charts share; it must never know
//! what a chart is about.

use std::{convert::Infallible, fmt::Write as _};

use plotters::{
    chart::{ChartBuilder, LabelAreaPosition},
    drawing::{DrawingAreaErrorKind, IntoDrawingArea},
    element::Drawable,
    style::{BLACK, TRANSPARENT},
};

use super::{
    axis::Axis,
    canvas::{Canvas, Escaped, TENTHS},
    element::{Area, Element},
};

/// A chart could not be laid out.
#[derive(Debug, thiserror::Error)]
#[error("a chart of {width} × {height} pixels could not be drawn: {reason}; please report this")]
pub struct ChartError {
    width: u32,
    height: u32,
    reason: String,
}

/// Room around a plot, in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Margins {
    pub(super) top: u32,
    pub(super) right: u32,
    pub(super) bottom: u32,
    pub(super) left: u32,
}

/// One frame with its elements.
#[derive(Debug)]
pub(super) struct Plot {
    pub(super) height: u32,
    pub(super) margins: Margins,
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// Whether the vertical grid is drawn; the horizontal one is wherever there are ticks.
    pub(super) vertical_grid: bool,
    /// Drawn in this order.
    pub(super) elements: Vec<Element>,
}

/// One SVG of plots, one below the other. `title` is for screen readers.
pub(super) fn svg(width: u32, title: &str, plots: &[Plot]) -> Result<String, ChartError> {
    let height: u32 = plots.iter().map(|plot| plot.height).sum();
    let mut svg = String::with_capacity(4096);
    let _ = write!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{}">"#,
        Escaped(title)
    );
    let failed = |error: DrawingAreaErrorKind<Infallible>| ChartError { width, height, reason: error.to_string() };
    let mut rest = Canvas::new(&mut svg, (width, height)).into_drawing_area();
    for plot in plots {
        let (area, below) = rest.split_vertically(plot.height * TENTHS);
        plot.draw(&area).map_err(failed)?;
        rest = below;
    }
    drop(rest);
    svg.push_str("</svg>");
    Ok(svg)
}

impl Plot {
    fn draw(&self, area: &Area<'_>) -> Result<(), DrawingAreaErrorKind<Infallible>> {
        let Margins { top, right, bottom, left } = self.margins;
        let mut chart = ChartBuilder::on(area)
            .margin_top(top * TENTHS)
            .margin_right(right * TENTHS)
            .set_label_area_size(LabelAreaPosition::Left, left * TENTHS)
            .set_label_area_size(LabelAreaPosition::Bottom, bottom * TENTHS)
            .build_cartesian_2d(self.x.clone(), self.y.clone())?;
        let mut mesh = chart.configure_mesh();
        mesh.light_line_style(TRANSPARENT)
            .bold_line_style(BLACK)
            .axis_style(TRANSPARENT)
            .set_all_tick_mark_size(40)
            .x_labels(self.x.ticks.len().max(1))
            .y_labels(self.y.ticks.len().max(1));
        if !self.vertical_grid {
            mesh.disable_x_mesh();
        }
        mesh.draw()?;
        chart.draw_series(self.elements.iter().map(Borrowed))?;
        Ok(())
    }
}

/// Plotters draws what it owns; elements are lent.
struct Borrowed<'e>(&'e Element);

impl<'a> plotters::element::PointCollection<'a, (f64, f64)> for &'a Borrowed<'_> {
    type Point = &'a (f64, f64);
    type IntoIter = &'a [(f64, f64)];

    fn point_iter(self) -> &'a [(f64, f64)] {
        &self.0.points
    }
}

impl Drawable<Canvas<'_>> for Borrowed<'_> {
    fn draw<I: Iterator<Item = plotters_backend::BackendCoord>>(
        &self,
        points: I,
        canvas: &mut Canvas<'_>,
        size: (u32, u32),
    ) -> Result<(), plotters_backend::DrawingErrorKind<Infallible>> {
        self.0.draw(points, canvas, size)
    }
}
