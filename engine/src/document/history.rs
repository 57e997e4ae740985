//! Positions in the history of a replica or of a server's store. A generation counts changes; the random id of the
//! transaction that made a change distinguishes histories with equal counts. Neither may ever be reused.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The number of changes in a store. 0 is the empty store; never negative (databases store this type).
pub type Generation = i64;

/// The random id of one transaction, 16 bytes, printed as 32 lowercase hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TransactionId([u8; 16]);

impl TransactionId {
    /// Stands for the transaction before the first one.
    pub const NONE: Self = Self([0; 16]);

    /// A new id.
    pub fn generate() -> Self {
        Self(uuid::Uuid::new_v4().into_bytes())
    }

    /// The id as bytes; the inverse of [`TransactionId::from_bytes`].
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not a transaction id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a transaction id is 32 lowercase hexadecimal digits")]
pub struct InvalidTransactionId;

impl FromStr for TransactionId {
    type Err = InvalidTransactionId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = if digits { u128::from_str_radix(text, 16).ok() } else { None };
        number.map(|number| Self(number.to_be_bytes())).ok_or(InvalidTransactionId)
    }
}

impl TryFrom<String> for TransactionId {
    type Error = InvalidTransactionId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TransactionId> for String {
    fn from(id: TransactionId) -> Self {
        id.to_string()
    }
}

/// A position in a history: a generation and the transaction that reached it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The number of changes.
    #[serde(deserialize_with = "non_negative")]
    pub generation: Generation,
    /// The transaction that reached it.
    pub transaction: TransactionId,
}

impl Position {
    /// Before the first change.
    pub const START: Self = Self { generation: 0, transaction: TransactionId::NONE };
}

fn non_negative<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Generation, D::Error> {
    let generation = Generation::deserialize(deserializer)?;
    if generation < 0 {
        return Err(serde::de::Error::custom("a generation cannot be negative"));
    }
    Ok(generation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_as_documented() {
        let text = r#"{"generation":3,"transaction":"000102030405060708090a0b0c0d0e0f"}"#;
        let position: Position = serde_json::from_str(text).unwrap();
        assert_eq!(position.transaction.to_bytes()[15], 15);
        assert_eq!(serde_json::to_string(&position).unwrap(), text);
        assert!(serde_json::from_str::<Position>(&text.replace(":3", ":-3")).is_err());
        assert!("00".parse::<TransactionId>().is_err());
        assert!("+0000000000000000000000000000000".parse::<TransactionId>().is_err());
    }
}
