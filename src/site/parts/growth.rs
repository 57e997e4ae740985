//! Cost against size: which parameter of a scenario is its size, and how its cost grows with it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    figure::{Figure, Link, Table},
    graph::{self, History},
};
use crate::{
    charts::{Growth, GrowthLine, GrowthPoint, exponent},
    history::Series,
    model::{Case, Value},
    report::format,
    site::http::{error::PageError, params},
    units,
};

/// Earlier revisions shown in grey.
const EARLIER: usize = 5;

/// Fewer sizes than this say nothing about growth.
const FEWEST_SIZES: usize = 3;

/// The figure at a place of the axis, if the scenario has a size.
pub(crate) fn figure(history: &History, place: usize) -> Result<Option<Figure>, PageError> {
    let Some((size, lines)) = lines(history, place) else { return Ok(None) };
    let revision = history.axis.get(place).map(|listing| listing.run.revision.short()).unwrap_or_default();
    let metric = format::metric(history.metric);
    let sentence = format!("How {} grows with {size} at {revision}", lowercase(&metric));
    let unit = history.metric.unit();
    let svg = Growth { title: &sentence, unit, size_unit: size_unit(&size), lines: &lines }.svg()?;
    let exponents: Vec<String> = lines.iter().filter_map(exponent_of).collect();
    let note = if exponents.is_empty() {
        "Both axes are logarithmic; grey lines are earlier revisions.".to_owned()
    } else {
        let exponents = exponents.join(", ");
        format!(
            "Fitted: cost grows as {size} to the power of {exponents}. Both axes are logarithmic; grey lines are earlier revisions."
        )
    };
    let query = history.query();
    let links = vec![
        Link::new("CSV", format!("/series.csv?{query}")),
        Link::new("JSON", format!("/api/v1/series?{query}")),
        Link::new("SVG", format!("/growth.svg?{query}&at={revision}")),
        Link::new(
            "permalink",
            format!(
                "/scenarios/{}?metric={}&environment={}&at={revision}",
                history.scenario, history.metric, history.environment
            ),
        ),
    ];
    Ok(Some(Figure { sentence, note, svg, table: table(history, &size, &lines), links }))
}

fn lowercase(text: &str) -> String {
    let upper = text.chars().nth(1).is_some_and(char::is_uppercase);
    if upper {
        text.to_owned()
    } else {
        text.chars().next().map_or_else(String::new, |first| first.to_lowercase().chain(text.chars().skip(1)).collect())
    }
}

fn size_unit(name: &str) -> units::Unit {
    if is_bytes(name) { units::Unit::Bytes } else { units::Unit::Count }
}

fn is_bytes(name: &str) -> bool {
    name == "size" || name == "bytes" || name.ends_with("_size") || name.ends_with("_bytes")
}

fn exponent_of(line: &GrowthLine) -> Option<String> {
    let points: Vec<(f64, f64)> = line.points.iter().map(|point| (point.size, point.estimate.value)).collect();
    let exponent = exponent(&points)?;
    let exponent = format!("{exponent:.2}").replace('-', "−");
    Some(if line.label.is_empty() { exponent } else { format!("{exponent} ({})", line.label) })
}

/// The name of the size, and a line for each setting besides.
fn lines(history: &History, place: usize) -> Option<(String, Vec<GrowthLine>)> {
    let size = size_parameter(&history.series)?;
    let groups = grouped(&history.series, &size);
    let lines: Vec<GrowthLine> = groups
        .into_iter()
        .map(|(label, group)| GrowthLine {
            label,
            points: points(history, &group, &size, place),
            earlier: (place.saturating_sub(EARLIER)..place)
                .map(|place| {
                    let points = points(history, &group, &size, place);
                    points.into_iter().map(|point| (point.size, point.estimate.value)).collect::<Vec<_>>()
                })
                .filter(|points| points.len() > 1)
                .collect(),
        })
        .filter(|line| !line.points.is_empty())
        .collect();
    let telling = lines.iter().any(|line| line.points.len() >= FEWEST_SIZES);
    telling.then_some((size, lines))
}

/// The number that is the size: one that counts bytes, else the one with most values.
fn size_parameter(series: &[Series]) -> Option<String> {
    let mut values: BTreeMap<&String, BTreeSet<u64>> = BTreeMap::new();
    for line in series {
        for (name, value) in &line.case.parameters {
            if let Value::Count(count) = value {
                values.entry(name).or_default().insert(*count);
            }
        }
    }
    let varying = values.into_iter().filter(|(_, values)| values.len() >= FEWEST_SIZES);
    varying.max_by_key(|(name, values)| (is_bytes(name), values.len())).map(|(name, _)| name.clone())
}

fn size_of(case: &Case, size: &str) -> Option<u64> {
    match case.parameters.get(size) {
        Some(Value::Count(count)) => Some(*count),
        _ => None,
    }
}

/// Lines by everything but size. Numbers that change together with the size (fewer documents of more bytes) do not
/// split a line; numbers that vary beside it do.
fn grouped<'s>(series: &'s [Series], size: &str) -> Vec<(String, Vec<&'s Series>)> {
    let by = |numbers: bool| {
        let mut groups: BTreeMap<String, Vec<&Series>> = BTreeMap::new();
        for line in series.iter().filter(|line| size_of(&line.case, size).is_some()) {
            groups.entry(other_settings(line, size, numbers)).or_default().push(line);
        }
        groups
    };
    let groups = by(false);
    let twice = groups.values().any(|group| {
        let sizes: BTreeSet<Option<u64>> = group.iter().map(|line| size_of(&line.case, size)).collect();
        sizes.len() < group.len()
    });
    (if twice { by(true) } else { groups }).into_iter().collect()
}

fn other_settings(line: &Series, size: &str, numbers: bool) -> String {
    let settings = line.case.parameters.iter().chain(&line.case.configuration);
    let others = settings.filter(|(name, value)| *name != size && (numbers || !matches!(value, Value::Count(_))));
    let spoken: Vec<String> = others
        .map(|(name, value)| match value {
            Value::Text(text) => text.clone(),
            value => format!("{name} {}", graph::spoken(value)),
        })
        .collect();
    spoken.join(", ")
}

fn points(history: &History, group: &[&Series], size: &str, place: usize) -> Vec<GrowthPoint> {
    let mut points: Vec<GrowthPoint> = group
        .iter()
        .filter_map(|line| {
            let point = history.at(line, place)?;
            Some(GrowthPoint {
                size: size_of(&line.case, size)? as f64,
                estimate: graph::estimate(point),
                grade: point.grade,
                href: format!("/runs/{}/cases/{}", point.run, params::case_id(&line.case)),
            })
        })
        .collect();
    points.sort_by(|a, b| a.size.total_cmp(&b.size));
    points
}

fn table(history: &History, size: &str, lines: &[GrowthLine]) -> Table {
    let head = vec!["Line".to_owned(), size.to_owned(), format::metric(history.metric)];
    let rows = lines.iter().flat_map(|line| {
        line.points.iter().map(|point| {
            let value = match point.estimate.interval {
                Some((low, high)) => history.metric.unit().format_with_interval(point.estimate.value, low, high),
                None => history.metric.unit().format(point.estimate.value),
            };
            vec![line.label.clone(), size_unit(size).format(point.size), value]
        })
    });
    Table { head, rows: rows.collect() }
}
