//! The page of a run: the machine, the checks behind the numbers, what failed and what it said.

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{extract::State, response::Response};
use serde::Deserialize;

use crate::{
    model::{Check, CheckName, CheckStatus, Environment, Measurement, RunId},
    report::format::{self, Sign},
    site::{
        http::{
            address::{Address, Params},
            error::PageError,
            names::{CaseId, RunNumber, ScenarioName},
            param::Optional,
            shared::{Shared, Site},
        },
        parts::{
            case_table::CaseTable,
            failures::{FailureText, MOST_FAILURES},
            layout::{Layout, Section},
            missing_metrics::{MissingMetrics, group_by_reason},
            progress::{self, LiveProgress},
            run_facts::{RunFacts, find_run},
        },
    },
};

/// The query of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RunParams {
    /// Which scenario's cases; all unless named.
    scenario: Optional<ScenarioName>,
}

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    layout: Layout,
    id: RunId,
    title: String,
    facts: RunFacts,
    progress: Option<LiveProgress>,
    environment: Option<Environment>,
    checks: Vec<CheckRow>,
    cases: CaseTable,
    only: Option<String>,
    failures: Vec<FailureText>,
    more_failures: usize,
    missing: Vec<MissingMetrics>,
    reproduce: String,
    href: String,
}

/// How one check went over all headline numbers.
#[derive(Debug)]
struct CheckRow {
    sign: Sign,
    name: &'static str,
    meaning: &'static str,
    counts: String,
    worst: String,
    limit: String,
    advice: String,
    /// The case with the worst figure.
    href: String,
    case: String,
}

/// Answers `/runs/{run}`.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    Address(RunNumber(run)): Address<RunNumber>,
    Params(params): Params<RunParams>,
) -> Result<Response, PageError> {
    let scenario = params.scenario.0.map(|ScenarioName(scenario)| scenario);
    let key = format!("/runs/{run}?{scenario:?}");
    shared.page(key, move |site| render(site, run, scenario.as_deref())).await
}

fn render(site: &Site, id: RunId, only: Option<&str>) -> Result<String, PageError> {
    let reader = site.history()?;
    let listing = find_run(reader, id)?;
    let run = &listing.run;
    let (measurements, failures) = (reader.measurements(id)?, reader.failures(id)?);
    let page = RunPage {
        layout: Layout::new(site, format!("Run {id} of {}", run.revision.short()), Section::Unlisted)?,
        id,
        title: run.revision.title.clone(),
        facts: RunFacts::of(reader, &listing)?,
        progress: progress::read_of_run(reader, id)?,
        environment: reader.environment(id)?,
        checks: summarize_checks(id, &measurements),
        cases: CaseTable::of(id, &measurements, &failures, only),
        only: only.map(str::to_owned),
        more_failures: failures.len().saturating_sub(MOST_FAILURES),
        failures: failures.iter().take(MOST_FAILURES).map(|failure| FailureText::of(id, failure)).collect(),
        missing: group_by_reason(reader.unavailable(id)?.iter()),
        reproduce: run.reproduce.clone(),
        href: format!("/runs/{id}"),
    };
    Ok(page.render()?)
}

/// How each check went over all headline numbers, with its worst figure.
fn summarize_checks(run: RunId, measurements: &[Measurement]) -> Vec<CheckRow> {
    let mut by_name: BTreeMap<CheckName, Vec<(&Measurement, &Check)>> = BTreeMap::new();
    for measurement in measurements.iter().filter(|measurement| measurement.metric.gates_by_default()) {
        for check in &measurement.checks {
            by_name.entry(check.name).or_default().push((measurement, check));
        }
    }
    by_name.into_iter().filter_map(|(name, checks)| summarize_check(run, name, &checks)).collect()
}

fn summarize_check(run: RunId, name: CheckName, checks: &[(&Measurement, &Check)]) -> Option<CheckRow> {
    // Of checks that went equally badly, the one farthest beyond its limit, whichever side is bad.
    let beyond = |check: &Check| ((check.figure / check.limit).abs().max(f64::MIN_POSITIVE)).ln().abs();
    let (measurement, worst) = *checks.iter().max_by(|a, b| {
        let bad = |check: &Check| check.status != CheckStatus::Pass;
        let order = a.1.status.cmp(&b.1.status);
        order.then_with(|| {
            if bad(a.1) { beyond(a.1).total_cmp(&beyond(b.1)) } else { beyond(b.1).total_cmp(&beyond(a.1)) }
        })
    })?;
    let count = |status| checks.iter().filter(|(_, check)| check.status == status).count();
    let counts = [(CheckStatus::Pass, "pass"), (CheckStatus::Warn, "warn"), (CheckStatus::Fail, "fail")];
    let counts = counts.into_iter().filter(|(status, _)| count(*status) > 0);
    Some(CheckRow {
        sign: Sign::check(worst.status),
        name: name.as_str(),
        meaning: format::check(name),
        counts: counts.map(|(status, word)| format!("{} {word}", count(status))).collect::<Vec<_>>().join(", "),
        worst: format::figure(name, worst.figure),
        limit: format::figure(name, worst.limit),
        advice: worst.advice.clone(),
        href: format!("/runs/{run}/cases/{}", CaseId::of(&measurement.case)),
        case: format!("{} {}, {}", measurement.case.scenario, measurement.label.0, measurement.metric),
    })
}
