//! Reads the parameters and settings of a case. It must never ignore one: a case that this revision does not know entirely is
//! not measured.

use std::collections::BTreeSet;
use std::fmt::Display;

use benchline_contract::{Value, Values};
use benchline_engine::config::Config;
use serde_json::{Map, Value as Json};

use crate::error::SubjectError;

/// The parameters of one operation, each read once.
pub(crate) struct Parameters<'a> {
    operation: &'a str,
    values: &'a Values,
    read: BTreeSet<&'static str>,
}

impl<'a> Parameters<'a> {
    pub(crate) fn new(operation: &'a str, values: &'a Values) -> Self {
        Self { operation, values, read: BTreeSet::new() }
    }

    /// A number.
    pub(crate) fn count(&mut self, name: &'static str, wanted: &'static str) -> Result<u64, SubjectError> {
        match self.value(name) {
            Some(Value::Count(count)) => Ok(*count),
            _ => Err(self.invalid(name, wanted)),
        }
    }

    /// One of several words, each with its meaning.
    pub(crate) fn word<T: Copy>(&mut self, name: &'static str, known: &[(&str, T)]) -> Result<T, SubjectError> {
        let Some(Value::Text(text)) = self.value(name) else {
            return Err(self.invalid(name, "a word"));
        };
        known
            .iter()
            .find(|(word, _)| word == text)
            .map(|(_, meaning)| *meaning)
            .ok_or_else(|| unknown(&format!("`{name}`"), text, known.iter().map(|(word, _)| word)))
    }

    /// A value of any kind.
    pub(crate) fn value(&mut self, name: &'static str) -> Option<&'a Value> {
        self.read.insert(name);
        self.values.get(name)
    }

    /// Rejects parameters that were not read.
    pub(crate) fn finish(self) -> Result<(), SubjectError> {
        match self.values.keys().find(|name| !self.read.contains(name.as_str())) {
            Some(name) => Err(unknown(&format!("parameter of `{}`", self.operation), name, &self.read)),
            None => Ok(()),
        }
    }

    /// The error for a parameter that is not as `wanted`.
    pub(crate) fn invalid(&self, name: &'static str, wanted: &'static str) -> SubjectError {
        SubjectError::Parameter { operation: self.operation.to_owned(), name, wanted }
    }
}

/// The error for an unknown name.
pub(crate) fn unknown<T: Display>(what: &str, name: &str, known: impl IntoIterator<Item = T>) -> SubjectError {
    let known = known.into_iter().map(|name| name.to_string()).collect::<Vec<_>>().join(", ");
    SubjectError::Unknown { what: what.to_owned(), name: name.to_owned(), known }
}

/// The engine's configuration: its defaults, with the settings that are named by their place in it
/// (`store.synchronous`).
pub(crate) fn configuration(settings: &Values) -> Result<Config, SubjectError> {
    let mut root = Map::new();
    for (name, value) in settings {
        let value = match value {
            Value::Count(count) => Json::from(*count),
            Value::Text(text) => Json::from(text.as_str()),
            Value::Flag(flag) => Json::from(*flag),
        };
        insert(&mut root, name, value);
    }
    serde_json::from_value(Json::Object(root)).map_err(SubjectError::Configuration)
}

/// Inserts a value at the path that its dotted name describes. A name that runs through another setting's value replaces it,
/// and the engine then rejects the result.
fn insert(table: &mut Map<String, Json>, name: &str, value: Json) {
    let Some((head, tail)) = name.split_once('.') else {
        table.insert(name.to_owned(), value);
        return;
    };
    let inner = table.entry(head).or_insert_with(|| Json::Object(Map::new()));
    if !inner.is_object() {
        *inner = Json::Object(Map::new());
    }
    if let Json::Object(inner) = inner {
        insert(inner, tail, value);
    }
}

#[cfg(test)]
mod tests {
    use benchline_engine::config::{Journal, Synchronous};

    use super::*;
    use benchline_contract::FailureKind;

    fn settings(pairs: &[(&str, Value)]) -> Values {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    #[test]
    fn dotted_settings_reach_their_place() {
        let values = settings(&[
            ("session_cache", Value::Flag(false)),
            ("store.journal", Value::Text("delete".into())),
            ("store.page_size", Value::Count(8192)),
            ("store.synchronous", Value::Text("off".into())),
        ]);
        let config = configuration(&values).unwrap();
        assert!(!config.session_cache);
        assert_eq!((config.store.journal, config.store.synchronous), (Journal::Delete, Synchronous::Off));
        assert_eq!(config.store.page_size, 8192);
        assert_eq!(configuration(&Values::new()).unwrap(), Config::default());
    }

    #[test]
    fn unknown_settings_are_unsupported_and_named() {
        for (name, value) in [
            ("store.jurnal", Value::Flag(true)),
            ("shop", Value::Flag(true)),
            ("store.journal", Value::Text("wax".into())),
            ("store.journal.x", Value::Flag(true)),
        ] {
            let reply = configuration(&settings(&[(name, value)])).unwrap_err().to_reply();
            assert_eq!(reply.kind, FailureKind::Unsupported, "{name}");
            assert!(reply.message.contains("unknown") || reply.message.contains("invalid"), "{}", reply.message);
        }
    }

    #[test]
    fn every_parameter_must_be_read() {
        let values = settings(&[("size", Value::Count(5)), ("colour", Value::Text("red".into()))]);
        let mut parameters = Parameters::new("crypto/seal", &values);
        assert_eq!(parameters.count("size", "a number").unwrap(), 5);
        let reply = parameters.finish().unwrap_err().to_reply();
        assert_eq!(reply.kind, FailureKind::Unsupported);
        assert_eq!(reply.message, "parameter of `crypto/seal` `colour` is unknown here; known: size");
    }

    #[test]
    fn a_missing_parameter_is_an_error_and_an_unknown_word_is_unsupported() {
        let values = settings(&[("form", Value::Text("scroll".into()))]);
        let mut parameters = Parameters::new("crypto/seal", &values);
        assert_eq!(parameters.count("size", "a number").unwrap_err().to_reply().kind, FailureKind::Error);
        let reply = parameters.word("form", &[("document", 1), ("blob", 2)]).unwrap_err().to_reply();
        assert_eq!(reply.kind, FailureKind::Unsupported);
        assert!(reply.message.contains("scroll") && reply.message.contains("document, blob"), "{}", reply.message);
    }
}
