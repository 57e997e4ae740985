//! The cases of one run as rows: headline numbers with their grade, worst first where it matters. Shown by
//! `cases.html` on the pages of commits and runs.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    model::{Case, CheckStatus, Failure, FailureKind, Grade, Measurement, Metric, RunId},
    report::format::{self, Sign},
    site::http::params,
};

/// More cases than this are shown a scenario at a time, so that pages stay small.
const MOST_CASES: usize = 120;

/// The table of a run's cases.
#[derive(Debug)]
pub(crate) struct Cases {
    /// Headings of the value columns.
    pub(crate) columns: Vec<String>,
    /// By scenario, in the order of their names.
    pub(crate) groups: Vec<Group>,
    /// Whether there were too many: then groups have no rows, and link to themselves.
    pub(crate) folded: bool,
}

/// The cases of one scenario.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) scenario: String,
    pub(crate) cases: usize,
    pub(crate) sign: Sign,
    /// `12 sound, 1 noisy`.
    pub(crate) counts: String,
    pub(crate) rows: Vec<Row>,
}

/// One case.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) href: String,
    pub(crate) cells: Vec<Cell>,
    pub(crate) sign: Sign,
    /// Which checks do not pass, or what failed.
    pub(crate) why: String,
}

/// One number; empty where there is none.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    pub(crate) value: String,
    pub(crate) half_width: String,
    /// The whole interval, for a hover.
    pub(crate) title: String,
}

/// What is known about one case.
#[derive(Debug, Default)]
struct Known<'a> {
    label: &'a str,
    gate: Vec<&'a Measurement>,
    failures: Vec<&'a Failure>,
}

impl Cases {
    /// The cases of a run; of one scenario where one is named.
    pub(crate) fn of(run: RunId, measurements: &[Measurement], failures: &[Failure], only: Option<&str>) -> Cases {
        let cases = known(measurements, failures, only);
        let metrics: BTreeSet<Metric> =
            cases.values().flat_map(|known| &known.gate).map(|measurement| measurement.metric).collect();
        let folded = cases.len() > MOST_CASES;
        let mut groups: Vec<Group> = Vec::new();
        for chunk in cases.iter().collect::<Vec<_>>().chunk_by(|a, b| a.0.scenario == b.0.scenario) {
            let all: Vec<&Known<'_>> = chunk.iter().map(|(_, known)| *known).collect();
            let rows = chunk.iter().map(|(case, known)| known.row(run, case, &metrics));
            groups.push(Group {
                scenario: chunk.first().map(|(case, _)| case.scenario.clone()).unwrap_or_default(),
                cases: chunk.len(),
                sign: all.iter().map(|known| known.sign()).max_by_key(|sign| severity(*sign)).unwrap_or(Sign::SOUND),
                counts: counts(&all),
                rows: if folded { Vec::new() } else { rows.collect() },
            });
        }
        Cases { columns: metrics.iter().map(|metric| format::metric(*metric)).collect(), groups, folded }
    }

    /// Whether there is nothing to show.
    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

fn known<'a>(
    measurements: &'a [Measurement],
    failures: &'a [Failure],
    only: Option<&str>,
) -> BTreeMap<&'a Case, Known<'a>> {
    let wanted = |case: &Case| only.is_none_or(|only| case.scenario == only);
    let mut cases: BTreeMap<&Case, Known<'_>> = BTreeMap::new();
    for measurement in measurements.iter().filter(|measurement| wanted(&measurement.case)) {
        let known = cases.entry(&measurement.case).or_default();
        known.label = &measurement.label.0;
        if measurement.metric.gates_by_default() {
            known.gate.push(measurement);
        }
    }
    for failure in failures {
        let Some(case) = failure.case.as_ref().filter(|case| wanted(case)) else { continue };
        let known = cases.entry(case).or_default();
        known.failures.push(failure);
        if let Some(label) = &failure.label {
            known.label = &label.0;
        }
    }
    cases
}

/// How bad a sign is, for choosing the worst.
fn severity(sign: Sign) -> u8 {
    [Sign::UNSUPPORTED, Sign::SOUND, Sign::NOISY, Sign::UNUSABLE, Sign::FAILED]
        .iter()
        .position(|known| *known == sign)
        .map_or(0, |position| position as u8)
}

fn counts(cases: &[&Known<'_>]) -> String {
    let signs = [Sign::SOUND, Sign::NOISY, Sign::UNUSABLE, Sign::FAILED, Sign::UNSUPPORTED];
    let parts = signs.iter().filter_map(|sign| {
        let count = cases.iter().filter(|known| known.sign() == *sign).count();
        (count > 0).then(|| format!("{count} {}", sign.word))
    });
    parts.collect::<Vec<_>>().join(", ")
}

impl Known<'_> {
    fn sign(&self) -> Sign {
        if self.failures.iter().any(|failure| failure.kind != FailureKind::Unsupported) {
            return Sign::FAILED;
        }
        if !self.failures.is_empty() {
            return Sign::UNSUPPORTED;
        }
        Sign::grade(self.gate.iter().map(|measurement| measurement.grade).max().unwrap_or(Grade::Sound))
    }

    fn row(&self, run: RunId, case: &Case, metrics: &BTreeSet<Metric>) -> Row {
        let cells = metrics.iter().map(|metric| {
            let found = self.gate.iter().find(|measurement| measurement.metric == *metric);
            found.map_or_else(Cell::default, |measurement| cell(measurement))
        });
        Row {
            label: if self.label.is_empty() { "the only case".to_owned() } else { self.label.to_owned() },
            href: format!("/runs/{run}/cases/{}", params::case_id(case)),
            cells: cells.collect(),
            sign: self.sign(),
            why: self.why(),
        }
    }

    /// `precise: wall_time`, or what failed.
    fn why(&self) -> String {
        if let Some(failure) = self.failures.first() {
            return failure.kind.as_str().replace('_', " ");
        }
        let mut complaints: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for measurement in &self.gate {
            for check in measurement.checks.iter().filter(|check| check.status != CheckStatus::Pass) {
                complaints.entry(check.name.as_str()).or_default().push(measurement.metric.to_string());
            }
        }
        let all = self.gate.len();
        let spoken = complaints.into_iter().map(|(check, metrics)| {
            // A check that complains about every number needs no list of them.
            if metrics.len() == all { check.to_owned() } else { format!("{check}: {}", metrics.join(" ")) }
        });
        spoken.collect::<Vec<_>>().join("; ")
    }
}

fn cell(measurement: &Measurement) -> Cell {
    let summary = &measurement.summary;
    Cell {
        value: format::estimate(measurement.metric, summary.estimate, summary.interval),
        half_width: format::half_width(summary.estimate, summary.interval),
        title: format::with_interval(measurement.metric, summary),
    }
}
