//! The graph of a history: lines over revisions, with its table and downloads.

use std::collections::BTreeSet;

use super::{
    annotations::GraphAnnotations,
    environment_changes,
    figure::{Figure, Link, Table},
    series_history::{self, SeriesHistory},
};
use crate::{
    charts::{HistoryGraph, HistoryLine, HistoryNotes, HistoryPoint, Place, PlaceState},
    history::{Point, Reader, RunListing, Series},
    model::{FailureKind, RunState},
    report::format::{self, Sign},
    site::http::{error::PageError, names::CaseId},
};

/// Rows of the table under a graph; all of them are in the CSV.
const TABLE_ROWS: usize = 40;

/// What the graphs of one history share.
pub(crate) struct Graph<'h> {
    history: &'h SeriesHistory,
    /// The revisions as charts want them.
    places: Vec<Place>,
    /// The place of the revision that is marked.
    marked: Option<usize>,
}

impl<'h> Graph<'h> {
    /// Reads what failed where there are no values.
    pub(crate) fn read(
        reader: &Reader,
        history: &'h SeriesHistory,
        marked: Option<usize>,
    ) -> Result<Graph<'h>, PageError> {
        Ok(Graph { history, places: read_places(reader, history)?, marked })
    }

    /// The large graph of some of the lines.
    pub(crate) fn draw(&self, title: &str, lines: &[&Series], notes: &HistoryNotes) -> Result<String, PageError> {
        self.draw_sized(title, lines, notes, false)
    }

    /// The small graph of some of the lines.
    pub(crate) fn draw_small(&self, title: &str, lines: &[&Series]) -> Result<String, PageError> {
        self.draw_sized(title, lines, &HistoryNotes::default(), true)
    }

    fn draw_sized(
        &self,
        title: &str,
        lines: &[&Series],
        notes: &HistoryNotes,
        compact: bool,
    ) -> Result<String, PageError> {
        let lines: Vec<HistoryLine> = lines.iter().map(|line| to_chart_line(self.history, line)).collect();
        let (unit, places, marked) = (self.history.metric.unit(), &self.places, self.marked);
        Ok(HistoryGraph { title, unit, places, lines: &lines, marked, notes, compact }.svg()?)
    }

    /// The large graph with its table and downloads; `part` is its number among those of the history.
    pub(crate) fn figure(
        &self,
        sentence: String,
        part: usize,
        lines: &[&Series],
        annotations: &GraphAnnotations,
    ) -> Result<Figure, PageError> {
        let history = self.history;
        let svg = self.draw(&sentence, lines, &annotations.notes(history, lines))?;
        let (query, name) = (history.query(), &history.scenario);
        let links = vec![
            Link::new("CSV", format!("/series.csv?{query}")),
            Link::new("JSON", format!("/api/v1/series?{query}")),
            Link::new("SVG", format!("/series.svg?{query}&part={part}")),
            Link::new("permalink", format!("/scenarios/{name}?{}&part={part}", history.page_query())),
        ];
        let note = note(history, lines.len(), annotations);
        Ok(Figure { sentence, note, svg, table: table(history, lines), links })
    }
}

fn to_chart_line(history: &SeriesHistory, line: &Series) -> HistoryLine {
    let case = CaseId::of(&line.case);
    let points = line.points.iter().filter_map(|point| {
        Some(HistoryPoint {
            place: history.place(point)?,
            estimate: series_history::estimate(point),
            grade: point.grade,
            href: format!("/runs/{}/cases/{case}", point.run),
        })
    });
    HistoryLine { label: history.label(line), points: points.collect() }
}

/// The revisions as charts want them, with what failed where there are no values.
fn read_places(reader: &Reader, history: &SeriesHistory) -> Result<Vec<Place>, PageError> {
    let points = history.series.iter().flat_map(|line| &line.points);
    let measured: BTreeSet<usize> = points.filter_map(|point| history.place(point)).collect();
    let mut places = Vec::with_capacity(history.axis.len());
    for (index, listing) in history.axis.iter().enumerate() {
        let state = match measured.contains(&index) {
            true => PlaceState::Measured,
            false => read_state(reader, &history.scenario, listing)?,
        };
        places.push(Place {
            name: listing.run.revision.short().to_owned(),
            title: format!("{} {}", listing.run.revision.short(), listing.run.revision.title),
            href: format!("/commits/{}", listing.run.revision.id),
            state,
        });
    }
    Ok(places)
}

/// Why a revision has no value of a scenario; merely not measured is a gap, not a failure.
fn read_state(reader: &Reader, scenario: &str, listing: &RunListing) -> Result<PlaceState, PageError> {
    match listing.run.state {
        RunState::Unsupported => return Ok(PlaceState::Unsupported),
        RunState::BuildFailed => return Ok(PlaceState::Failed),
        _ if listing.failures == 0 => return Ok(PlaceState::Measured),
        _ => {}
    }
    let failures = reader.failures(listing.run.id)?;
    let mut ours =
        failures.iter().filter(|failure| failure.case.as_ref().is_none_or(|case| case.scenario == scenario)).peekable();
    if ours.peek().is_none() {
        return Ok(PlaceState::Measured);
    }
    let unsupported = ours.all(|failure| failure.kind == FailureKind::Unsupported);
    Ok(if unsupported { PlaceState::Unsupported } else { PlaceState::Failed })
}

/// What a large graph leaves to the CSV, and what changed around its runs.
fn note(history: &SeriesHistory, lines: usize, annotations: &GraphAnnotations) -> String {
    let revisions = history.axis.len();
    let unmarked = HistoryGraph::marked_from(revisions, lines);
    let mut note = Vec::new();
    if unmarked > 0 {
        note.push(format!(
            "Only the newest {} have marks.",
            format::plural(revisions.saturating_sub(unmarked) as u32, "revision")
        ));
    }
    if revisions > TABLE_ROWS {
        note.push(format!("The table holds the newest {TABLE_ROWS} revisions, the CSV all of them."));
    }
    if !annotations.environment_changes.is_empty() {
        note.push(environment_changes::describe(&annotations.environment_changes));
    }
    note.join(" ")
}

/// The newest values of the lines.
pub(crate) fn table(history: &SeriesHistory, lines: &[&Series]) -> Table {
    let mut head = vec!["Revision".to_owned()];
    head.extend(lines.iter().map(|line| history.label(line)));
    let shown = history.axis.iter().enumerate().rev().take(TABLE_ROWS);
    let cell = |line: &Series, place| {
        history.at(line, place).map_or_else(|| "–".to_owned(), |point| format_point(history, point))
    };
    let rows = shown.map(|(place, listing)| {
        let cells = lines.iter().map(|line| cell(line, place));
        std::iter::once(listing.run.revision.short().to_owned()).chain(cells).collect()
    });
    Table { head, rows: rows.collect() }
}

fn format_point(history: &SeriesHistory, point: &Point) -> String {
    let value = format::estimate(history.metric, point.estimate, point.interval);
    let half_width = format::half_width(point.estimate, point.interval);
    format!("{value} {half_width} {}", Sign::grade(point.grade).glyph)
}
