//! Reads a range of an index, a page at a time.

use std::ops::Bound;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::{Found, IndexValue, Wanted};
use crate::store::{DatabaseError, StoreError, versions};

/// A range of an index, as a statement takes it.
pub(super) struct Span {
    from: (&'static str, Value),
    to: (&'static str, Value),
}

/// Before every value: JSON has no infinity.
const FIRST: Value = Value::Real(f64::NEG_INFINITY);
/// After every text, before every boolean.
const AFTER_TEXTS: Value = Value::Blob(Vec::new());

impl Span {
    /// The range that holds what is wanted.
    pub(super) fn of(wanted: &Wanted) -> Self {
        match wanted {
            Wanted::Value(value) => Self { from: (">=", sql(value)), to: ("<=", sql(value)) },
            Wanted::Prefix(prefix) => Self {
                from: (">=", Value::Text(prefix.clone())),
                to: ("<", after_prefix(prefix).map_or(AFTER_TEXTS, Value::Text)),
            },
            Wanted::Range(from, to) => Self {
                from: match from {
                    Bound::Included(value) => (">=", sql(value)),
                    Bound::Excluded(value) => (">", sql(value)),
                    Bound::Unbounded => (">=", FIRST),
                },
                to: match to {
                    Bound::Included(value) => ("<=", sql(value)),
                    Bound::Excluded(value) => ("<", sql(value)),
                    // After both booleans.
                    Bound::Unbounded => ("<", Value::Blob(vec![2])),
                },
            },
        }
    }
}

fn sql(value: &IndexValue) -> Value {
    match value {
        IndexValue::Integer(number) => Value::Integer(*number),
        IndexValue::Real(number) => Value::Real(*number),
        IndexValue::Text(text) => Value::Text(text.clone()),
        IndexValue::Bool(value) => Value::Blob(vec![u8::from(*value)]),
    }
}

/// The smallest text that is greater than all texts with this prefix; `None` where there is none.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        // The iterator skips the surrogates.
        if let Some(next) = (last..=char::MAX).nth(1) {
            text.push(next);
            return Some(text);
        }
    }
    None
}

/// At most `limit` entries of the index with this key.
pub(super) fn find(
    connection: &Connection,
    index: i64,
    span: &Span,
    after: Option<&Found>,
    limit: usize,
) -> Result<Vec<Found>, StoreError> {
    let ((from, least), (to, most)) = (&span.from, &span.to);
    // To continue a listing, the database should seek to `after`; the plus keeps it from seeking to the start of the range
    // and scanning from there.
    let (seek, plus) = match after {
        Some(_) => ("AND (value, document) > (?5, ?6)", "+"),
        None => ("AND ?5 IS NULL AND ?6 IS NULL", ""),
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT value, document FROM entries
         WHERE of_index = ?1 AND {plus}value {from} ?2 AND value {to} ?3 {seek} ORDER BY value, document LIMIT ?4"
    ))?;
    let (value, document) = after.map(|found| (&found.value, found.id.as_str())).unzip();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query((index, least, most, limit, value, document))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let value = IndexValue::from_sql(row.get_ref(0)?);
        let value = value.ok_or_else(|| DatabaseError::Damaged("an entry of an index is invalid".to_owned()))?;
        found.push(Found { value, id: versions::document_id(row, 1)? });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next_text() {
        assert_eq!(after_prefix("ab").unwrap(), "ac");
        assert_eq!(after_prefix("a\u{d7ff}").unwrap(), "a\u{e000}");
        assert_eq!(after_prefix("a\u{10ffff}").unwrap(), "b");
        assert_eq!(after_prefix("\u{10ffff}"), None);
        assert_eq!(after_prefix(""), None);
    }
}
