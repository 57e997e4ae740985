//! Places in the history of a replica or of a server's store. A generation counts changes; the random id of the
//! transaction that made a change tells two histories apart that have counted equally far. Neither may ever be reused.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How many changes a store has seen. 0 is the empty store; never negative (databases count in this type).
pub type Generation = i64;

/// The random name of one transaction, 16 bytes, printed as 32 lowercase hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TransactionId([u8; 16]);

impl TransactionId {
    /// What stands for the transaction before the first one.
    pub const NONE: Self = Self([0; 16]);

    /// A new name.
    pub fn generate() -> Self {
        Self(uuid::Uuid::new_v4().into_bytes())
    }

    /// The name as bytes; the inverse of [`TransactionId::from_bytes`].
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// The name that has these bytes.
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

/// A text that names no transaction.
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

/// A place in a history: a generation and the transaction that reached it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// How far.
    #[serde(deserialize_with = "never_negative")]
    pub generation: Generation,
    /// Along which path.
    pub transaction: TransactionId,
}

impl Position {
    /// Before anything happened.
    pub const START: Self = Self { generation: 0, transaction: TransactionId::NONE };
}

fn never_negative<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Generation, D::Error> {
    let generation = Generation::deserialize(deserializer)?;
    if generation < 0 {
        return Err(serde::de::Error::custom("a generation is never negative"));
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
