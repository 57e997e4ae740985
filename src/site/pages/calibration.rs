//! What the platform measured of itself on one machine: how often it would have blamed a clean commit, and what it
//! catches. The counts are the calibration's; what may be claimed from them is the judge's to say.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    response::Response,
};
use serde::Deserialize;

use super::comparison;
use crate::{
    judge::shares::{Share, share, touches},
    model::{Calibration, Environment, Interval, Metric, Rate, RatedSeries, RunState, Unit, VariantKind},
    report::format,
    site::{
        http::{
            error::PageError,
            params,
            shared::{Shared, Site},
        },
        parts::{
            figure::Link,
            layout::{Layout, Place},
        },
    },
};

/// Series listed; all of them are in the API.
const MOST_SERIES: usize = 120;

/// Calibrations linked.
const MOST_OTHERS: usize = 20;

/// What may follow the question mark.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// Which machine; every one unless named.
    environment: Option<String>,
    /// Which calibration; the newest with rates unless named.
    id: Option<String>,
}

#[derive(Template)]
#[template(path = "calibration.html")]
struct CalibrationPage {
    layout: Layout,
    headline: String,
    shown: Option<Shown>,
    others: Vec<Link>,
}

/// One calibration.
struct Shown {
    id: i64,
    claims: Vec<(String, String)>,
    facts: Vec<(&'static str, String)>,
    environment: String,
    environment_id: String,
    quiet: Vec<RateRow>,
    power: Vec<RateRow>,
    variants: Vec<String>,
    series: Vec<SeriesRow>,
    more_series: usize,
    limits: Vec<String>,
}

/// How often the procedure spoke, over many windows.
struct RateRow {
    name: String,
    pairs: u32,
    flagged: u32,
    rate: String,
    interval: String,
    independent: u32,
    cautious: String,
    /// The share in hundredths, for a bar.
    hundredths: u32,
}

/// One series against every variant.
struct SeriesRow {
    scenario: String,
    label: String,
    metric: String,
    href: String,
    spread: String,
    resolution: String,
    cells: Vec<String>,
}

/// Answers `/calibration`.
pub(crate) async fn page(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, PageError> {
    let asked = params::query(query)?;
    let environment = params::optional(asked.environment.as_ref(), params::environment)?;
    let id = params::optional(asked.id.as_ref(), params::calibration)?;
    let key = format!("/calibration?{environment:?}&{id:?}");
    shared.page(key, move |site| render(site, environment.as_deref(), id)).await
}

fn render(site: &Site, environment: Option<&str>, id: Option<i64>) -> Result<String, PageError> {
    let all = match site.reader() {
        Some(reader) => reader.calibrations(environment)?,
        None => Vec::new(),
    };
    let chosen = match id {
        Some(id) => {
            let missing = || PageError::missing(format!("there is no calibration {id}; /calibration shows the newest"));
            Some(all.iter().find(|calibration| calibration.id == id).ok_or_else(missing)?)
        }
        None => all.iter().find(|calibration| !calibration.rates.is_empty()).or(all.first()),
    };
    let shown = chosen.map(|calibration| Shown::of(site, calibration)).transpose()?;
    let page = CalibrationPage {
        layout: Layout::new(site, "Calibration", Place::Calibration)?,
        headline: chosen.map_or_else(|| "How often is a verdict wrong? Not measured yet".to_owned(), headline),
        others: others(&all, chosen),
        shown,
    };
    Ok(page.render()?)
}

/// The answer to "how often does it cry wolf?".
fn headline(calibration: &Calibration) -> String {
    match same(calibration) {
        Some(found) => format!(
            "{} in {} replayed: at most {} per 100",
            format::plural(found.flagged, "false verdict"),
            format::plural(found.pairs, "clean commit"),
            format::hundreds(found.interval.high)
        ),
        None => "A calibration that has not been replayed yet".to_owned(),
    }
}

/// Whole commits that changed nothing at all.
fn same(calibration: &Calibration) -> Option<Share> {
    share(calibration.rates.iter().filter(|rate| rate.series.is_none() && rate.variant == VariantKind::Same))
}

fn others(all: &[Calibration], chosen: Option<&Calibration>) -> Vec<Link> {
    let others = all.iter().filter(|other| chosen.is_none_or(|chosen| chosen.id != other.id));
    let link = |other: &Calibration| {
        let text =
            format!("{} on {}, {}", format::date(other.started_at), other.environment, format::state(other.state));
        Link::new(text, format!("/calibration?id={}", other.id))
    };
    others.take(MOST_OTHERS).map(link).collect()
}

impl Shown {
    fn of(site: &Site, calibration: &Calibration) -> Result<Shown, PageError> {
        let environments = site.history()?.environments()?;
        let machine = environments.iter().find(|environment| environment.id == calibration.environment);
        let variants = injections(calibration);
        let series = series(calibration);
        Ok(Shown {
            id: calibration.id,
            claims: claims(calibration),
            facts: facts(calibration),
            environment: machine.map_or_else(|| calibration.environment.clone(), Environment::title),
            environment_id: calibration.environment.clone(),
            quiet: quiet(calibration),
            power: power(calibration, &variants),
            more_series: series.len().saturating_sub(MOST_SERIES),
            series: series
                .iter()
                .take(MOST_SERIES)
                .map(|series| SeriesRow::of(calibration, series, &variants))
                .collect(),
            variants: variants.iter().map(|variant| format::variant(*variant)).collect(),
            limits: limits(calibration),
        })
    }
}

fn facts(calibration: &Calibration) -> Vec<(&'static str, String)> {
    let design = &calibration.design;
    let took = calibration.finished_at.map(|end| end.0.saturating_sub(calibration.started_at.0).max(0) as f64 * 1e6);
    let took = took.map(|ns| format!(" in {}", Unit::Nanoseconds.format(ns))).unwrap_or_default();
    let sha256 = &calibration.build.sha256;
    vec![
        ("Measured", format!("{}{took}", format::date(calibration.started_at))),
        ("State", format::state(calibration.state).to_owned()),
        ("Recorded", format!("{} of each case", format::plural(calibration.blocks, "block"))),
        ("Replayed", comparison::sizes(design)),
        (
            "Budget",
            format!("{} over {}", format::share(design.budget), format::plural(design.gate_series, "gate series")),
        ),
        ("Program", format!("sha256 {}…, {}", sha256.get(..12).unwrap_or(sha256), calibration.build.toolchain)),
    ]
}

/// Blocks in a window.
fn window(calibration: &Calibration) -> u32 {
    calibration.design.first_blocks.saturating_add(calibration.design.second_blocks)
}

/// What may be claimed of the variants that change nothing.
fn claims(calibration: &Calibration) -> Vec<(String, String)> {
    let neutral = share(whole(calibration, |variant| matches!(variant, VariantKind::Neutral(_))));
    let found = [("The same program", same(calibration)), ("Linked in another order", neutral)];
    let claim =
        |(name, found): (&str, Option<Share>)| Some((name.to_owned(), format::claim(&found?, window(calibration))));
    found.into_iter().filter_map(claim).collect()
}

/// Rates of whole commits.
fn whole(calibration: &Calibration, wanted: fn(VariantKind) -> bool) -> impl Iterator<Item = &Rate> {
    calibration.rates.iter().filter(move |rate| rate.series.is_none() && wanted(rate.variant))
}

/// Commits that change nothing: the same program, and each other order of linking.
fn quiet(calibration: &Calibration) -> Vec<RateRow> {
    let commits = whole(calibration, |variant| matches!(variant, VariantKind::Same | VariantKind::Neutral(_)));
    commits.filter_map(|rate| RateRow::of(format::variant(rate.variant), &share([rate])?)).collect()
}

/// Each injection on each metric that it touches, all cases together.
fn power(calibration: &Calibration, variants: &[VariantKind]) -> Vec<RateRow> {
    let mut rows = Vec::new();
    for variant in variants {
        let touched = |rate: &&Rate| {
            rate.variant == *variant && rate.series.as_ref().is_some_and(|s| touches(*variant, s.metric))
        };
        let rates: Vec<&Rate> = calibration.rates.iter().filter(touched).collect();
        let metrics = distinct(rates.iter().filter_map(|rate| rate.series.as_ref().map(|series| series.metric)));
        for metric in metrics {
            let of_metric = |rate: &&Rate| rate.series.as_ref().is_some_and(|series| series.metric == metric);
            let found = share(rates.iter().copied().filter(of_metric));
            let name = format!("{}, {}", format::variant(*variant), format::metric(metric));
            rows.extend(found.and_then(|found| RateRow::of(name, &found)));
        }
    }
    rows
}

/// What limits the figures, said plainly.
fn limits(calibration: &Calibration) -> Vec<String> {
    let mut limits = vec![
        format!(
            "Each figure is of this machine and this program. Every window of {} contiguous blocks is replayed; \
             neighbouring windows share nearly all of theirs, so the intervals are narrower than the evidence can bear. \
             The cautious ones count only windows that share no block.",
            window(calibration)
        ),
        "Comparing a program with itself cannot show the bias of code layout; the same source linked in another order can, \
         and its rate is the honest one."
            .to_owned(),
    ];
    if !calibration.rates.iter().any(|rate| matches!(rate.variant, VariantKind::Neutral(_))) {
        limits.push("This one has no other orders of linking: `benchline calibrate --neutral` adds them.".to_owned());
    }
    if calibration.state != RunState::Finished {
        limits.push("It is not finished; the same command goes on with it.".to_owned());
    }
    limits
}

/// The variants that are expected to show.
fn injections(calibration: &Calibration) -> Vec<VariantKind> {
    let mut variants = distinct(calibration.rates.iter().map(|rate| rate.variant));
    variants.retain(|variant| matches!(variant, VariantKind::Slowdown(_) | VariantKind::Memory(_)));
    variants.sort_unstable();
    variants
}

fn series(calibration: &Calibration) -> Vec<&RatedSeries> {
    distinct(calibration.rates.iter().filter_map(|rate| rate.series.as_ref()))
}

/// The first of each, in their order.
fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.fold(Vec::new(), |mut seen, value| {
        if !seen.contains(&value) {
            seen.push(value);
        }
        seen
    })
}

fn ends(interval: Interval) -> String {
    format!("{} … {}", format::hundreds(interval.low), format::hundreds(interval.high))
}

impl RateRow {
    /// `None` where nothing was replayed.
    fn of(name: String, found: &Share) -> Option<RateRow> {
        (found.pairs > 0).then(|| RateRow {
            name,
            pairs: found.pairs,
            flagged: found.flagged,
            rate: format::hundreds(found.share),
            interval: ends(found.interval),
            independent: found.independent,
            cautious: ends(found.cautious),
            hundredths: (found.share * 100.0).round() as u32,
        })
    }
}

impl SeriesRow {
    fn of(calibration: &Calibration, series: &RatedSeries, variants: &[VariantKind]) -> SeriesRow {
        let rate = |variant: VariantKind| {
            calibration.rates.iter().find(|r| r.variant == variant && r.series.as_ref() == Some(series))
        };
        let same = rate(VariantKind::Same);
        let figure = |figure: Option<f64>| figure.map_or_else(|| "–".to_owned(), format::share);
        let cell = |variant: &VariantKind| match rate(*variant) {
            // An injection elsewhere says nothing about this series.
            Some(rate) if touches(*variant, series.metric) => figure(share([rate]).map(|found| found.share)),
            _ => String::new(),
        };
        SeriesRow {
            scenario: series.case.scenario.clone(),
            label: series.label.0.clone(),
            metric: format::metric(series.metric),
            href: history_href(calibration, series.case.scenario.as_str(), series.metric),
            spread: figure(same.and_then(|rate| rate.spread)),
            resolution: figure(same.and_then(|rate| rate.resolution)),
            cells: variants.iter().map(cell).collect(),
        }
    }
}

fn history_href(calibration: &Calibration, scenario: &str, metric: Metric) -> String {
    format!("/scenarios/{scenario}?metric={metric}&environment={}", calibration.environment)
}
