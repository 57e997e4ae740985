//! Values that a scenario file names: the declared kinds of its parameters, the parameters of a point, and settings.

use std::{collections::BTreeMap, ops::Range};

use toml::Spanned;

use super::{
    problem::{Reporter, did_you_mean},
    written,
};
use crate::{
    model::{Value, Values},
    units,
};

/// What a parameter's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// A whole number.
    Count,
    /// A size: `10 kB`, or a whole number of bytes.
    Bytes,
    /// A size as above, or `mail`: each payload as large as a message of the mail mix.
    Payload,
    /// A word.
    Word,
}

const KINDS: [(&str, ParameterKind); 4] = [
    ("count", ParameterKind::Count),
    ("bytes", ParameterKind::Bytes),
    ("payload", ParameterKind::Payload),
    ("word", ParameterKind::Word),
];

/// The declared kinds, by name.
pub(super) fn parameter_kinds(file: &written::File, reporter: &mut Reporter<'_>) -> BTreeMap<String, ParameterKind> {
    let mut kinds = BTreeMap::new();
    for (name, kind) in &file.parameters {
        match KINDS.iter().find(|(word, _)| word == kind.get_ref()) {
            Some((_, kind)) => {
                kinds.insert(name.get_ref().clone(), *kind);
            }
            None => {
                let message = format!("`{}` is not a kind of parameter", kind.get_ref());
                reporter.report(kind.span(), message, did_you_mean(kind.get_ref(), KINDS.map(|(word, _)| word)));
            }
        }
    }
    kinds
}

/// The parameters of one point. Reports those that are unknown, missing or of another kind.
pub(super) fn parameters(
    point: Range<usize>,
    written: &written::Point,
    kinds: &BTreeMap<String, ParameterKind>,
    reporter: &mut Reporter<'_>,
) -> Values {
    let mut values = Values::new();
    for (name, value) in &written.parameters {
        let Some(kind) = kinds.get(name.get_ref()) else {
            let suggestion = did_you_mean(name.get_ref(), kinds.keys().map(String::as_str));
            reporter.report(name.span(), format!("`{}` is not in [parameters]", name.get_ref()), suggestion);
            continue;
        };
        if let Some(value) = parameter(*kind, value, reporter) {
            values.insert(name.get_ref().clone(), value);
        }
    }
    for name in kinds.keys() {
        if !written.parameters.keys().any(|written| written.get_ref() == name) {
            reporter.report(point.clone(), format!("this point has no `{name}`"), None);
        }
    }
    values
}

fn parameter(kind: ParameterKind, value: &Spanned<toml::Value>, reporter: &mut Reporter<'_>) -> Option<Value> {
    match (kind, value.get_ref()) {
        (ParameterKind::Payload, toml::Value::String(text)) if text == "mail" => Some(Value::Text(text.clone())),
        (ParameterKind::Bytes | ParameterKind::Payload, _) => bytes(value, reporter).map(Value::Count),
        (ParameterKind::Count, toml::Value::Integer(count)) if *count >= 0 => Some(Value::Count(count.unsigned_abs())),
        (ParameterKind::Word, toml::Value::String(text)) if is_word(text) => Some(Value::Text(text.clone())),
        (ParameterKind::Count, _) => {
            reporter.report(value.span(), "this parameter is a count: a whole number such as 1000", None);
            None
        }
        (ParameterKind::Word, _) => {
            reporter.report(value.span(), "this parameter is a word of a-z, 0-9, `-`, `_` and `.`", None);
            None
        }
    }
}

/// A size, as text or as a whole number of bytes.
pub(super) fn bytes(value: &Spanned<toml::Value>, reporter: &mut Reporter<'_>) -> Option<u64> {
    let parsed = match value.get_ref() {
        toml::Value::Integer(count) if *count >= 0 => return Some(count.unsigned_abs()),
        toml::Value::String(text) => units::parse_bytes(text).map_err(|error| error.to_string()),
        _ => Err("a size is a text such as \"10 kB\", or a whole number of bytes".to_owned()),
    };
    parsed.map_err(|message| reporter.report(value.span(), message, None)).ok()
}

/// Settings of the engine as written in the file.
pub(super) fn configuration(
    written: &BTreeMap<Spanned<String>, Spanned<toml::Value>>,
    reporter: &mut Reporter<'_>,
) -> Values {
    let mut values = Values::new();
    for (name, value) in written {
        match value.get_ref() {
            toml::Value::Boolean(flag) => values.insert(name.get_ref().clone(), Value::Flag(*flag)),
            toml::Value::Integer(count) if *count >= 0 => {
                values.insert(name.get_ref().clone(), Value::Count(count.unsigned_abs()))
            }
            toml::Value::String(text) if is_word(text) => {
                values.insert(name.get_ref().clone(), Value::Text(text.clone()))
            }
            _ => {
                reporter.report(value.span(), "a setting is true, false, a whole number or a word", None);
                None
            }
        };
    }
    values
}

/// Words become part of case keys, between blanks and `=`.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.'))
}
