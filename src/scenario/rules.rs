//! The rules for deciding in a scenario file: gate metrics, exact counts, margins and budgets.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::{
    problem::{Reporter, did_you_mean},
    written,
};
use crate::{
    model::{Budget, Limit, Margin, Metric, Role, Rules, Unit},
    units,
};

/// Reads `[gate]` and `[budgets]`. `roles` are those of the scenario: a metric of another role would never have a value.
pub(super) fn rules(file: &written::File, roles: &[Role], reporter: &mut Reporter<'_>) -> Rules {
    let gate = &file.gate;
    Rules {
        gate: metrics(&gate.metrics, roles, reporter),
        exact: metrics(&gate.exact, roles, reporter),
        margins: margins(&gate.margins, roles, reporter),
        budgets: budgets(&file.budgets, roles, reporter),
        only: None,
    }
}

fn metrics(words: &[Spanned<String>], roles: &[Role], reporter: &mut Reporter<'_>) -> BTreeSet<Metric> {
    words.iter().filter_map(|word| metric(word, roles, reporter)).collect()
}

fn metric(word: &Spanned<String>, roles: &[Role], reporter: &mut Reporter<'_>) -> Option<Metric> {
    let metric: Metric = match word.get_ref().parse() {
        Ok(metric) => metric,
        Err(error) => {
            reporter.report(word.span(), format!("{error}"), None);
            return None;
        }
    };
    if let Some(role) = metric.role.filter(|role| !roles.contains(role)) {
        let suggestion = did_you_mean(role.as_str(), roles.iter().map(|role| role.as_str()));
        reporter.report(word.span(), format!("the scenario has no role `{}`", role.as_str()), suggestion);
        return None;
    }
    Some(metric)
}

fn margins(
    written: &BTreeMap<Spanned<String>, Spanned<String>>,
    roles: &[Role],
    reporter: &mut Reporter<'_>,
) -> BTreeMap<Metric, Margin> {
    let mut margins = BTreeMap::new();
    for (name, text) in written {
        let Some(metric) = metric(name, roles, reporter) else { continue };
        match margin(metric, text.get_ref()) {
            Ok(margin) => drop(margins.insert(metric, margin)),
            Err(message) => reporter.report(text.span(), message, None),
        }
    }
    margins
}

fn margin(metric: Metric, text: &str) -> Result<Margin, String> {
    if text.trim_end().ends_with('%') {
        let share = units::parse_ratio(text).map_err(|error| error.to_string())?;
        return Ok(Margin { share, absolute: 0.0 });
    }
    Ok(Margin { share: 0.0, absolute: quantity(metric, text)? })
}

fn budgets(
    written: &BTreeMap<Spanned<String>, Spanned<String>>,
    roles: &[Role],
    reporter: &mut Reporter<'_>,
) -> Vec<Budget> {
    let mut budgets = Vec::new();
    for (name, text) in written {
        let Some(metric) = metric(name, roles, reporter) else { continue };
        match limit(metric, text.get_ref()) {
            Ok(limit) => budgets.push(Budget { metric, limit }),
            Err(message) => reporter.report(text.span(), message, None),
        }
    }
    budgets
}

/// `64 MB`, `20 ms`, or `1.10 × anchor`.
fn limit(metric: Metric, text: &str) -> Result<Limit, String> {
    let Some(factor) = text.trim().strip_suffix("anchor") else { return Ok(Limit::Value(quantity(metric, text)?)) };
    let factor = factor.trim().trim_end_matches(['×', 'x']).trim();
    match factor.parse::<f64>() {
        Ok(factor) if factor.is_finite() && factor > 0.0 => Ok(Limit::OfAnchor(factor)),
        _ => Err(format!("`{text}` is not a limit: write such as `64 MB`, `20 ms` or `1.10 × anchor`")),
    }
}

/// A value in the metric's unit.
fn quantity(metric: Metric, text: &str) -> Result<f64, String> {
    let value = match metric.unit() {
        Unit::Nanoseconds => units::parse_duration(text).map(|value| value as f64),
        Unit::Bytes | Unit::MemoryBytes => units::parse_bytes(text).map(|value| value as f64),
        Unit::BytesPerSecond => units::parse_byte_rate(text).map(|value| value as f64),
        Unit::PerSecond => units::parse_rate(text),
        Unit::Ratio => units::parse_ratio(text),
        Unit::Count => {
            return text.trim().parse::<u64>().map(|value| value as f64).map_err(|_| {
                format!(
                    "`{text}` is not a count: `{metric}` is counted, so write a whole number or a share such as `1%`"
                )
            });
        }
    };
    value.map_err(|error| error.to_string())
}
