//! A comparison as a table.

use std::fmt::Write as _;

use super::columns::columns;
use crate::{
    judge,
    model::{RunState, Scale, Verdict, VerdictKind},
    report::{
        ComparisonReport,
        format::{self, Sign, plural},
    },
};

/// The gate series with their verdicts, then what else moved, and what came out.
pub fn comparison(report: &ComparisonReport) -> String {
    if report.identical {
        return headline(report);
    }
    let mut rows = vec![["scenario", "case", "metric", "verdict", "change", ""].map(str::to_owned).to_vec()];
    rows.extend(gate(report).into_iter().map(|verdict| {
        let sign = Sign::verdict(verdict.kind).to_string();
        [vec![verdict.case.scenario.clone()], row(verdict, Some(sign)), vec![note(verdict)]].concat()
    }));
    let mut text = columns(&rows, &[]);
    let moved = moved(report);
    if !moved.is_empty() {
        let _ = writeln!(text, "\nAlso moved (described, never judged):");
        let indented = |verdict: &&Verdict| [vec![format!("  {}", verdict.case.scenario)], row(verdict, None)].concat();
        text.push_str(&columns(&moved.iter().map(indented).collect::<Vec<_>>(), &[]));
    }
    for budget in &report.exceeded_budgets {
        let _ = writeln!(text, "{}", budget.message);
    }
    let _ = write!(text, "\n{}", headline(report));
    text
}

fn row(verdict: &Verdict, sign: Option<String>) -> Vec<String> {
    let start = [verdict.label.0.clone(), verdict.metric.to_string()];
    start.into_iter().chain(sign).chain([format::change(verdict)]).collect()
}

/// What came out, in one line.
pub(super) fn headline(report: &ComparisonReport) -> String {
    let (base, head) = (report.base.short(), report.head.short());
    if report.identical {
        return format!("{head} is equivalent to {base}: both build to the very same program");
    }
    let counts = format::counts(&report.summary).into_iter().map(|(sign, count)| format!("{count} {}", sign.word));
    let counted = counts.collect::<Vec<_>>().join(", ");
    let failures = match report.failure_count {
        0 => String::new(),
        count => format!("; {}", plural(count, "failure")),
    };
    let rest = match report.state {
        RunState::Finished => String::new(),
        state => format!("; {}", state.as_str()),
    };
    format!("{head} against {base}: {counted}{failures}{rest}")
}

/// The gate series, the most urgent first.
pub(super) fn gate(report: &ComparisonReport) -> Vec<&Verdict> {
    let mut gate: Vec<&Verdict> = report.verdicts.iter().filter(|verdict| verdict.gate).collect();
    gate.sort_by_key(|verdict| verdict.kind);
    gate
}

/// What the change and the verdict's word leave open.
pub(super) fn note(verdict: &Verdict) -> String {
    match (verdict.kind, verdict.blocks_needed) {
        (VerdictKind::Equivalent, _) => judge::sentence(verdict),
        (_, Some(blocks)) => format!("{}; about {} would decide", verdict.reason, plural(blocks, "block")),
        (_, None) => verdict.reason.clone(),
    }
}

/// Series that are only described, and whose interval lies beyond the margin.
fn moved(report: &ComparisonReport) -> Vec<&Verdict> {
    let beyond = |verdict: &&Verdict| {
        let Some(interval) = verdict.interval.filter(|_| !verdict.gate) else { return false };
        let (low, high) = match verdict.scale {
            Scale::Ratio => (1.0 / (1.0 + verdict.margin), 1.0 + verdict.margin),
            Scale::Difference => (-verdict.margin, verdict.margin),
        };
        interval.low > high || interval.high < low
    };
    report.verdicts.iter().filter(beyond).collect()
}
