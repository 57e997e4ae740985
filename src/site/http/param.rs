//! What the types of parameters share: the error that says what would be right, and parameters that may be left out.

use std::{fmt::Display, ops::RangeInclusive, str::FromStr};

use serde::{Deserialize, Deserializer, de};

/// Why a text is not the parameter that it should be: what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidParam(pub(crate) String);

impl InvalidParam {
    pub(crate) fn new(right: &str) -> InvalidParam {
        InvalidParam(right.to_owned())
    }
}

/// A parameter that may be left out. A form sends an empty field for what was not chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Optional<T>(pub(crate) Option<T>);

impl<T> Default for Optional<T> {
    fn default() -> Optional<T> {
        Optional(None)
    }
}

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Optional<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Optional<T>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let given = Some(text).filter(|text| !text.is_empty());
        given.map(|text| text.parse().map_err(de::Error::custom)).transpose().map(Optional)
    }
}

/// Whether a text consists of lower-case hex digits.
pub(crate) fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// A number without a sign.
pub(crate) fn number(text: &str, right: &str) -> Result<i64, InvalidParam> {
    let number = text.parse().ok().filter(|number| *number >= 0 && !text.starts_with('+'));
    number.ok_or_else(|| InvalidParam::new(right))
}

/// A number within bounds.
pub(crate) fn bounded(text: &str, bounds: RangeInclusive<usize>, right: &str) -> Result<usize, InvalidParam> {
    text.parse().ok().filter(|number| bounds.contains(number)).ok_or_else(|| InvalidParam::new(right))
}
