//! The page of one case in one run: every sample, the resource use of the processes, every metric with its checks.
//! The one page that may grow with the number of samples.

use std::{collections::BTreeSet, sync::Arc};

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use crate::{
    model::{Case, CheckStatus, Grade, Grain, Measurement, Metric, RevisionKind, RunId, Trial},
    report::format::{self, Sign},
    site::{
        http::{
            address::{Address, Params},
            choices::TrialIndex,
            error::PageError,
            names::{CaseAddress, CaseId, RunNumber},
            param::Optional,
            shared::{Shared, Site},
        },
        parts::{
            case_data::CaseData,
            failures::{FailureText, MOST_FAILURES},
            figure::{Figure, Link},
            layout::{Layout, Section},
            missing_metrics::{MissingMetrics, group_by_reason},
            run_facts::find_run,
        },
    },
    units::Unit,
};

/// The query of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CaseParams {
    /// Whose samples are drawn; wall time unless named.
    metric: Optional<Metric>,
    /// Whose timelines are drawn, from 1; the first unless named.
    trial: Optional<TrialIndex>,
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
    numbers: Vec<MetricRow>,
    trials: Vec<TrialLine>,
    missing: Vec<MissingMetrics>,
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
struct MetricRow {
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

/// Answers `/runs/{run}/cases/{case}`.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    Address((RunNumber(run), case)): Address<(RunNumber, CaseAddress)>,
    Params(params): Params<CaseParams>,
) -> Result<Response, PageError> {
    let case = match case {
        CaseAddress::Id(case) => case,
        CaseAddress::Position(position) => {
            let id = shared.read(move |site| find_case_at(site, run, position)).await?;
            return Ok(Redirect::temporary(&format!("/runs/{run}/cases/{id}")).into_response());
        }
    };
    let metric = params.metric.0.unwrap_or(Metric::WALL_TIME);
    let trial = params.trial.0.map_or(0, |TrialIndex(index)| index);
    let key = format!("/runs/{run}/cases/{case}?{metric}&{trial}");
    shared.page(key, move |site| render(site, run, &case, metric, trial)).await
}

/// The n-th case of a run. Its place may change while the run grows, so the address with its id is the one to keep.
fn find_case_at(site: &Site, run: RunId, position: usize) -> Result<CaseId, PageError> {
    let reader = site.history()?;
    find_run(reader, run)?;
    let measurements = reader.measurements(run)?;
    let cases: BTreeSet<&Case> = measurements.iter().map(|measurement| &measurement.case).collect();
    let found = cases.iter().nth(position.saturating_sub(1)).map(|case| CaseId::of(case));
    found.ok_or_else(|| PageError::missing(format!("run {run} has {}", format::plural(cases.len() as u32, "case"))))
}

fn render(site: &Site, run: RunId, id: &CaseId, metric: Metric, trial: usize) -> Result<String, PageError> {
    let reader = site.history()?;
    let data = CaseData::read(reader, run, id)?;
    if trial > 0 && trial >= data.trials.len() {
        return Err(PageError::missing(format!("this case has {}", format::plural(data.trials.len() as u32, "trial"))));
    }
    let failures = reader.failures(run)?;
    let ours = failures.iter().filter(|failure| failure.case.as_ref() == Some(&data.case));
    let failures: Vec<FailureText> = ours.take(MOST_FAILURES).map(|failure| FailureText::of(run, failure)).collect();
    let wall = data.measurement(Metric::WALL_TIME);
    let revision = &data.listing.run.revision;
    let page = CasePage {
        layout: Layout::new(
            site,
            format!("{} {} at {}", data.case.scenario, data.label.0, revision.short()),
            Section::Unlisted,
        )?,
        run,
        revision: revision.short().to_owned(),
        revision_href: format!("/commits/{}", revision.id),
        scenario: data.case.scenario.clone(),
        label: data.label.0.clone(),
        key: data.case.key(),
        sign: choose_sign(wall, &failures),
        answer: summarize(wall, &data.trials),
        checks: wall.map(to_check_lines).unwrap_or_default(),
        metrics: link_metrics(&data, metric),
        strip: data.strip(metric)?,
        trial_links: link_trials(&data, trial),
        timelines: data.timelines(trial)?,
        numbers: data.measurements.iter().map(to_metric_row).collect(),
        trials: data.trials.iter().map(to_trial_line).collect(),
        missing: group_by_reason(data.trials.iter().flat_map(|trial| &trial.unavailable)),
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

fn choose_sign(wall: Option<&Measurement>, failures: &[FailureText]) -> Sign {
    match failures.first() {
        Some(failure) => failure.sign,
        None => wall.map_or(Sign::UNSUPPORTED, |measurement| Sign::grade(measurement.grade)),
    }
}

/// What the wall time says, in a sentence.
fn summarize(wall: Option<&Measurement>, trials: &[Trial]) -> String {
    let Some(measurement) = wall else {
        return format!(
            "{} recorded so far; the estimate appears when the case is finished.",
            format::plural(trials.len() as u32, "trial")
        );
    };
    let summary = &measurement.summary;
    let level = summary.interval.map(|interval| format!(" at {:.1}%", interval.level * 100.0)).unwrap_or_default();
    let trust = match measurement.grade {
        Grade::Sound => "Every check passes.".to_owned(),
        Grade::Noisy => format!("Check before you rely on it: {}.", format::complaints(&measurement.checks)),
        Grade::Unusable => format!("Unreliable: {}.", format::complaints(&measurement.checks)),
    };
    format!(
        "{}{level}: the median of {} with {} in all. {trust}",
        format::with_interval(Metric::WALL_TIME, summary),
        format::plural(summary.trials, "trial"),
        format::plural(summary.samples, "sample"),
    )
}

fn to_check_lines(measurement: &Measurement) -> Vec<CheckLine> {
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
fn link_metrics(data: &CaseData, shown: Metric) -> Vec<Link> {
    let sampled = data.measurements.iter().map(|measurement| measurement.metric);
    let sampled = sampled.filter(|metric| metric.quantity.grain() == Grain::Sample);
    let link = |metric: Metric| Link {
        here: metric == shown,
        ..Link::new(format::metric(metric), format!("{}?metric={metric}#samples", data.href()))
    };
    sampled.map(link).collect()
}

fn link_trials(data: &CaseData, shown: usize) -> Vec<Link> {
    let link = |index: usize| Link {
        here: index == shown,
        ..Link::new(format!("{}", index + 1), format!("{}?trial={}#timelines", data.href(), index + 1))
    };
    (0..data.trials.len()).map(link).collect()
}

fn to_metric_row(measurement: &Measurement) -> MetricRow {
    let (summary, unit) = (&measurement.summary, measurement.metric.unit());
    let share = |spread: Option<f64>| spread.map_or_else(|| "–".to_owned(), |spread| Unit::Ratio.format(spread));
    MetricRow {
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

fn to_trial_line(trial: &Trial) -> TrialLine {
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
