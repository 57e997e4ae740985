//! The page of one case in one run: every sample, what the processes used meanwhile, every number with its checks.
//! The one page that may grow with the number of samples.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use askama::Template;
use axum::{
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::run::{self, FailureText};
use crate::{
    model::{Case, CheckStatus, Grade, Grain, Measurement, Metric, RevisionKind, RunId, Trial, Unavailable},
    report::format::{self, Sign},
    site::{
        http::{
            error::PageError,
            params,
            shared::{Shared, Site},
        },
        parts::{
            case_data::CaseData,
            figure::{Figure, Link},
            layout::{Layout, Place},
        },
    },
    units::Unit,
};

/// What may follow the question mark.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// Whose samples are drawn; wall time unless named.
    metric: Option<String>,
    /// Whose timelines are drawn, from 1; the first unless named.
    trial: Option<String>,
}

#[derive(Template)]
#[template(path = "case.html")]
struct CasePage {
    layout: Layout,
    run: RunId,
    revision: String,
    revision_href: String,
    scenario: String,
    label: String,
    key: String,
    sign: Sign,
    answer: String,
    checks: Vec<CheckLine>,
    metrics: Vec<Link>,
    strip: Option<Figure>,
    trial_links: Vec<Link>,
    timelines: Option<Figure>,
    numbers: Vec<Number>,
    trials: Vec<TrialLine>,
    missing: Vec<MissingLine>,
    failures: Vec<FailureText>,
    reproduce: String,
}

/// One check of the case's wall time.
struct CheckLine {
    sign: Sign,
    name: &'static str,
    meaning: &'static str,
    figure: String,
    limit: String,
    advice: String,
}

/// One metric of the case.
struct Number {
    name: String,
    metric: Metric,
    estimate: String,
    minimum: String,
    p99: String,
    between: String,
    within: String,
    sign: Sign,
    complaints: String,
}

/// One trial and what was going on around it.
struct TrialLine {
    number: u32,
    order: u32,
    date: String,
    took: String,
    samples: String,
    pressure: String,
    steal: String,
    others: String,
    sampler: String,
}

/// Metrics that could not be had for one reason.
pub(crate) struct MissingLine {
    pub(crate) reason: String,
    /// Their names, separated by commas.
    pub(crate) metrics: String,
}

/// What was missing anywhere, by reason.
pub(crate) fn missing_lines<'u>(unavailable: impl Iterator<Item = &'u Unavailable>) -> Vec<MissingLine> {
    let mut by_reason: BTreeMap<&str, BTreeSet<Metric>> = BTreeMap::new();
    for Unavailable { metric, reason } in unavailable {
        by_reason.entry(reason).or_default().insert(*metric);
    }
    let line = |(reason, metrics): (&str, BTreeSet<Metric>)| MissingLine {
        reason: reason.to_owned(),
        metrics: metrics.iter().map(Metric::to_string).collect::<Vec<_>>().join(", "),
    };
    by_reason.into_iter().map(line).collect()
}

/// Answers `/runs/{run}/cases/{case}`.
pub(crate) async fn page(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<(String, String)>, PathRejection>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, PageError> {
    let (run, case) = params::path(path)?;
    let run = params::run(&run)?;
    if let Some(number) = params::case_number(&case) {
        let id = shared.read(move |site| numbered(site, run, number)).await?;
        return Ok(Redirect::temporary(&format!("/runs/{run}/cases/{id}")).into_response());
    }
    let case = params::case(&case)?;
    let asked = params::query(query)?;
    let metric = params::optional(asked.metric.as_ref(), params::metric)?;
    let trial = params::optional(asked.trial.as_ref(), params::trial)?;
    let key = format!("/runs/{run}/cases/{case}?{metric:?}&{trial:?}");
    shared
        .page(key, move |site| render(site, run, &case, metric.unwrap_or(Metric::WALL_TIME), trial.unwrap_or(0)))
        .await
}

/// The n-th case of a run. Its place may change while the run grows, so the address with its id is the one to keep.
fn numbered(site: &Site, run: RunId, number: usize) -> Result<String, PageError> {
    let reader = site.history()?;
    run::listing(reader, run)?;
    let measurements = reader.measurements(run)?;
    let cases: BTreeSet<&Case> = measurements.iter().map(|measurement| &measurement.case).collect();
    let found = cases.iter().nth(number - 1).map(|case| params::case_id(case));
    found.ok_or_else(|| PageError::missing(format!("run {run} has {} cases", cases.len())))
}

fn render(site: &Site, run: RunId, id: &str, metric: Metric, trial: usize) -> Result<String, PageError> {
    let reader = site.history()?;
    let data = CaseData::read(reader, run, id)?;
    if trial > 0 && trial >= data.trials.len() {
        return Err(PageError::missing(format!("this case has {} trials", data.trials.len())));
    }
    let failures = reader.failures(run)?;
    let ours = failures.iter().filter(|failure| failure.case.as_ref() == Some(&data.case));
    let failures: Vec<FailureText> =
        ours.take(run::MOST_FAILURES).map(|failure| FailureText::of(run, failure)).collect();
    let wall = data.measurement(Metric::WALL_TIME);
    let revision = &data.listing.run.revision;
    let page = CasePage {
        layout: Layout::new(
            site,
            format!("{} {} at {}", data.case.scenario, data.label.0, revision.short()),
            Place::Elsewhere,
        )?,
        run,
        revision: revision.short().to_owned(),
        revision_href: format!("/commits/{}", revision.id),
        scenario: data.case.scenario.clone(),
        label: data.label.0.clone(),
        key: data.case.key(),
        sign: sign(wall, &failures),
        answer: answer(wall, &data.trials),
        checks: wall.map(check_lines).unwrap_or_default(),
        metrics: metric_links(&data, metric),
        strip: data.strip(metric)?,
        trial_links: trial_links(&data, trial),
        timelines: data.timelines(trial)?,
        numbers: data.measurements.iter().map(number).collect(),
        trials: data.trials.iter().map(trial_line).collect(),
        missing: missing_lines(data.trials.iter().flat_map(|trial| &trial.unavailable)),
        failures,
        reproduce: format!("{}\n{}", data.listing.run.reproduce, replay(&data)),
    };
    Ok(page.render()?)
}

/// The command that performs the case by hand, with the subject that was measured.
fn replay(data: &CaseData) -> String {
    let revision = &data.listing.run.revision;
    match revision.kind {
        RevisionKind::Commit => format!("{} --revision {}", data.case.replay(), revision.id),
        RevisionKind::Worktree => data.case.replay(),
    }
}

fn sign(wall: Option<&Measurement>, failures: &[FailureText]) -> Sign {
    match failures.first() {
        Some(failure) => failure.sign,
        None => wall.map_or(Sign::UNSUPPORTED, |measurement| Sign::grade(measurement.grade)),
    }
}

/// What the wall time says, in a sentence.
fn answer(wall: Option<&Measurement>, trials: &[Trial]) -> String {
    let Some(measurement) = wall else {
        return format!(
            "{} kept so far; the estimate comes when the case is over.",
            format::plural(trials.len() as u32, "trial")
        );
    };
    let summary = &measurement.summary;
    let level = summary.interval.map(|interval| format!(" at {:.1}%", interval.level * 100.0)).unwrap_or_default();
    let trust = match measurement.grade {
        Grade::Sound => "Every check passes.".to_owned(),
        Grade::Noisy => format!("Believe it with care: {}.", format::complaints(&measurement.checks)),
        Grade::Unusable => format!("Do not believe it: {}.", format::complaints(&measurement.checks)),
    };
    format!(
        "{}{level}: the median of {} with {} in all. {trust}",
        format::with_interval(Metric::WALL_TIME, summary),
        format::plural(summary.trials, "trial"),
        format::plural(summary.samples, "sample"),
    )
}

fn check_lines(measurement: &Measurement) -> Vec<CheckLine> {
    let line = |check: &crate::model::Check| CheckLine {
        sign: Sign::check(check.status),
        name: check.name.as_str(),
        meaning: format::check(check.name),
        figure: format::figure(check.name, check.figure),
        limit: format::figure(check.name, check.limit),
        advice: if check.status == CheckStatus::Pass { String::new() } else { check.advice.clone() },
    };
    measurement.checks.iter().map(line).collect()
}

/// The metrics that have samples.
fn metric_links(data: &CaseData, shown: Metric) -> Vec<Link> {
    let sampled = data.measurements.iter().map(|measurement| measurement.metric);
    let sampled = sampled.filter(|metric| metric.quantity.grain() == Grain::Sample);
    let link = |metric: Metric| Link {
        here: metric == shown,
        ..Link::new(format::metric(metric), format!("{}?metric={metric}#samples", data.href()))
    };
    sampled.map(link).collect()
}

fn trial_links(data: &CaseData, shown: usize) -> Vec<Link> {
    let link = |index: usize| Link {
        here: index == shown,
        ..Link::new(format!("{}", index + 1), format!("{}?trial={}#timelines", data.href(), index + 1))
    };
    (0..data.trials.len()).map(link).collect()
}

fn number(measurement: &Measurement) -> Number {
    let (summary, unit) = (&measurement.summary, measurement.metric.unit());
    let share = |spread: Option<f64>| spread.map_or_else(|| "–".to_owned(), |spread| Unit::Ratio.format(spread));
    Number {
        name: format::metric(measurement.metric),
        metric: measurement.metric,
        estimate: format::with_interval(measurement.metric, summary),
        minimum: unit.format(summary.minimum),
        p99: unit.format(summary.p99),
        between: share(summary.between),
        within: share(summary.within),
        sign: Sign::grade(measurement.grade),
        complaints: format::complaints(&measurement.checks),
    }
}

fn trial_line(trial: &Trial) -> TrialLine {
    let share = |ppm: u64| Unit::Ratio.format(ppm as f64 / 1e6);
    let told = |ppm: Option<u64>| ppm.map_or_else(|| "–".to_owned(), share);
    let counted = trial.starts_ns.len().saturating_sub(trial.warmup as usize);
    let each = if trial.iterations > 1 { format!(" of {} each", trial.iterations) } else { String::new() };
    TrialLine {
        number: trial.index.saturating_add(1),
        order: trial.order.saturating_add(1),
        date: format::date(trial.started_at),
        took: Unit::Nanoseconds.format(trial.duration_ns as f64),
        samples: format!("{} + {counted}{each}", trial.warmup),
        pressure: told(trial.conditions.pressure_ppm),
        steal: told(trial.conditions.steal_ppm),
        others: told(trial.conditions.others_ppm),
        sampler: share(trial.conditions.sampler_ppm),
    }
}
