//! Reads the oracle vectors of `tests/vectors/stats/` in tests. Never part of the program.

use serde_json::Value;

/// One vector: inputs and the oracle's results, by name.
pub(super) struct Case {
    pub(super) name: String,
    fields: Value,
}

/// The vectors of a file.
pub(super) fn read(text: &str) -> Vec<Case> {
    let file: Value = serde_json::from_str(text).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    cases
        .iter()
        .map(|fields| Case { name: fields["name"].as_str().unwrap().to_owned(), fields: fields.clone() })
        .collect()
}

impl Case {
    pub(super) fn number(&self, field: &str) -> f64 {
        number(&self.fields[field])
    }

    pub(super) fn list(&self, field: &str) -> Vec<f64> {
        list(&self.fields[field])
    }

    pub(super) fn lists(&self, field: &str) -> Vec<Vec<f64>> {
        self.fields[field].as_array().unwrap().iter().map(list).collect()
    }
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// Equal but for the last few bits.
#[track_caller]
pub(super) fn assert_close(found: f64, expected: f64, name: &str) {
    let allowed = 1e-12 * expected.abs().max(f64::MIN_POSITIVE);
    assert!((found - expected).abs() <= allowed, "{name}: {found:e}, the oracle says {expected:e}");
}

/// Equal within a relative error, for results that went through transcendental functions or cancellation.
#[track_caller]
pub(super) fn assert_near(found: f64, expected: f64, relative: f64, name: &str) {
    let close = (found - expected).abs() <= relative * expected.abs();
    assert!(close, "{name}: {found:e}, the oracle says {expected:e}");
}

/// Both missing, or both equal but for the last few bits.
#[track_caller]
pub(super) fn assert_close_option(found: Option<f64>, expected: Option<f64>, name: &str) {
    assert_eq!(found.is_some(), expected.is_some(), "{name}: {found:?}, the oracle says {expected:?}");
    if let (Some(found), Some(expected)) = (found, expected) {
        assert_close(found, expected, name);
    }
}
