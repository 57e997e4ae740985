//! What a comparison says, for people at a terminal, for a pull request, and for scripts.

use std::{fmt::Write as _, str::FromStr};

use anyhow::Context as _;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::{
    report::{BudgetRow, parameters},
    table::table,
};
use crate::{
    history::Reader,
    judge,
    model::{Environment, Metric, Purpose, Revision, Scale, Session, SessionId, Verdict, VerdictKind},
    scenario::Plan,
    units,
};

/// Version of the object. History: 1, the first.
const SCHEMA: u32 = 1;

/// How a comparison is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Table,
    Json,
    Markdown,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Format, String> {
        match text {
            "table" => Ok(Format::Table),
            "json" => Ok(Format::Json),
            "markdown" => Ok(Format::Markdown),
            _ => Err(format!("there is no format `{text}`; there are table, json and markdown")),
        }
    }
}

/// Everything that one comparison says.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    schema: u32,
    session: SessionId,
    state: &'static str,
    base: Revision,
    head: Revision,
    environment: Option<Environment>,
    identical: bool,
    error_budget: f64,
    design: crate::model::Design,
    comparisons: Vec<Row>,
    summary: Summary,
    failures: u32,
    /// Budgets on the ratio to the anchor that are exceeded.
    budgets: Vec<BudgetRow>,
    reproduce: String,
    #[serde(skip)]
    verdicts: Vec<Verdict>,
}

/// Gate series by verdict.
#[derive(Debug, Clone, Copy, Serialize)]
struct Summary {
    worse: u32,
    better: u32,
    equivalent: u32,
    inconclusive: u32,
    unusable: u32,
}

impl Summary {
    fn of(verdicts: &[Verdict]) -> Summary {
        let judge::Tally { worse, better, equivalent, inconclusive, unusable } = judge::tally(verdicts);
        Summary { worse, better, equivalent, inconclusive, unusable }
    }
}

#[derive(Debug, Serialize)]
struct Row {
    scenario: String,
    parameters: Map<String, Json>,
    metric: Metric,
    role: Option<&'static str>,
    gate: bool,
    /// Head over base; `None` for differences.
    ratio: Option<f64>,
    /// Head less base, in the metric's unit; `None` for ratios.
    difference: Option<f64>,
    interval: Option<[f64; 2]>,
    level: Option<f64>,
    resolution: Option<f64>,
    margin: f64,
    p: Option<f64>,
    verdict: VerdictKind,
    reason: String,
    blocks: u32,
    stage: Option<u32>,
}

impl Report {
    /// Puts together what the history holds of a comparison.
    pub(super) fn read(reader: &Reader, session: SessionId, plan: &Plan) -> anyhow::Result<Report> {
        let listing = reader.session(session)?.with_context(|| format!("there is no session {session}"))?;
        let verdicts = reader.verdicts(session)?;
        Ok(Report {
            schema: SCHEMA,
            session: listing.session.id,
            state: listing.session.state.as_str(),
            base: listing.base.run.revision,
            head: listing.head.run.revision,
            environment: reader.environment(listing.session.head)?,
            identical: listing.session.identical,
            error_budget: listing.session.design.budget,
            design: listing.session.design,
            comparisons: verdicts.iter().map(row).collect(),
            summary: Summary::of(&verdicts),
            failures: listing.base.failures + listing.head.failures,
            budgets: budgets(&listing.session, &verdicts, plan),
            reproduce: listing.head.run.reproduce,
            verdicts,
        })
    }

    /// The whole as text.
    pub(super) fn text(&self, format: Format) -> anyhow::Result<String> {
        Ok(match format {
            Format::Json => serde_json::to_string_pretty(self)?,
            Format::Table => self.table(),
            Format::Markdown => self.markdown(),
        })
    }

    fn table(&self) -> String {
        if self.identical {
            return self.headline();
        }
        let mut rows = vec![["scenario", "case", "metric", "verdict", "change", ""].map(str::to_owned).to_vec()];
        rows.extend(self.gate().map(|verdict| {
            vec![
                verdict.case.scenario.clone(),
                verdict.label.0.clone(),
                verdict.metric.to_string(),
                format!("{} {}", sign(verdict.kind), verdict.kind.as_str()),
                change(verdict),
                note(verdict),
            ]
        }));
        let mut text = table(&rows, &[]);
        let moved = self.moved();
        if !moved.is_empty() {
            let _ = writeln!(text, "\nAlso moved (described, never judged):");
            let rows: Vec<Vec<String>> = moved
                .iter()
                .map(|v| vec![format!("  {}", v.case.scenario), v.label.0.clone(), v.metric.to_string(), change(v)])
                .collect();
            text.push_str(&table(&rows, &[]));
        }
        for budget in &self.budgets {
            let _ = writeln!(text, "{}", budget.message);
        }
        let _ = write!(text, "\n{}", self.headline());
        text
    }

    fn markdown(&self) -> String {
        let mut text = format!("### {}\n\n", self.headline());
        if self.identical {
            return text;
        }
        let (told, quiet): (Vec<&Verdict>, Vec<&Verdict>) =
            self.gate().partition(|verdict| verdict.kind != VerdictKind::Equivalent);
        let rows = |text: &mut String, verdicts: &[&Verdict]| {
            text.push_str("| | scenario | case | metric | change | |\n|---|---|---|---|---|---|\n");
            for verdict in verdicts {
                let cells = [&verdict.case.scenario, &verdict.label.0, &verdict.metric.to_string(), &change(verdict)];
                let cells = cells.map(|cell| escaped(cell)).join(" | ");
                let (sign, note) = (sign(verdict.kind), escaped(&note(verdict)));
                let _ = writeln!(text, "| {sign} {} | {cells} | {note} |", verdict.kind.as_str());
            }
        };
        if !told.is_empty() {
            rows(&mut text, &told);
        }
        if !quiet.is_empty() {
            let _ = writeln!(text, "\n<details><summary>{} series did not change</summary>\n", quiet.len());
            rows(&mut text, &quiet);
            text.push_str("\n</details>\n");
        }
        let design = &self.design;
        let environment =
            self.environment.as_ref().map(|e| format!("{}, {} cores", e.cpu, e.cores)).unwrap_or_default();
        let _ = write!(
            text,
            "\n<sub>{} → {} on {}. {} + {} blocks, {} gate series, at most {} of clean commits with any false verdict. \
             `{}`</sub>",
            self.base.short(),
            self.head.short(),
            escaped(&environment),
            design.first_blocks,
            design.second_blocks,
            design.gate_series,
            units::Unit::Ratio.format(design.budget),
            self.reproduce,
        );
        text
    }

    /// What came out, in one line.
    fn headline(&self) -> String {
        let Summary { worse, better, equivalent, inconclusive, unusable } = self.summary;
        let (base, head) = (self.base.short(), self.head.short());
        if self.identical {
            return format!("{head} is equivalent to {base}: both build to the very same program");
        }
        let counts = [
            (worse, "worse"),
            (better, "better"),
            (equivalent, "equivalent"),
            (inconclusive, "inconclusive"),
            (unusable, "unusable"),
        ];
        let told: Vec<String> =
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        let failures = if self.failures > 0 { format!("; {} failures", self.failures) } else { String::new() };
        let rest = if self.state == "finished" { String::new() } else { format!("; {}", self.state) };
        format!("{head} against {base}: {}{failures}{rest}", told.join(", "))
    }

    /// The series that decide, the most urgent first.
    fn gate(&self) -> impl Iterator<Item = &Verdict> {
        let mut gate: Vec<&Verdict> = self.verdicts.iter().filter(|verdict| verdict.gate).collect();
        gate.sort_by_key(|verdict| verdict.kind);
        gate.into_iter()
    }

    /// Series that are only described, and whose interval lies beyond the margin.
    fn moved(&self) -> Vec<&Verdict> {
        let beyond = |verdict: &&Verdict| {
            let Some(interval) = verdict.interval.filter(|_| !verdict.gate) else { return false };
            let (low, high) = match verdict.scale {
                Scale::Ratio => (1.0 / (1.0 + verdict.margin), 1.0 + verdict.margin),
                Scale::Difference => (-verdict.margin, verdict.margin),
            };
            interval.low > high || interval.high < low
        };
        self.verdicts.iter().filter(beyond).collect()
    }
}

fn budgets(session: &Session, verdicts: &[Verdict], plan: &Plan) -> Vec<BudgetRow> {
    match session.purpose {
        Purpose::Anchor => judge::crossed_anchor(verdicts, |case| plan.rules(case)).iter().map(BudgetRow::of).collect(),
        _ => Vec::new(),
    }
}

fn row(verdict: &Verdict) -> Row {
    let effect = |scale| verdict.effect.filter(|_| verdict.scale == scale);
    Row {
        scenario: verdict.case.scenario.clone(),
        parameters: parameters(&verdict.case.parameters),
        metric: verdict.metric,
        role: verdict.metric.role.map(crate::model::Role::as_str),
        gate: verdict.gate,
        ratio: effect(Scale::Ratio),
        difference: effect(Scale::Difference),
        interval: verdict.interval.map(|interval| [interval.low, interval.high]),
        level: verdict.interval.map(|interval| interval.level),
        resolution: verdict.resolution,
        margin: verdict.margin,
        p: verdict.p,
        verdict: verdict.kind,
        reason: verdict.reason.clone(),
        blocks: verdict.blocks,
        stage: verdict.stage.map(crate::model::Stage::number),
    }
}

/// A sign beside the word, so that colour is never needed.
const fn sign(kind: VerdictKind) -> &'static str {
    match kind {
        VerdictKind::Worse => "▲",
        VerdictKind::Better => "▼",
        VerdictKind::Equivalent => "=",
        VerdictKind::Inconclusive => "?",
        VerdictKind::Unusable => "✕",
    }
}

/// The change with its interval; a dash where nothing was measured.
pub(super) fn change(verdict: &Verdict) -> String {
    let Some(effect) = verdict.effect else { return "–".to_owned() };
    let ends = verdict.interval.map(|interval| (interval.low, interval.high));
    match (verdict.scale, ends) {
        (Scale::Ratio, Some((low, high))) => units::format_factor(effect, low, high),
        (Scale::Ratio, None) => format!("{effect:.3} ×"),
        (Scale::Difference, Some((low, high))) => verdict.metric.unit().format_with_interval(effect, low, high),
        (Scale::Difference, None) => verdict.metric.unit().format(effect),
    }
}

/// What the change and the verdict's word leave open.
fn note(verdict: &Verdict) -> String {
    match (verdict.kind, verdict.blocks_needed) {
        (VerdictKind::Equivalent, _) => judge::sentence(verdict),
        (_, Some(blocks)) => format!("{}; about {blocks} blocks would decide", verdict.reason),
        (_, None) => verdict.reason.clone(),
    }
}

/// Text in a cell of a Markdown table.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;").replace('`', "\\`")
}
