//! What each setting buys: the cases of a scenario that stand against its baseline, as a table. Nothing here decides.

use std::{collections::BTreeMap, rc::Rc};

use super::{figure::Table, graph::History};
use crate::{
    history::{Reader, Series},
    judge,
    model::{CaseLabel, Metric, Quantity, Role, RunId, Trial, Values},
    report::format,
    site::http::error::PageError,
};

/// The rows at a place of the axis: each case with other settings against the case of the baseline that is like it
/// otherwise. Nothing where there is no such pair.
pub(crate) fn table(
    reader: &Reader,
    history: &History,
    place: usize,
    baseline: &Values,
) -> Result<Option<Table>, PageError> {
    let value = |line: &Series, name: &String| {
        line.case.configuration.get(name).or_else(|| line.case.parameters.get(name)).cloned()
    };
    let is_base = |line: &&Series| baseline.iter().all(|(name, wanted)| value(line, name).as_ref() == Some(wanted));
    let others = |line: &Series| -> Values {
        let all = line.case.parameters.iter().filter(|(name, _)| !baseline.contains_key(*name));
        all.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let mut read = Trials { reader, known: BTreeMap::new() };
    let metrics = metrics(history.metric);
    let mut rows = Vec::new();
    for line in history.series.iter().filter(|line| !is_base(line)) {
        let twin = |other: &&Series| {
            others(other) == others(line)
                && other.case.version == line.case.version
                && other.operation_version == line.operation_version
        };
        let Some(base) = history.series.iter().filter(is_base).find(twin) else { continue };
        let (Some(point), Some(base_point)) = (history.at(line, place), history.at(base, place)) else { continue };
        if point.run != base_point.run {
            continue;
        }
        let trials = read.of(point.run, line)?;
        let base_trials = read.of(point.run, base)?;
        let mut row = vec![format!("{} against {}", name(&line.label), name(&base.label))];
        for metric in &metrics {
            row.push(cell(&base_trials, &trials, *metric)?);
        }
        rows.push(row);
    }
    if rows.is_empty() {
        return Ok(None);
    }
    let head = ["Setting".to_owned()].into_iter().chain(metrics.iter().map(|metric| format::metric(*metric))).collect();
    let mut table = Table { head, rows };
    table.drop_empty_columns();
    Ok(Some(table))
}

/// The chosen metric, and what costs.
fn metrics(chosen: Metric) -> Vec<Metric> {
    let mut metrics = vec![
        Metric::WALL_TIME,
        Metric::of(Role::Client, Quantity::CpuTime),
        Metric::of(Role::Server, Quantity::CpuTime),
        Metric::of(Role::Client, Quantity::RssPeak),
        Metric::of(Role::Server, Quantity::RssPeak),
    ];
    metrics.retain(|metric| *metric != chosen);
    metrics.insert(0, chosen);
    metrics
}

fn name(label: &CaseLabel) -> &str {
    if label.0.is_empty() { "the case" } else { &label.0 }
}

fn cell(base: &[Trial], other: &[Trial], metric: Metric) -> Result<String, PageError> {
    let Some(found) = judge::contrast(base, other, metric).map_err(|error| PageError::internal(&error))? else {
        return Ok(String::new());
    };
    let effect = format::effect(metric, found.scale, found.effect, found.interval);
    Ok(match found.interval {
        Some(_) => effect,
        None => format!("{effect}, {} rounds are too few for an interval", found.rounds),
    })
}

/// The trials of cases, each read once.
struct Trials<'a> {
    reader: &'a Reader,
    known: BTreeMap<(RunId, String), Rc<[Trial]>>,
}

impl Trials<'_> {
    fn of(&mut self, run: RunId, line: &Series) -> Result<Rc<[Trial]>, PageError> {
        let key = (run, line.case.key());
        if let Some(trials) = self.known.get(&key) {
            return Ok(trials.clone());
        }
        let trials: Rc<[Trial]> = self.reader.trials(run, &key.1)?.into();
        self.known.insert(key, trials.clone());
        Ok(trials)
    }
}
