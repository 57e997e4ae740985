//! Which lines of a history share a graph: so many fit one, more are split by a setting that tells them apart.

use std::collections::{BTreeMap, BTreeSet};

use super::series_history::SeriesHistory;
use crate::{
    history::Series,
    model::{Case, Value},
};

/// So many lines fit one graph; more are split into several.
const MOST_LINES: usize = 8;

/// Groups of lines that fit one graph each, with what the lines of a group have in common.
pub(crate) fn split_lines(history: &SeriesHistory) -> Vec<(String, Vec<&Series>)> {
    split(history.series.iter().collect(), String::new())
}

/// Splits lines until each group fits a graph: first by settings that are words, then by the number with the fewest
/// values. What cannot be split stays together.
fn split(lines: Vec<&Series>, name: String) -> Vec<(String, Vec<&Series>)> {
    if lines.len() <= MOST_LINES {
        return vec![(name, lines)];
    }
    let Some(setting) = dividing_setting(&lines) else { return vec![(name, lines)] };
    let mut groups: BTreeMap<Option<&Value>, Vec<&Series>> = BTreeMap::new();
    for line in lines {
        groups.entry(setting_of(&line.case, &setting)).or_default().push(line);
    }
    let named = groups.into_iter().map(|(value, lines)| {
        let part = format!("{setting} {}", value.map_or_else(|| "default".to_owned(), format_setting));
        (if name.is_empty() { part } else { format!("{name}, {part}") }, lines)
    });
    named.flat_map(|(name, lines)| split(lines, name)).collect()
}

/// The setting to split by: one that differs, words before numbers, fewest values first.
fn dividing_setting(lines: &[&Series]) -> Option<String> {
    let names: BTreeSet<&String> =
        lines.iter().flat_map(|line| line.case.parameters.keys().chain(line.case.configuration.keys())).collect();
    let candidates = names.into_iter().filter_map(|name| {
        let values: BTreeSet<Option<&Value>> = lines.iter().map(|line| setting_of(&line.case, name)).collect();
        let number = values.iter().any(|value| matches!(value, Some(Value::Count(_))));
        (values.len() > 1).then(|| (number, values.len(), name.clone()))
    });
    candidates.min().map(|(_, _, name)| name)
}

fn setting_of<'c>(case: &'c Case, name: &str) -> Option<&'c Value> {
    case.parameters.get(name).or_else(|| case.configuration.get(name))
}

/// A setting's value as people read it.
pub(crate) fn format_setting(value: &Value) -> String {
    match value {
        Value::Count(count) => count.to_string(),
        Value::Text(text) => text.clone(),
        Value::Flag(true) => "on".to_owned(),
        Value::Flag(false) => "off".to_owned(),
    }
}
