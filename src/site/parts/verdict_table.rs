//! The series of a comparison as rows: those that decide grouped by scenario, the worst first, each with its change on one
//! axis that all share; those that are only described apart, never red. Bounded, so that pages stay small. Shown by
//! `verdicts.html`.

use std::{cmp::Reverse, collections::BTreeMap};

use crate::{
    charts::EffectBar,
    model::{Case, ComparisonId, Metric, Scale, Verdict, VerdictKind},
    report::format::{self, Sign},
    site::http::{error::PageError, params},
};

/// Rows of series that decide. Where there are more, equivalent ones are left to their scenario's own table.
const MOST_ROWS: usize = 64;

/// Rows of series that are only described.
const MOST_DESCRIBED: usize = 80;

/// The shared axis reaches at least this far to both sides, and at most that far: a change of 2.5%, and of 50%.
const REACH: (f64, f64) = (0.024_692_612_590_371_5, 0.405_465_108_108_164_4);

/// The table of a comparison's series.
#[derive(Debug)]
pub(crate) struct VerdictTable {
    /// Series that decide, by scenario.
    pub(crate) groups: Vec<Group>,
    /// The ends of the axis that all bars share, as ratios. `None` where no bar is drawn.
    pub(crate) axis: Option<(String, String)>,
    /// Series that are only described, up to a bound.
    pub(crate) described: Vec<Described>,
    /// How many there are.
    pub(crate) all_described: usize,
    /// Every scenario with a series that is not shown here, and how many.
    pub(crate) elsewhere: Vec<(String, usize)>,
    /// The only scenario shown, where one was named.
    pub(crate) only: Option<String>,
}

/// The series of one scenario that decide.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) scenario: String,
    pub(crate) rows: Vec<Row>,
    /// Equivalent series that are left to the scenario's own table.
    pub(crate) hidden: usize,
}

/// One series that decides.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) sign: Sign,
    pub(crate) label: String,
    pub(crate) metric: String,
    pub(crate) href: String,
    pub(crate) change: String,
    /// The change against its margin; empty for differences, which share no axis.
    pub(crate) bar: String,
    pub(crate) resolution: String,
    pub(crate) blocks: String,
    pub(crate) reason: String,
}

/// One series that is only described.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) scenario: String,
    pub(crate) label: String,
    pub(crate) metric: String,
    pub(crate) href: String,
    pub(crate) change: String,
    /// Whether the whole interval lies beyond the margin.
    pub(crate) moved: bool,
}

impl VerdictTable {
    /// The series of a comparison; of one scenario where one is named.
    pub(crate) fn of(comparison: ComparisonId, all: &[Verdict], only: Option<&str>) -> Result<VerdictTable, PageError> {
        let wanted = || all.iter().filter(|verdict| only.is_none_or(|only| verdict.case.scenario == only));
        let gate: Vec<&Verdict> = wanted().filter(|verdict| verdict.gate).collect();
        let mut described: Vec<&Verdict> = wanted().filter(|verdict| !verdict.gate).collect();
        described.sort_by(|a, b| moved(b).cmp(&moved(a)).then(format::distance(b).total_cmp(&format::distance(a))));
        let shown = described.iter().take(MOST_DESCRIBED);
        let mut table = VerdictTable {
            groups: Vec::new(),
            axis: None,
            described: shown.map(|verdict| Described::of(comparison, verdict)).collect(),
            all_described: described.len(),
            elsewhere: Vec::new(),
            only: only.map(str::to_owned),
        };
        table.group(comparison, &gate)?;
        if only.is_none() {
            table.note_elsewhere(described.into_iter().skip(MOST_DESCRIBED));
        }
        Ok(table)
    }

    fn group(&mut self, comparison: ComparisonId, gate: &[&Verdict]) -> Result<(), PageError> {
        let mut groups: BTreeMap<&str, Vec<&Verdict>> = BTreeMap::new();
        for verdict in gate {
            groups.entry(&verdict.case.scenario).or_default().push(verdict);
        }
        let mut groups: Vec<(&str, Vec<&Verdict>)> = groups.into_iter().collect();
        groups.iter_mut().for_each(|(_, rows)| rows.sort_by(|a, b| urgency(a).cmp(&urgency(b))));
        // A scenario is as urgent as its most urgent series.
        groups.sort_by_key(|(_, rows)| rows.first().map(|verdict| urgency(verdict)));
        let reach = reach(gate);
        self.axis = reach.map(|reach| (format!("{:.2} ×", (-reach).exp()), format!("{:.2} ×", reach.exp())));
        let crowded = gate.len() > MOST_ROWS;
        let mut room = MOST_ROWS;
        for (scenario, rows) in groups {
            let all = rows.len();
            let fit = |verdict: &&Verdict| self.only.is_some() || !crowded || verdict.kind != VerdictKind::Equivalent;
            let kept: Vec<&Verdict> = rows.into_iter().filter(fit).take(room).collect();
            room -= kept.len();
            let hidden = all - kept.len();
            let rows: Result<Vec<Row>, PageError> =
                kept.into_iter().map(|verdict| Row::of(comparison, verdict, reach)).collect();
            self.groups.push(Group { scenario: scenario.to_owned(), rows: rows?, hidden });
        }
        Ok(())
    }

    fn note_elsewhere<'v>(&mut self, hidden: impl Iterator<Item = &'v Verdict>) {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        hidden.for_each(|verdict| *counts.entry(&verdict.case.scenario).or_default() += 1);
        self.elsewhere = counts.into_iter().map(|(scenario, count)| (scenario.to_owned(), count)).collect();
    }
}

/// The most urgent first: by verdict, those that did not change last, then by the size of the change.
fn urgency(verdict: &Verdict) -> (bool, VerdictKind, Reverse<u64>, &Case, Metric) {
    let unchanged = verdict.kind == VerdictKind::Equivalent;
    // Positive floats are ordered as their bits are.
    (unchanged, verdict.kind, Reverse(format::distance(verdict).to_bits()), &verdict.case, verdict.metric)
}

/// How far the shared axis reaches, as a logarithm. `None` where nothing has a place on it.
fn reach(gate: &[&Verdict]) -> Option<f64> {
    let ratios = gate.iter().filter(|verdict| verdict.scale == Scale::Ratio);
    let ends = ratios.filter_map(|verdict| log_interval(verdict).map(|(low, high)| low.abs().max(high.abs())));
    let farthest = ends.filter(|end| end.is_finite()).reduce(f64::max)?;
    Some((farthest * 1.05).clamp(REACH.0, REACH.1))
}

/// The interval of a ratio on the scale of the bars; the estimate twice where there is none.
fn log_interval(verdict: &Verdict) -> Option<(f64, f64)> {
    let effect = verdict.effect?;
    let (low, high) = verdict.interval.map_or((effect, effect), |interval| (interval.low, interval.high));
    (low > 0.0 && high > 0.0).then(|| (low.ln(), high.ln()))
}

/// Whether the whole interval lies beyond the margin, for series about which nothing is decided.
fn moved(verdict: &Verdict) -> bool {
    let Some(interval) = verdict.interval else { return false };
    let (low, high) = margin(verdict);
    interval.low > high || interval.high < low
}

/// The margin as ends on the scale of the effect.
pub(crate) fn margin(verdict: &Verdict) -> (f64, f64) {
    match verdict.scale {
        Scale::Ratio => (1.0 / (1.0 + verdict.margin), 1.0 + verdict.margin),
        Scale::Difference => (-verdict.margin, verdict.margin),
    }
}

/// The page of one series of a comparison.
pub(crate) fn series_href(comparison: ComparisonId, case: &Case, metric: Metric) -> String {
    format!("/comparison/{comparison}/series?case={}&metric={metric}", params::case_id(case))
}

impl Row {
    fn of(comparison: ComparisonId, verdict: &Verdict, reach: Option<f64>) -> Result<Row, PageError> {
        let sign = Sign::verdict(verdict.kind);
        let bar = match (verdict.scale, reach, log_interval(verdict)) {
            (Scale::Ratio, Some(reach), Some(interval)) => EffectBar {
                title: &format!("{} {}", sign.word, format::change(verdict)),
                effect: verdict.effect.unwrap_or(1.0).ln(),
                interval: verdict.interval.map(|_| interval),
                margin: verdict.margin.ln_1p(),
                reach,
                class: sign.word,
            }
            .svg()?,
            _ => String::new(),
        };
        let stage = verdict.stage.map(|stage| format!(" in stage {}", stage.number())).unwrap_or_default();
        Ok(Row {
            id: format!("s{}-{}", params::case_id(&verdict.case), verdict.metric),
            sign,
            label: label(verdict),
            metric: format::metric(verdict.metric),
            href: series_href(comparison, &verdict.case, verdict.metric),
            change: format::change(verdict),
            bar,
            resolution: verdict.resolution.map(|size| format::amount(verdict, size)).unwrap_or_default(),
            blocks: if verdict.blocks == 0 { "none".to_owned() } else { format!("{}{stage}", verdict.blocks) },
            reason: reason(verdict),
        })
    }
}

impl Described {
    fn of(comparison: ComparisonId, verdict: &Verdict) -> Described {
        Described {
            scenario: verdict.case.scenario.clone(),
            label: label(verdict),
            metric: format::metric(verdict.metric),
            href: series_href(comparison, &verdict.case, verdict.metric),
            change: format::change(verdict),
            moved: moved(verdict),
        }
    }
}

fn label(verdict: &Verdict) -> String {
    if verdict.label.0.is_empty() { "the only case".to_owned() } else { verdict.label.0.clone() }
}

/// Why, with what would decide.
fn reason(verdict: &Verdict) -> String {
    let needed = verdict.blocks_needed.map(|blocks| format!("about {blocks} blocks would decide"));
    let parts = [Some(verdict.reason.clone()).filter(|reason| !reason.is_empty()), needed];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CaseLabel, Interval, Stage, Value, Values};

    fn verdict(scenario: &str, size: u64, kind: VerdictKind, effect: f64) -> Verdict {
        Verdict {
            case: Case {
                scenario: scenario.into(),
                version: 1,
                operation: scenario.into(),
                parameters: Values::from([("size".into(), Value::Count(size))]),
                configuration: Values::new(),
            },
            label: CaseLabel(format!("{size} B")),
            operation_version: 1,
            metric: Metric::WALL_TIME,
            kind,
            gate: true,
            scale: Scale::Ratio,
            stage: Some(Stage::First),
            blocks: 10,
            effect: Some(effect),
            interval: Some(Interval { low: effect * 0.99, high: effect * 1.01, level: 0.95 }),
            p: Some(0.4),
            alpha: Some(0.1),
            margin: 0.01,
            resolution: Some(0.02),
            blocks_needed: None,
            reason: String::new(),
        }
    }

    #[test]
    fn the_worst_stands_first_and_what_did_not_change_last() {
        let verdicts = [
            verdict("a/equal", 1, VerdictKind::Equivalent, 1.0),
            verdict("b/mixed", 2, VerdictKind::Equivalent, 1.0),
            verdict("b/mixed", 3, VerdictKind::Worse, 1.1),
            verdict("b/mixed", 4, VerdictKind::Unusable, 1.0),
            verdict("b/mixed", 5, VerdictKind::Worse, 1.2),
            verdict("c/better", 6, VerdictKind::Better, 0.5),
        ];
        let table = VerdictTable::of(ComparisonId(1), &verdicts, None).unwrap();
        let order: Vec<(&str, Vec<&str>)> = table
            .groups
            .iter()
            .map(|group| (group.scenario.as_str(), group.rows.iter().map(|row| row.label.as_str()).collect()))
            .collect();
        let expected =
            vec![("b/mixed", vec!["5 B", "3 B", "4 B", "2 B"]), ("c/better", vec!["6 B"]), ("a/equal", vec!["1 B"])];
        assert_eq!(order, expected);
        // A change of one half is beyond the axis, which ends at 50%.
        assert_eq!(table.axis, Some(("0.67 ×".into(), "1.50 ×".into())));
    }

    #[test]
    fn hundreds_of_series_make_a_bounded_table_that_leaves_nothing_out_in_silence() {
        let kind = |index: u64| if index.is_multiple_of(7) { VerdictKind::Worse } else { VerdictKind::Equivalent };
        let mut verdicts: Vec<Verdict> =
            (0..300).map(|index| verdict(&format!("group/s{}", index % 5), index, kind(index), 1.02)).collect();
        verdicts.extend((0..500).map(|index| Verdict {
            gate: false,
            ..verdict(&format!("group/s{}", index % 5), index, VerdictKind::Inconclusive, 1.0)
        }));
        let table = VerdictTable::of(ComparisonId(1), &verdicts, None).unwrap();
        let rows: usize = table.groups.iter().map(|group| group.rows.len()).sum();
        let hidden: usize = table.groups.iter().map(|group| group.hidden).sum();
        assert_eq!((rows, rows + hidden), (43, 300), "every worse one is shown");
        let elsewhere: usize = table.elsewhere.iter().map(|(_, count)| count).sum();
        assert_eq!((table.described.len() + elsewhere, table.all_described), (500, 500));
        let bytes: usize = table.groups.iter().flat_map(|group| &group.rows).map(|row| row.bar.len()).sum();
        assert!(bytes / rows < 600, "{} bytes a bar", bytes / rows);
        let only = VerdictTable::of(ComparisonId(1), &verdicts, Some("group/s1")).unwrap();
        assert_eq!((only.groups.len(), only.groups[0].rows.len(), only.groups[0].hidden), (1, 60, 0));
    }
}
