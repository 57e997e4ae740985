//! Labels of cases: the scenario's template with its parameters filled in, `{documents} × {size}` → `1000 × 10 kB`.

use std::collections::BTreeMap;

use super::validate::ParameterKind;
use crate::{
    model::{CaseLabel, Value, Values},
    units,
};

/// The names between braces, or what is wrong with the template.
pub(super) fn placeholders(template: &str) -> Result<Vec<&str>, String> {
    let mut names = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.find(['{', '}']) {
        let tail = &rest[open..];
        let close = tail.find('}').filter(|_| tail.starts_with('{'));
        let Some(close) = close else { return Err("a label's braces do not match".into()) };
        names.push(&tail[1..close]);
        rest = &tail[close + 1..];
    }
    Ok(names)
}

/// Fills the template. Invariant: every placeholder is a parameter or a setting of the point.
pub(super) fn fill(
    template: &str,
    kinds: &BTreeMap<String, ParameterKind>,
    parameters: &Values,
    configuration: &Values,
) -> CaseLabel {
    let mut label = template.to_owned();
    for (name, value) in parameters.iter().chain(configuration) {
        let text = match (value, kinds.get(name)) {
            (Value::Count(bytes), Some(ParameterKind::Bytes | ParameterKind::Payload)) => units::exact_bytes(*bytes),
            (Value::Count(count), _) => count.to_string(),
            (Value::Text(text), _) => text.clone(),
            (Value::Flag(flag), _) => (if *flag { "on" } else { "off" }).to_owned(),
        };
        label = label.replace(&format!("{{{name}}}"), &text);
    }
    CaseLabel(label)
}
