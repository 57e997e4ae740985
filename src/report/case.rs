//! A case as every report names it.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::model::{Case, CaseLabel, Value, Values};

/// A scenario at one point of its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CaseReport {
    /// The whole case as one line, equal exactly when the cases are: `sync/upload@1 documents=1000 size=10000`.
    pub key: String,
    /// `group/name`.
    pub scenario: String,
    /// Version of the scenario's file.
    pub version: u32,
    /// The operation that the subject performs.
    pub operation: String,
    /// The point of the scenario's parameters. Values are numbers, words or switches.
    pub parameters: Map<String, Json>,
    /// Settings that differ from the subject's defaults.
    pub configuration: Map<String, Json>,
    /// How people read the parameters: `1000 × 10 kB`.
    pub label: String,
}

impl CaseReport {
    /// A case with its label.
    pub fn new(case: &Case, label: &CaseLabel) -> CaseReport {
        CaseReport {
            key: case.key(),
            scenario: case.scenario.clone(),
            version: case.version,
            operation: case.operation.clone(),
            parameters: plain(&case.parameters),
            configuration: plain(&case.configuration),
            label: label.0.clone(),
        }
    }
}

fn plain(values: &Values) -> Map<String, Json> {
    let value = |value: &Value| match value {
        Value::Count(count) => Json::from(*count),
        Value::Text(text) => Json::from(text.as_str()),
        Value::Flag(flag) => Json::from(*flag),
    };
    values.iter().map(|(name, of)| (name.clone(), value(of))).collect()
}
