//! Document ids. An id is validated once, at construction; a file path must never be built from it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest id, in bytes.
pub const MAX_ID_LENGTH: usize = 255;

/// The id of a document: 1 to 255 of the characters `A-Z a-z 0-9 . _ -`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DocumentId(String);

/// A text that is not a valid document id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDocumentId {
    /// Empty or too long.
    #[error("a document id must have 1 to {MAX_ID_LENGTH} characters; this one has {0}")]
    Length(usize),
    /// A character that is not allowed.
    #[error("a document id may contain only A-Z a-z 0-9 . _ -; byte {0} of this one is another character")]
    Character(usize),
}

impl DocumentId {
    /// A new unique id: `D-` and a random UUID.
    pub fn generate() -> Self {
        Self(format!("D-{}", uuid::Uuid::new_v4()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check(text: &[u8]) -> Result<(), InvalidDocumentId> {
    if text.is_empty() || text.len() > MAX_ID_LENGTH {
        return Err(InvalidDocumentId::Length(text.len()));
    }
    match text.iter().position(|byte| !(byte.is_ascii_alphanumeric() || b"._-".contains(byte))) {
        Some(position) => Err(InvalidDocumentId::Character(position)),
        None => Ok(()),
    }
}

impl TryFrom<String> for DocumentId {
    type Error = InvalidDocumentId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        check(text.as_bytes()).map(|()| Self(text))
    }
}

impl FromStr for DocumentId {
    type Err = InvalidDocumentId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        check(text.as_bytes()).map(|()| Self(text.to_owned()))
    }
}

impl From<DocumentId> for String {
    fn from(id: DocumentId) -> Self {
        id.0
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_validated() {
        for good in ["a", "D-1", "A.b_c-9", "..", &"x".repeat(255)] {
            assert_eq!(good.parse::<DocumentId>().unwrap().as_str(), good);
        }
        assert_eq!("".parse::<DocumentId>(), Err(InvalidDocumentId::Length(0)));
        assert_eq!("x".repeat(256).parse::<DocumentId>(), Err(InvalidDocumentId::Length(256)));
        for (bad, position) in [("a/b", 1), ("../x", 2), ("a b", 1), ("é", 0), ("a\0", 1), ("a\n", 1), ("%2e", 0)] {
            assert_eq!(bad.parse::<DocumentId>(), Err(InvalidDocumentId::Character(position)), "{bad:?}");
        }
    }

    #[test]
    fn generated_ids_are_valid_and_differ() {
        let (one, other) = (DocumentId::generate(), DocumentId::generate());
        assert_ne!(one, other);
        assert!(one.as_str().starts_with("D-") && one.as_str().parse::<DocumentId>().is_ok());
    }

    #[test]
    fn json_is_validated_too() {
        assert!(serde_json::from_str::<DocumentId>(r#""a/b""#).is_err());
        assert_eq!(serde_json::from_str::<DocumentId>(r#""a""#).unwrap().as_str(), "a");
    }
}
