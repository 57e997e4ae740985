//! The cases of a scenario beside each other at one revision, and the memory that goes with them. It must never compare
//! revisions: that is what the graphs over revisions are for.

use super::{
    figure::{Figure, Link, Table},
    graph::{self, History},
};
use crate::{
    charts::{CaseRow, Cases},
    history::Reader,
    model::{Metric, Quantity, Role},
    report::format,
    site::http::{error::PageError, params},
};

/// Fewer cases than this need no picture of their own.
const FEWEST_CASES: usize = 3;

/// The metric of a history at a place of its axis and, beside it, the memory of whoever serves or else works.
pub(crate) fn figures(
    reader: &Reader,
    shown: &History,
    metrics: &[Metric],
    place: usize,
) -> Result<Vec<Figure>, PageError> {
    let mut figures: Vec<Figure> = figure(shown, place)?.into_iter().collect();
    let memory = [Role::Server, Role::Client].map(|role| Metric::of(role, Quantity::RssPeak));
    let memory = memory.into_iter().find(|metric| metrics.contains(metric) && *metric != shown.metric);
    if let (Some(metric), false) = (memory, figures.is_empty()) {
        let series = reader.series(&shown.scenario, metric, &shown.environment)?;
        let memory = History::on(shown.axis.clone(), series, &shown.scenario, metric, &shown.environment, shown.span);
        figures.extend(figure(&memory, place)?);
    }
    Ok(figures)
}

fn figure(history: &History, place: usize) -> Result<Option<Figure>, PageError> {
    let rows = rows(history, place);
    if rows.len() < FEWEST_CASES {
        return Ok(None);
    }
    let revision = history.axis.get(place).map(|listing| listing.run.revision.short()).unwrap_or_default();
    let (metric, unit) = (format::metric(history.metric), history.metric.unit());
    let sentence = format!("{} of each case at {revision}", metric.trim_end_matches(','));
    let svg = Cases { title: &sentence, unit, rows: &rows }.svg()?;
    let cells = rows.iter().map(|row| {
        let value = match row.estimate.interval {
            Some((low, high)) => unit.format_with_interval(row.estimate.value, low, high),
            None => unit.format(row.estimate.value),
        };
        vec![row.label.clone(), value, row.grade.as_str().to_owned()]
    });
    let table = Table { head: ["Case", "Value", "Grade"].map(str::to_owned).into(), rows: cells.collect() };
    let query = history.query();
    let links =
        vec![Link::new("CSV", format!("/series.csv?{query}")), Link::new("JSON", format!("/api/v1/series?{query}"))];
    let note =
        "A line through a mark is its interval. Where values differ by much, the axis is logarithmic.".to_owned();
    Ok(Some(Figure { sentence, note, svg, table, links }))
}

/// Sorted by name, so that cases that differ in one parameter stand together.
fn rows(history: &History, place: usize) -> Vec<CaseRow> {
    let row = |line| {
        let point = history.at(line, place)?;
        Some(CaseRow {
            label: graph::line_label(line, &history.series),
            estimate: graph::estimate(point),
            grade: point.grade,
            href: format!("/runs/{}/cases/{}", point.run, params::case_id(&line.case)),
        })
    };
    let mut rows: Vec<CaseRow> = history.series.iter().filter_map(row).collect();
    rows.sort_by(|a, b| a.label.cmp(&b.label));
    rows
}
