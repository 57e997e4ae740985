//! What a comparison says, for people at a terminal, for a pull request, and for scripts.

use std::{fmt::Write as _, str::FromStr};

use anyhow::Context as _;
use serde::Serialize;

use super::{report::BudgetRow, table::table};
use crate::{
    exchange,
    history::Reader,
    judge,
    model::{Comparison, ComparisonId, Purpose, RunState, Scale, Tally, Verdict, VerdictKind},
    scenario::Plan,
    units,
};

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
    #[serde(flatten)]
    whole: exchange::ComparisonReport,
    /// Budgets on the ratio to the anchor that are exceeded.
    budgets: Vec<BudgetRow>,
    #[serde(skip)]
    verdicts: Vec<Verdict>,
}

impl Report {
    /// Puts together what the history holds of a comparison.
    pub(super) fn read(reader: &Reader, comparison: ComparisonId, plan: &Plan) -> anyhow::Result<Report> {
        let listing = reader.comparison(comparison)?.with_context(|| format!("there is no comparison {comparison}"))?;
        let verdicts = reader.verdicts(comparison)?;
        let budgets = budgets(&listing.comparison, &verdicts, plan);
        let whole = exchange::ComparisonReport::new(
            &listing.comparison,
            (listing.base.run.revision, listing.head.run.revision),
            reader.environment(listing.comparison.head)?,
            &verdicts,
            judge::tally(&verdicts),
            listing.base.failures + listing.head.failures,
            listing.head.run.reproduce,
        );
        Ok(Report { whole, budgets, verdicts })
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
        if self.whole.identical {
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
        if self.whole.identical {
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
        let design = &self.whole.design;
        let environment =
            self.whole.environment.as_ref().map(|e| format!("{}, {} cores", e.cpu, e.cores)).unwrap_or_default();
        let _ = write!(
            text,
            "\n<sub>{} → {} on {}. {} + {} blocks, {} gate series, at most {} of clean commits with any false verdict. \
             `{}`</sub>",
            self.whole.base.short(),
            self.whole.head.short(),
            escaped(&environment),
            design.first_blocks,
            design.second_blocks,
            design.gate_series,
            units::Unit::Ratio.format(design.budget),
            self.whole.reproduce,
        );
        text
    }

    /// What came out, in one line.
    fn headline(&self) -> String {
        let Tally { worse, better, equivalent, inconclusive, unusable } = self.whole.summary;
        let (base, head) = (self.whole.base.short(), self.whole.head.short());
        if self.whole.identical {
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
        let failures =
            if self.whole.failures > 0 { format!("; {} failures", self.whole.failures) } else { String::new() };
        let rest = if self.whole.state == RunState::Finished {
            String::new()
        } else {
            format!("; {}", self.whole.state.as_str())
        };
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

fn budgets(comparison: &Comparison, verdicts: &[Verdict], plan: &Plan) -> Vec<BudgetRow> {
    match comparison.purpose {
        Purpose::Anchor => judge::crossed_anchor(verdicts, |case| plan.rules(case)).iter().map(BudgetRow::of).collect(),
        _ => Vec::new(),
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
