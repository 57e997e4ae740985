//! A scenario at one point of its parameters.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::{Value, Values};

/// What is measured: a scenario at one point of its parameters. Two cases are the same series only when every field is
/// equal, so a new `version` starts new series.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Case {
    /// Name of the scenario, `group/name`.
    pub scenario: String,
    /// Version of the scenario's file.
    pub version: u32,
    /// The operation that the subject performs.
    pub operation: String,
    /// The point.
    pub parameters: Values,
    /// Settings that differ from the engine's defaults.
    pub configuration: Values,
}

/// How people read a case's parameters: `1000 × 10 kB`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CaseLabel(pub String);

impl Case {
    /// The case of a scenario without parameters, whose operation has the scenario's name: `group/name`, version 1.
    pub fn plain(scenario: &str) -> Case {
        Case {
            scenario: scenario.to_owned(),
            version: 1,
            operation: scenario.to_owned(),
            parameters: Values::new(),
            configuration: Values::new(),
        }
    }

    /// The case as one line of text, equal exactly when the cases are: `sync/upload@1 documents=1000 size=10000`.
    pub fn key(&self) -> String {
        let mut key = format!("{}@{}", self.scenario, self.version);
        if self.operation != self.scenario {
            let _ = write!(key, " operation={}", self.operation);
        }
        for (name, value) in &self.parameters {
            let _ = write!(key, " {name}={}", plain(value));
        }
        for (name, value) in &self.configuration {
            let _ = write!(key, " {name}:={}", plain(value));
        }
        key
    }

    /// The shell command that replays this case.
    pub fn replay(&self) -> String {
        format!("benchline replay '{}'", self.key().replace('\'', r"'\''"))
    }
}

/// A value as a key holds it. Text values are validated words without blanks, so keys stay unambiguous.
fn plain(value: &Value) -> String {
    match value {
        Value::Count(count) => count.to_string(),
        Value::Text(text) => text.clone(),
        Value::Flag(flag) => flag.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_every_field_that_splits_series() {
        let mut case = Case {
            scenario: "sync/upload".into(),
            version: 2,
            operation: "sync/upload".into(),
            parameters: Values::from([("size".into(), Value::Count(10_000)), ("documents".into(), Value::Count(1000))]),
            configuration: Values::new(),
        };
        assert_eq!(case.key(), "sync/upload@2 documents=1000 size=10000");
        case.operation = "other".into();
        case.configuration.insert("http.nodelay".into(), Value::Flag(false));
        assert_eq!(case.key(), "sync/upload@2 operation=other documents=1000 size=10000 http.nodelay:=false");
    }
}
