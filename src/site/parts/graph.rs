//! One metric of one scenario over revisions: read once, then shown as graphs, tables and downloads.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    annotations::Marks,
    environment_changes,
    figure::{Figure, Link, Table},
};
use crate::{
    charts::{Estimate, HistoryGraph, HistoryLine, HistoryNotes, HistoryPoint, Place, PlaceState},
    history::{Point, Reader, RunListing, Series},
    model::{Case, FailureKind, Metric, RunId, RunState, Value},
    report::format::{self, Sign},
    site::http::{error::PageError, params},
};

/// So many lines fit one graph; more are split into several.
const MOST_LINES: usize = 8;

/// Rows of the table under a graph; all of them are in the CSV.
const TABLE_ROWS: usize = 40;

/// One metric of one scenario on one environment, over the newest revisions.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) scenario: String,
    pub(crate) metric: Metric,
    pub(crate) environment: String,
    /// The newest run of each revision, oldest first.
    pub(crate) axis: Vec<RunListing>,
    /// What is measured, each with the points that are on the axis.
    pub(crate) series: Vec<Series>,
    /// How many revisions were asked for.
    pub(crate) span: usize,
    /// What was decided about its points; empty unless [`History::with_marks`] read it.
    pub(crate) marks: Marks,
    /// Where each run stands on the axis.
    places: HashMap<RunId, usize>,
}

impl History {
    /// Reads what graphs of a metric need: the axis and one scan.
    pub(crate) fn read(
        reader: &Reader,
        scenario: &str,
        metric: Metric,
        environment: &str,
        span: usize,
    ) -> Result<History, PageError> {
        let mut axis = reader.axis(environment)?;
        axis.drain(..axis.len().saturating_sub(span));
        let series = reader.series(scenario, metric, environment)?;
        Ok(History::on(axis, series, scenario, metric, environment, span))
    }

    /// Puts series on an axis that was read before.
    pub(crate) fn on(
        axis: Vec<RunListing>,
        mut series: Vec<Series>,
        scenario: &str,
        metric: Metric,
        environment: &str,
        span: usize,
    ) -> History {
        let places: HashMap<RunId, usize> =
            axis.iter().enumerate().map(|(place, listing)| (listing.run.id, place)).collect();
        for line in &mut series {
            line.points.retain(|point| places.contains_key(&point.run));
        }
        series.retain(|line| !line.points.is_empty());
        let (scenario, environment) = (scenario.to_owned(), environment.to_owned());
        History { scenario, metric, environment, axis, series, span, marks: Marks::default(), places }
    }

    /// The same with what was decided about its points.
    pub(crate) fn with_marks(mut self, reader: &Reader) -> Result<History, PageError> {
        self.marks = Marks::read(reader, &self)?;
        Ok(self)
    }

    /// Where a point stands on the axis.
    pub(crate) fn place(&self, point: &Point) -> Option<usize> {
        self.places.get(&point.run).copied()
    }

    /// The point of a line at a place.
    pub(crate) fn at<'s>(&self, line: &'s Series, place: usize) -> Option<&'s Point> {
        line.points.iter().find(|point| self.place(point) == Some(place))
    }

    /// The place of a revision, by its id or the start of it.
    pub(crate) fn place_of(&self, revision: &str) -> Option<usize> {
        self.axis.iter().rposition(|listing| listing.run.revision.id.starts_with(revision))
    }

    /// The query that names these data, for downloads.
    pub(crate) fn query(&self) -> String {
        format!("scenario={}&metric={}&environment={}&last={}", self.scenario, self.metric, self.environment, self.span)
    }

    /// Groups of lines that fit one graph each, with what the lines of a group have in common.
    pub(crate) fn pictures(&self) -> Vec<(String, Vec<&Series>)> {
        split(self.series.iter().collect(), String::new())
    }

    /// The graph of some of the lines.
    pub(crate) fn svg(
        &self,
        title: &str,
        lines: &[&Series],
        places: &[Place],
        marked: Option<usize>,
        compact: bool,
    ) -> Result<String, PageError> {
        if !compact {
            return self.svg_with(title, lines, places, marked, &self.marks.notes(self, lines));
        }
        let lines: Vec<HistoryLine> = lines.iter().map(|line| self.line(line)).collect();
        let notes = &HistoryNotes::default();
        Ok(HistoryGraph { title, unit: self.metric.unit(), places, lines: &lines, marked, notes, compact }.svg()?)
    }

    /// The large graph of some of the lines, with notes of the caller's own.
    pub(crate) fn svg_with(
        &self,
        title: &str,
        lines: &[&Series],
        places: &[Place],
        marked: Option<usize>,
        notes: &HistoryNotes,
    ) -> Result<String, PageError> {
        let lines: Vec<HistoryLine> = lines.iter().map(|line| self.line(line)).collect();
        let unit = self.metric.unit();
        Ok(HistoryGraph { title, unit, places, lines: &lines, marked, notes, compact: false }.svg()?)
    }

    fn line(&self, line: &Series) -> HistoryLine {
        let case = params::case_id(&line.case);
        let points = line.points.iter().filter_map(|point| {
            Some(HistoryPoint {
                place: self.place(point)?,
                estimate: estimate(point),
                grade: point.grade,
                href: format!("/runs/{}/cases/{case}", point.run),
            })
        });
        HistoryLine { label: line_label(line, &self.series), points: points.collect() }
    }

    /// The axis as charts want it, with what failed where there are no values.
    pub(crate) fn chart_places(&self, reader: &Reader) -> Result<Vec<Place>, PageError> {
        let measured: BTreeSet<usize> =
            self.series.iter().flat_map(|line| &line.points).filter_map(|point| self.place(point)).collect();
        let mut places = Vec::with_capacity(self.axis.len());
        for (index, listing) in self.axis.iter().enumerate() {
            let state = if measured.contains(&index) { PlaceState::Measured } else { self.state_of(reader, listing)? };
            places.push(Place {
                name: listing.run.revision.short().to_owned(),
                title: format!("{} {}", listing.run.revision.short(), listing.run.revision.title),
                href: format!("/commits/{}", listing.run.revision.id),
                state,
            });
        }
        Ok(places)
    }

    /// Why a revision has no value of this scenario; merely not measured is a gap, not a failure.
    fn state_of(&self, reader: &Reader, listing: &RunListing) -> Result<PlaceState, PageError> {
        match listing.run.state {
            RunState::Unsupported => return Ok(PlaceState::Unsupported),
            RunState::BuildFailed => return Ok(PlaceState::Failed),
            _ if listing.failures == 0 => return Ok(PlaceState::Measured),
            _ => {}
        }
        let failures = reader.failures(listing.run.id)?;
        let mut ours = failures
            .iter()
            .filter(|failure| failure.case.as_ref().is_none_or(|case| case.scenario == self.scenario))
            .peekable();
        if ours.peek().is_none() {
            return Ok(PlaceState::Measured);
        }
        let unsupported = ours.all(|failure| failure.kind == FailureKind::Unsupported);
        Ok(if unsupported { PlaceState::Unsupported } else { PlaceState::Failed })
    }

    /// A full graph with its table and downloads; `part` is its number among [`History::pictures`].
    pub(crate) fn figure(
        &self,
        sentence: String,
        part: usize,
        lines: &[&Series],
        places: &[Place],
        marked: Option<usize>,
    ) -> Result<Figure, PageError> {
        let svg = self.svg(&sentence, lines, places, marked, false)?;
        let (query, name) = (self.query(), &self.scenario);
        let links = vec![
            Link::new("CSV", format!("/series.csv?{query}")),
            Link::new("JSON", format!("/api/v1/series?{query}")),
            Link::new("SVG", format!("/series.svg?{query}&part={part}")),
            Link::new("permalink", format!("/scenarios/{name}?{}&part={part}", self.page_query())),
        ];
        Ok(Figure { sentence, note: self.note(lines.len()), svg, table: self.table(lines), links })
    }

    /// The query that names the page of these data.
    fn page_query(&self) -> String {
        format!("metric={}&environment={}&last={}", self.metric, self.environment, self.span)
    }

    /// What a large graph leaves to the CSV.
    fn note(&self, lines: usize) -> String {
        let unmarked = HistoryGraph::marked_from(self.axis.len(), lines);
        let mut note = Vec::new();
        if unmarked > 0 {
            note.push(format!("Points before the newest {} revisions have no marks.", self.axis.len() - unmarked));
        }
        if self.axis.len() > TABLE_ROWS {
            note.push(format!("The table holds the newest {TABLE_ROWS} revisions, the CSV all."));
        }
        if !self.marks.shifts.is_empty() {
            note.push(environment_changes::told(&self.marks.shifts));
        }
        note.join(" ")
    }

    /// The newest values of the lines.
    pub(crate) fn table(&self, lines: &[&Series]) -> Table {
        let mut head = vec!["Revision".to_owned()];
        head.extend(lines.iter().map(|line| line_label(line, &self.series)));
        let shown = self.axis.iter().enumerate().rev().take(TABLE_ROWS);
        let rows = shown.map(|(place, listing)| {
            let cells =
                lines.iter().map(|line| self.at(line, place).map_or_else(|| "–".to_owned(), |point| self.cell(point)));
            std::iter::once(listing.run.revision.short().to_owned()).chain(cells).collect()
        });
        Table { head, rows: rows.collect() }
    }

    fn cell(&self, point: &Point) -> String {
        let value = format::estimate(self.metric, point.estimate, point.interval);
        let half_width = format::half_width(point.estimate, point.interval);
        format!("{value} {half_width} {}", Sign::grade(point.grade).glyph)
    }
}

/// A point as charts want it.
pub(crate) fn estimate(point: &Point) -> Estimate {
    Estimate { value: point.estimate, interval: point.interval.map(|interval| (interval.low, interval.high)) }
}

/// What a line is called: its label, and the versions where another line has the same label.
pub(crate) fn line_label(line: &Series, all: &[Series]) -> String {
    let label = &line.label.0;
    let same = all.iter().filter(|other| other.label == line.label).count() > 1;
    match same {
        false => label.clone(),
        true => format!("{label} v{}.{}", line.case.version, line.operation_version),
    }
}

/// Splits lines until each group fits a graph: first by settings that are words, then by the number with the fewest
/// values. What cannot be split stays together.
fn split(lines: Vec<&Series>, name: String) -> Vec<(String, Vec<&Series>)> {
    if lines.len() <= MOST_LINES {
        return vec![(name, lines)];
    }
    let Some(setting) = dividing_setting(&lines) else { return vec![(name, lines)] };
    let mut groups: BTreeMap<Option<&Value>, Vec<&Series>> = BTreeMap::new();
    for line in lines {
        groups.entry(setting_of(&line.case, &setting)).or_default().push(line);
    }
    let named = groups.into_iter().map(|(value, lines)| {
        let part = format!("{setting} {}", value.map_or_else(|| "default".to_owned(), spoken));
        (if name.is_empty() { part } else { format!("{name}, {part}") }, lines)
    });
    named.flat_map(|(name, lines)| split(lines, name)).collect()
}

/// The setting to split by: one that differs, words before numbers, fewest values first.
fn dividing_setting(lines: &[&Series]) -> Option<String> {
    let names: BTreeSet<&String> =
        lines.iter().flat_map(|line| line.case.parameters.keys().chain(line.case.configuration.keys())).collect();
    let candidates = names.into_iter().filter_map(|name| {
        let values: BTreeSet<Option<&Value>> = lines.iter().map(|line| setting_of(&line.case, name)).collect();
        let number = values.iter().any(|value| matches!(value, Some(Value::Count(_))));
        (values.len() > 1).then(|| (number, values.len(), name.clone()))
    });
    candidates.min().map(|(_, _, name)| name)
}

fn setting_of<'c>(case: &'c Case, name: &str) -> Option<&'c Value> {
    case.parameters.get(name).or_else(|| case.configuration.get(name))
}

/// A setting's value as people read it.
pub(crate) fn spoken(value: &Value) -> String {
    match value {
        Value::Count(count) => count.to_string(),
        Value::Text(text) => text.clone(),
        Value::Flag(true) => "on".to_owned(),
        Value::Flag(false) => "off".to_owned(),
    }
}
