//! The page of a run: the machine, the checks behind the numbers, what failed and what it said.

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    response::Response,
};
use serde::Deserialize;

use super::case::{MissingLine, missing_lines};
use crate::{
    history::{Reader, RunListing},
    model::{Case, Check, CheckName, CheckStatus, Environment, Failure, FailureKind, Measurement, RevisionKind, RunId},
    report::format::{self, Sign},
    site::{
        http::{
            error::PageError,
            params,
            shared::{Shared, Site},
        },
        parts::{
            case_table::Cases,
            layout::{Layout, Place},
            progress::{self, Now},
        },
    },
    units::Unit,
};

/// Failures shown; all of them are in the API.
pub(crate) const MOST_FAILURES: usize = 20;

/// Bytes of a log shown, from its end.
const LOG_BYTES: usize = 1500;

/// What may follow the question mark.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    scenario: Option<String>,
}

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    layout: Layout,
    id: RunId,
    title: String,
    facts: Facts,
    now: Option<Now>,
    environment: Option<Environment>,
    checks: Vec<CheckRow>,
    cases: Cases,
    only: Option<String>,
    failures: Vec<FailureText>,
    more_failures: usize,
    missing: Vec<MissingLine>,
    reproduce: String,
    href: String,
}

/// What is known about a run at a glance; shown by pages of commits and of runs.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) revision: String,
    pub(crate) revision_href: String,
    pub(crate) revision_note: String,
    pub(crate) committed: String,
    pub(crate) run: RunId,
    pub(crate) profile: &'static str,
    pub(crate) measured: String,
    pub(crate) environment: String,
    pub(crate) environment_id: String,
    pub(crate) binary: String,
    pub(crate) toolchain: String,
    pub(crate) state: &'static str,
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

/// A failure for people.
#[derive(Debug)]
pub(crate) struct FailureText {
    pub(crate) sign: Sign,
    pub(crate) what: String,
    pub(crate) href: String,
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) log: String,
    /// The command that performs the case by hand; empty where no case failed.
    pub(crate) again: String,
    pub(crate) date: String,
}

/// Answers `/runs/{run}`.
pub(crate) async fn page(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, PageError> {
    let run = params::run(&params::path(path)?)?;
    let scenario = params::optional(params::query(query)?.scenario.as_ref(), params::scenario)?;
    let key = format!("/runs/{run}?{scenario:?}");
    shared.page(key, move |site| render(site, run, scenario.as_deref())).await
}

fn render(site: &Site, id: RunId, only: Option<&str>) -> Result<String, PageError> {
    let reader = site.history()?;
    let listing = listing(reader, id)?;
    let run = &listing.run;
    let (measurements, failures) = (reader.measurements(id)?, reader.failures(id)?);
    let page = RunPage {
        layout: Layout::new(site, format!("Run {id} of {}", run.revision.short()), Place::Elsewhere)?,
        id,
        title: run.revision.title.clone(),
        facts: Facts::of(reader, &listing)?,
        now: progress::of_run(reader, id)?,
        environment: reader.environment(id)?,
        checks: check_rows(id, &measurements),
        cases: Cases::of(id, &measurements, &failures, only),
        only: only.map(str::to_owned),
        more_failures: failures.len().saturating_sub(MOST_FAILURES),
        failures: failures.iter().take(MOST_FAILURES).map(|failure| FailureText::of(id, failure)).collect(),
        missing: missing_lines(reader.unavailable(id)?.iter()),
        reproduce: run.reproduce.clone(),
        href: format!("/runs/{id}"),
    };
    Ok(page.render()?)
}

/// A run, or the page that says that there is none of this number.
pub(crate) fn listing(reader: &Reader, id: RunId) -> Result<RunListing, PageError> {
    reader.run(id)?.ok_or_else(|| PageError::missing(format!("there is no run {id}; the overview lists the newest")))
}

impl Facts {
    pub(crate) fn of(reader: &Reader, listing: &RunListing) -> Result<Facts, PageError> {
        let run = &listing.run;
        let environment = reader.environment(run.id)?;
        let short = |commit: &str| commit.get(..8).unwrap_or(commit).to_owned();
        let note = match (run.revision.kind, &run.revision.parent) {
            (RevisionKind::Worktree, _) => format!("on top of {}", short(&run.revision.commit)),
            (RevisionKind::Commit, Some(parent)) => format!("parent {}", short(parent)),
            (RevisionKind::Commit, None) => "no parent".to_owned(),
        };
        let took = run.finished_at.map(|end| (end.0.saturating_sub(run.started_at.0)).max(0) as f64 * 1e6);
        let took = took.map(|ns| format!(" in {}", Unit::Nanoseconds.format(ns))).unwrap_or_default();
        Ok(Facts {
            revision: run.revision.short().to_owned(),
            revision_href: format!("/commits/{}", run.revision.id),
            revision_note: note,
            committed: format::date(run.revision.committed_at),
            run: run.id,
            profile: run.profile.as_str(),
            measured: format!("{}{took}", format::trials(listing.trials, listing.planned_trials)),
            environment: environment.map_or_else(|| run.environment.clone(), |environment| environment.title()),
            environment_id: run.environment.clone(),
            binary: run.build.as_ref().map(|build| short(&build.sha256)).unwrap_or_default(),
            toolchain: run.build.as_ref().map(|build| build.toolchain.clone()).unwrap_or_default(),
            state: format::state(run.state),
        })
    }
}

/// How each check went over all headline numbers, with its worst figure.
fn check_rows(run: RunId, measurements: &[Measurement]) -> Vec<CheckRow> {
    let mut by_name: BTreeMap<CheckName, Vec<(&Measurement, &Check)>> = BTreeMap::new();
    for measurement in measurements.iter().filter(|measurement| measurement.metric.gates_by_default()) {
        for check in &measurement.checks {
            by_name.entry(check.name).or_default().push((measurement, check));
        }
    }
    by_name.into_iter().filter_map(|(name, checks)| check_row(run, name, &checks)).collect()
}

fn check_row(run: RunId, name: CheckName, checks: &[(&Measurement, &Check)]) -> Option<CheckRow> {
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
        href: format!("/runs/{run}/cases/{}", params::case_id(&measurement.case)),
        case: format!("{} {}, {}", measurement.case.scenario, measurement.label.0, measurement.metric),
    })
}

impl FailureText {
    pub(crate) fn of(run: RunId, failure: &Failure) -> FailureText {
        let what = match (&failure.case, &failure.label) {
            (Some(case), Some(label)) => format!("{} {}", case.scenario, label.0),
            (Some(case), None) => case.scenario.clone(),
            (None, _) => "the whole revision".to_owned(),
        };
        let trial = failure.trial.map(|trial| format!(", trial {}", trial.saturating_add(1))).unwrap_or_default();
        FailureText {
            sign: if failure.kind == FailureKind::Unsupported { Sign::UNSUPPORTED } else { Sign::FAILED },
            what: format!("{what}{trial}"),
            href: failure
                .case
                .as_ref()
                .map(|case| format!("/runs/{run}/cases/{}", params::case_id(case)))
                .unwrap_or_default(),
            kind: failure.kind.as_str().replace('_', " "),
            message: failure.message.clone(),
            log: tail(&failure.log),
            again: failure.case.as_ref().map(Case::replay).unwrap_or_default(),
            date: format::date(failure.at),
        }
    }
}

/// The end of a log, from the start of a line where there is one.
fn tail(log: &str) -> String {
    let log = log.trim_end();
    if log.len() <= LOG_BYTES {
        return log.to_owned();
    }
    let start = (log.len() - LOG_BYTES..=log.len()).find(|at| log.is_char_boundary(*at)).unwrap_or(log.len());
    let end = &log[start..];
    let whole = end.split_once('\n').map_or(end, |(_, rest)| rest);
    format!("…\n{whole}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_keeps_its_end() {
        assert_eq!(tail("short\n"), "short");
        let long = format!("{}\nthe end é", "x".repeat(3000));
        assert_eq!(tail(&long), "…\nthe end é");
        assert!(tail(&"é".repeat(3000)).len() <= LOG_BYTES + 8);
    }
}
