//! The messages of a case: texts with the sizes of mail.

use std::sync::Arc;

use benchline_contract::Value;
use bytes::Bytes;

use super::roles::Setup;
use crate::error::SubjectError;
use crate::parameters::{Parameters, unknown};

/// Most messages of a case.
const COUNT_LIMIT: u64 = 100_000;
/// Most bytes of a message: those of a document's content.
const SIZE_LIMIT: u64 = 8 << 20;
/// Most bytes of all messages of a case.
const TOTAL_LIMIT: u64 = 1 << 30;

/// Ready-made messages, by number. Clones share them.
#[derive(Clone)]
pub(super) struct Messages(Arc<[Bytes]>);

impl Messages {
    /// Makes the messages that the parameters `messages` and `size` ask for.
    pub(super) fn read(setup: &Setup<'_>, parameters: &mut Parameters<'_>) -> Result<Self, SubjectError> {
        let wanted = "at most 100000, and 1 GiB together";
        let count = parameters.count("messages", wanted)?;
        let size = match parameters.value("size") {
            Some(Value::Count(size)) if *size <= SIZE_LIMIT => Some(*size),
            Some(Value::Text(word)) if word == "mail" => None,
            Some(Value::Text(word)) => return Err(unknown("word for `size`", word, ["mail"])),
            _ => return Err(parameters.invalid("size", "bytes of a message, at most 8 MiB, or the word `mail`")),
        };
        if count > COUNT_LIMIT || count.saturating_mul(size.unwrap_or(0)) > TOTAL_LIMIT {
            return Err(parameters.invalid("messages", wanted));
        }
        let message = |index| {
            let size = size.unwrap_or_else(|| setup.payload.mail_size(index, SIZE_LIMIT));
            Bytes::from(setup.payload.document(index, size as usize))
        };
        Ok(Self((0..count).map(message).collect()))
    }

    /// How many.
    pub(super) fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// Bytes of all of them.
    pub(super) fn bytes(&self) -> u64 {
        self.0.iter().map(|content| content.len() as u64).sum()
    }

    /// Each with its number.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Bytes)> {
        (0..).zip(self.0.iter())
    }
}

/// The id of message number `index`.
pub(super) fn id(index: u64) -> String {
    format!("M-{index:08}")
}
