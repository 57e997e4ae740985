//! Queries to an index, and their results.

use std::ops::Bound;

use super::IndexValue;
use crate::document::DocumentId;

/// What to find in an index.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// This value.
    Value(IndexValue),
    /// Texts with this prefix.
    Prefix(String),
    /// Values between two, in the order of [`IndexValue`].
    Range(Bound<IndexValue>, Bound<IndexValue>),
}

/// An entry of an index.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The value of the document at the path.
    pub value: IndexValue,
    /// Which document.
    pub id: DocumentId,
}
