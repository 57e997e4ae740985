//! Labels of cases: the scenario's template with its parameters filled in, `{documents} × {size}` → `1000 × 10 kB`.

use std::collections::BTreeMap;

use super::parameters::ParameterKind;
use crate::{
    model::{
        CaseLabel, Value, Values,
        template::{self, TemplateError},
    },
    units,
};

/// Fills the template.
///
/// # Errors
/// A single brace; a name that is no parameter and no setting of the point.
pub(super) fn fill(
    template: &str,
    kinds: &BTreeMap<String, ParameterKind>,
    parameters: &Values,
    configuration: &Values,
) -> Result<CaseLabel, TemplateError> {
    let text = |name: &str| {
        let value = parameters.get(name).or_else(|| configuration.get(name))?;
        Some(match (value, kinds.get(name)) {
            (Value::Count(bytes), Some(ParameterKind::Bytes | ParameterKind::Payload)) => units::exact_bytes(*bytes),
            (Value::Count(count), _) => count.to_string(),
            (Value::Text(text), _) => text.clone(),
            (Value::Flag(flag), _) => (if *flag { "on" } else { "off" }).to_owned(),
        })
    };
    template::fill(template, text).map(CaseLabel)
}
