//! A comparison as Markdown, for a pull request.

use std::fmt::Write as _;

use super::comparison::{gate, headline, note};
use crate::{
    model::{Verdict, VerdictKind},
    report::{
        ComparisonReport,
        format::{self, Sign, plural},
    },
};

/// The headline, the gate series that changed or are undecided, and the others folded.
pub fn markdown(report: &ComparisonReport) -> String {
    let mut text = format!("### {}\n\n", headline(report));
    if report.identical {
        return text;
    }
    let (notable, unchanged): (Vec<&Verdict>, Vec<&Verdict>) =
        gate(report).into_iter().partition(|verdict| verdict.kind != VerdictKind::Equivalent);
    if !notable.is_empty() {
        table(&mut text, &notable);
    }
    if !unchanged.is_empty() {
        let count = plural(unchanged.len(), "series");
        let _ = writeln!(text, "\n<details><summary>{count} did not change</summary>\n");
        table(&mut text, &unchanged);
        text.push_str("\n</details>\n");
    }
    for budget in &report.exceeded_budgets {
        let _ = writeln!(text, "\n{}", escaped(&budget.message));
    }
    let design = &report.design;
    let environment = report.environment.as_ref().map(|e| format!(" on {}", e.title())).unwrap_or_default();
    let _ = write!(
        text,
        "\n<sub>{} → {}{}. {} + {}, {}, false-alarm budget {}. `{}`</sub>",
        report.base.short(),
        report.head.short(),
        escaped(&environment),
        design.first_blocks,
        plural(design.second_blocks, "block"),
        plural(design.gate_series, "gate series"),
        format::share(design.budget),
        report.reproduce,
    );
    text
}

fn table(text: &mut String, verdicts: &[&Verdict]) {
    text.push_str("| | scenario | case | metric | change | |\n|---|---|---|---|---|---|\n");
    for verdict in verdicts {
        let (metric, change) = (verdict.metric.to_string(), format::change(verdict));
        let cells = [&verdict.case.scenario, &verdict.label.0, &metric, &change, &note(verdict)];
        let cells = cells.map(|cell| escaped(cell)).join(" | ");
        let _ = writeln!(text, "| {} | {cells} |", Sign::verdict(verdict.kind));
    }
}

/// Text in a cell of a Markdown table.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;").replace('`', "\\`")
}
