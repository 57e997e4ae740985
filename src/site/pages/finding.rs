//! The page of one finding: where it is, which series change and by how much, what was said of it, and the graph of each
//! series around the place with its levels before and after.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State, rejection::PathRejection},
    response::Response,
};

use super::findings;
use crate::{
    charts::{HistoryNotes, Level},
    history::{Reader, RunListing, Series},
    model::{Finding, FindingEvent, FindingId, FindingState, Grade, Revision, SeriesChange},
    report::format::{self, Sign},
    site::{
        http::{
            error::PageError,
            params,
            shared::{Shared, Site},
        },
        parts::{
            figure::{Figure, Link},
            graph::{self, History},
            layout::{Layout, Place},
        },
    },
    stats::Sorted,
};

/// Graphs drawn; the other series are in the table, each with a link to its graph.
const MOST_GRAPHS: usize = 6;

/// Series listed.
const MOST_SERIES: usize = 100;

/// Revisions shown on each side of the place.
const AROUND: usize = 24;

#[derive(Template)]
#[template(path = "finding.html")]
struct FindingPage {
    layout: Layout,
    id: FindingId,
    sign: Sign,
    headline: String,
    at: Revision,
    after: Option<Revision>,
    exact: bool,
    environment: String,
    found: String,
    rows: Vec<Row>,
    more: usize,
    figures: Vec<Figure>,
    events: Vec<EventText>,
    open: bool,
    compare: Option<String>,
}

/// One series that changes.
struct Row {
    sign: Sign,
    scenario: String,
    label: String,
    metric: String,
    href: String,
    ratio: String,
    before: u32,
    after: u32,
    confirmed: bool,
    certainty: String,
}

/// One event.
struct EventText {
    sign: Sign,
    who: String,
    date: String,
    reason: String,
}

/// Answers `/finding/{id}`.
pub(crate) async fn page(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, PageError> {
    let id = params::finding(&params::path(path)?)?;
    shared.page(format!("/finding/{id}"), move |site| render(site, id)).await
}

fn render(site: &Site, id: FindingId) -> Result<String, PageError> {
    let reader = site.history()?;
    let finding = findings::read(reader, id)?;
    let parent = finding.at.parent.as_deref();
    let compare = parent.map(|parent| {
        let base = finding.after.as_ref().map_or(parent, |after| after.id.as_str());
        format!("benchline compare {} {}", base.get(..8).unwrap_or(base), finding.at.short())
    });
    let page = FindingPage {
        layout: Layout::new(site, format!("Finding {id}: {}", findings::place(&finding)), Place::Findings)?,
        id,
        sign: Sign::finding(finding.state),
        headline: headline(&finding),
        exact: finding.after.as_ref().is_none_or(|after| parent == Some(&after.id)),
        environment: finding.environment.clone(),
        found: format::date(finding.found_at),
        rows: finding.series.iter().take(MOST_SERIES).map(|change| Row::of(&finding, change)).collect(),
        more: finding.series.len().saturating_sub(MOST_SERIES),
        figures: figures(reader, &finding)?,
        events: finding.events.iter().rev().map(EventText::of).collect(),
        open: matches!(finding.state, FindingState::New | FindingState::Confirmed),
        compare,
        at: finding.at,
        after: finding.after,
    };
    Ok(page.render()?)
}

fn headline(finding: &Finding) -> String {
    let series = u32::try_from(finding.series.len()).unwrap_or(u32::MAX);
    match series {
        0 => format!("A change {} that is no longer seen", findings::place(finding)),
        1 => format!("1 series changes {}", findings::place(finding)),
        many => format!("{many} series change {}", findings::place(finding)),
    }
}

impl Row {
    fn of(finding: &Finding, change: &SeriesChange) -> Row {
        Row {
            sign: findings::direction(change),
            scenario: change.case.scenario.clone(),
            label: change.label.0.clone(),
            metric: format::metric(change.metric),
            href: history_href(finding, change),
            ratio: findings::ratio(change),
            before: change.points_before,
            after: change.points_after,
            confirmed: change.confirmed,
            certainty: if change.penalty > 0.0 {
                format!("{:.1} ×", change.gain / change.penalty)
            } else {
                String::new()
            },
        }
    }
}

impl EventText {
    fn of(event: &FindingEvent) -> EventText {
        EventText {
            sign: Sign::finding(event.state),
            who: event.person.clone().unwrap_or_else(|| "Benchline".to_owned()),
            date: format::date(event.at),
            reason: event.text(),
        }
    }
}

/// The graphs of the whole series, with the place marked.
fn history_href(finding: &Finding, change: &SeriesChange) -> String {
    let (scenario, metric) = (&change.case.scenario, change.metric);
    format!("/scenarios/{scenario}?metric={metric}&environment={}&at={}", finding.environment, finding.at.id)
}

fn figures(reader: &Reader, finding: &Finding) -> Result<Vec<Figure>, PageError> {
    let axis = reader.axis(&finding.environment)?;
    // A person may have moved the finding to a commit that was never measured: the first one that contains it is next.
    let Some(place) = axis.iter().position(|listing| listing.run.revision.position >= finding.at.position) else {
        return Ok(Vec::new());
    };
    let mut figures = Vec::new();
    for change in finding.series.iter().take(MOST_GRAPHS) {
        let lines = reader.series(&change.case.scenario, change.metric, &finding.environment)?;
        let Some(line) = lines.into_iter().find(|line| line.id == change.series) else { continue };
        figures.push(figure(reader, finding, change, &axis, place, line)?);
    }
    Ok(figures)
}

fn figure(
    reader: &Reader,
    finding: &Finding,
    change: &SeriesChange,
    axis: &[RunListing],
    place: usize,
    line: Series,
) -> Result<Figure, PageError> {
    let (from, to) = (place.saturating_sub(AROUND), (place + AROUND).min(axis.len()));
    let levels = levels(change, axis, place, &line);
    let shown = levels.into_iter().filter(|level| level.to >= from && level.from < to);
    let levels = shown
        .map(|level| Level { from: level.from.max(from) - from, to: level.to.min(to - 1) - from, ..level })
        .collect();
    let notes = HistoryNotes { levels, ..HistoryNotes::default() };
    let scenario = &change.case.scenario;
    let window = axis.get(from..to).unwrap_or_default().to_vec();
    let history = History::on(window, vec![line], scenario, change.metric, &finding.environment, to - from);
    let places = history.chart_places(reader)?;
    let lines: Vec<&Series> = history.series.iter().collect();
    let sentence =
        format!("{}, {scenario} {}: {}", format::metric(change.metric), change.label.0, findings::ratio(change));
    let svg = history.svg_with(&sentence, &lines, &places, Some(place - from), &notes)?;
    let note =
        "The dashed vertical is the first revision that shows the change; the grey lines are the levels before and \
                after, medians of their segments."
            .to_owned();
    let query = format!("scenario={scenario}&metric={}&environment={}", change.metric, finding.environment);
    let links = vec![
        Link::new("CSV", format!("/series.csv?{query}")),
        Link::new("JSON", format!("/api/v1/series?{query}")),
        Link::new("whole history", history_href(finding, change)),
    ];
    Ok(Figure { sentence, note, svg, table: history.table(&lines), links })
}

/// The medians of the segments before and after, as the finding counts their points; places count on the whole axis.
fn levels(change: &SeriesChange, axis: &[RunListing], place: usize, line: &Series) -> Vec<Level> {
    let place_of = |run| axis.iter().position(|listing| listing.run.id == run);
    let usable = line.points.iter().filter(|point| point.grade != Grade::Unusable);
    let points: Vec<(usize, f64)> =
        usable.filter_map(|point| Some((place_of(point.run)?, graph::estimate(point).value))).collect();
    let split = points.partition_point(|(at, _)| *at < place);
    let (before, after) = points.split_at(split);
    let before = before.get(before.len().saturating_sub(change.points_before as usize)..).unwrap_or_default();
    let after = after.get(..after.len().min(change.points_after as usize)).unwrap_or_default();
    [before, after].into_iter().filter_map(level).collect()
}

fn level(points: &[(usize, f64)]) -> Option<Level> {
    let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
    let value = Sorted::new(&values).ok()?.median();
    Some(Level { from: points.first()?.0, to: points.last()?.0, value })
}
