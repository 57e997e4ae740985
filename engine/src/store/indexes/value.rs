//! Values that indexes order documents by.

use std::fmt;

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};

/// Most bytes of a text that is indexed; a longer one has no entry.
pub(super) const TEXT_LIMIT: usize = 1024;

/// A value in a JSON document, in the order of indexes: numbers by value, then texts by code points, then false and true.
/// An integer equals a real number of the same value.
#[derive(Clone, PartialEq)]
pub enum IndexValue {
    /// A 64-bit integer.
    Integer(i64),
    /// Any other number.
    Real(f64),
    /// A text of at most 1024 bytes.
    Text(String),
    /// True or false.
    Bool(bool),
}

/// Content is a secret: only its kind is shown.
impl fmt::Debug for IndexValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Integer(_) | Self::Real(_) => "a number",
            Self::Text(_) => "a text",
            Self::Bool(_) => "a boolean",
        })
    }
}

/// SQLite orders numbers before texts before blobs, and so a boolean is a blob of one byte.
impl ToSql for IndexValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Integer(number) => ToSqlOutput::from(*number),
            Self::Real(number) => ToSqlOutput::from(*number),
            Self::Text(text) => ToSqlOutput::from(text.as_str()),
            Self::Bool(value) => ToSqlOutput::Owned(Value::Blob(vec![u8::from(*value)])),
        })
    }
}

impl IndexValue {
    pub(super) fn from_sql(value: ValueRef<'_>) -> Option<Self> {
        Some(match value {
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Real(number) => Self::Real(number),
            ValueRef::Text(text) => Self::Text(std::str::from_utf8(text).ok()?.to_owned()),
            ValueRef::Blob([value]) => Self::Bool(*value != 0),
            ValueRef::Blob(_) | ValueRef::Null => return None,
        })
    }
}
