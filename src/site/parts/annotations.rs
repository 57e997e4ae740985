//! What was decided about the points of a graph: verdicts of comparisons, and findings. Read apart from the values, for large
//! graphs alone.

use super::{
    environment_changes::{self, Shift},
    graph::History,
    verdict_table,
};
use crate::{
    charts::{Flag, HistoryNotes, VerdictMark},
    history::{Reader, Series, VerdictPoint},
    model::{Finding, FindingState, Purpose, VerdictKind},
    report::format::{self, Sign},
    site::{http::error::PageError, pages::findings},
};

/// Findings that a graph shows: those that say "the level is another since".
const FLAGGED: [FindingState; 3] = [FindingState::New, FindingState::Confirmed, FindingState::Acknowledged];

/// Flags on one graph, the newest; more would hide the lines.
const MOST_FLAGS: usize = 24;

/// Everything decided about one metric of one scenario on one environment.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    verdicts: Vec<VerdictPoint>,
    findings: Vec<Finding>,
    /// What changed around the runs.
    pub(crate) shifts: Vec<Shift>,
}

impl Marks {
    /// Reads what was decided about the series of a graph.
    pub(crate) fn read(reader: &Reader, history: &History) -> Result<Marks, PageError> {
        let mut verdicts = reader.verdict_points(&history.scenario, history.metric, &history.environment)?;
        verdicts.retain(|point| {
            let moved = matches!(point.kind, VerdictKind::Worse | VerdictKind::Better);
            point.gate && moved && point.purpose == Purpose::Gate
        });
        let mut findings = reader.findings(Some(&history.environment), &FLAGGED)?;
        let ours = |id: i64| history.series.iter().any(|line| line.id == id);
        findings.retain(|finding| finding.series.iter().any(|change| ours(change.series)));
        Ok(Marks { verdicts, findings, shifts: environment_changes::shifts(reader, history)? })
    }

    /// Whether a graph has any, so that its legend is worth a line.
    pub(crate) fn is_empty(&self) -> bool {
        self.verdicts.is_empty() && self.findings.is_empty()
    }

    /// What stands on the graph of some of the lines.
    pub(crate) fn notes(&self, history: &History, lines: &[&Series]) -> HistoryNotes {
        let verdicts = self.verdicts.iter().filter_map(|point| mark(point, history, lines)).collect();
        let flags = self.findings.iter().filter_map(|finding| flag(finding, history, lines)).take(MOST_FLAGS);
        HistoryNotes { levels: Vec::new(), flags: flags.collect(), shifts: self.shift_marks(), verdicts }
    }
}

impl Marks {
    /// One mark a place, the newest places.
    fn shift_marks(&self) -> Vec<Flag> {
        let together = self.shifts.chunk_by(|a, b| a.place == b.place).rev().take(MOST_FLAGS);
        let mark = |together: &[Shift]| {
            let first = together.first()?;
            let texts: Vec<String> = together.iter().map(Shift::text).collect();
            Some(Flag { place: first.place, title: texts.join("\n"), href: format!("/runs/{}", first.run) })
        };
        together.filter_map(mark).collect()
    }
}

fn mark(point: &VerdictPoint, history: &History, lines: &[&Series]) -> Option<VerdictMark> {
    let line = lines.iter().position(|line| line.id == point.series)?;
    let found = lines.get(line)?.points.iter().find(|at| at.run == point.run)?;
    let sign = Sign::verdict(point.kind);
    let change = point.effect.map(|effect| format::effect(history.metric, point.scale, effect, point.interval));
    Some(VerdictMark {
        place: history.place(found)?,
        value: found.estimate,
        worse: point.kind == VerdictKind::Worse,
        title: format!("{} than its parent: {}", sign.word, change.unwrap_or_default()),
        href: verdict_table::series_href(point.comparison, &point.case, history.metric),
    })
}

fn flag(finding: &Finding, history: &History, lines: &[&Series]) -> Option<Flag> {
    let change = finding.series.iter().find(|change| lines.iter().any(|line| line.id == change.series))?;
    let place = history.place_of(&finding.at.id)?;
    Some(Flag {
        place,
        title: format!(
            "finding {}, {}: {} {}",
            finding.id,
            finding.state.as_str(),
            change.label.0,
            findings::ratio(change)
        ),
        href: format!("/finding/{}", finding.id),
    })
}
