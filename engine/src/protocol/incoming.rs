//! Incoming messages: their names, their states, and the JSON messages about them and their leases. None of it contains the text of
//! a message.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::blob::{BlobDigest, NAME_LIMIT, is_name};

/// Most bytes of a public OpenPGP key that a user registers.
pub const MAX_OPENPGP_KEY: usize = 64 << 10;

/// Most messages that one request reserves, and the size of a page of a list.
pub const MAX_LEASES: usize = 100;

/// The last part of the path where messages are reserved, which therefore names none.
const RESERVED: &str = "leases";

/// The name that a mail service gives to a message of a user: 1 to 255 of `A-Z a-z 0-9 . _ -`, the first no dot and no
/// dash, and not `leases`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageId(String);

/// The text is not a valid message id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a message id has 1 to {NAME_LIMIT} of the characters A-Z a-z 0-9 . _ - and begins with a letter, a digit or an \
     underscore; `{RESERVED}` is reserved"
)]
pub struct InvalidMessageId;

impl MessageId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MessageId {
    type Err = InvalidMessageId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_name(text) && text != RESERVED { Ok(Self(text.to_owned())) } else { Err(InvalidMessageId) }
    }
}

impl TryFrom<String> for MessageId {
    type Error = InvalidMessageId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<MessageId> for String {
    fn from(id: MessageId) -> Self {
        id.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The state of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// It waits for a client, for the first time or again.
    Pending,
    /// A client has a lease on it that has not expired.
    Reserved,
    /// A client has stored it; it may be deleted.
    Processed,
    /// A client reported that it failed, or it was reserved too often. It stays until a client makes it pending again.
    Failed,
}

/// The outcome of a message that a client reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is stored durably. A client must not report this earlier.
    Processed,
    /// It cannot be processed.
    Failed,
    /// The lease is returned, so that another client can process it. Without a fence: a failed message is retried.
    Pending,
}

/// The body that sets a message's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetState {
    /// The new state.
    pub state: Outcome,
}

/// The right to process a message, until it expires or another client reserves the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// The message.
    pub id: MessageId,
    /// The number that every request under this lease names. It is greater than those of all leases before it.
    pub fence: u64,
    /// When others may take the message, in seconds since 1970 by the server's clock.
    pub expires: i64,
    /// Bytes of the message as it is stored, that is, encrypted.
    pub length: u64,
    /// The SHA-256 of them.
    pub digest: BlobDigest,
    /// How often the message was reserved, this time included.
    pub tries: u32,
}

/// Leases that were taken, the oldest message first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaseList {
    /// The leases; none where no message waits.
    pub leases: Vec<Lease>,
}

/// A message, as a server describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageEntry {
    /// Its name.
    pub id: MessageId,
    /// Its state.
    pub state: MessageState,
    /// How often it was reserved.
    pub tries: u32,
    /// Its length in bytes as it is stored, that is, encrypted.
    pub length: u64,
    /// When it was delivered, in seconds since 1970.
    pub created: i64,
}

/// A page of a list, ordered by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageList {
    /// The messages.
    pub messages: Vec<MessageEntry>,
    /// The id to continue after; `None` on the last page.
    pub next: Option<MessageId>,
}

/// The answer to the registration of a key. The client compares it with its own key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisteredKey {
    /// The key's fingerprint, 40 or 64 lowercase hexadecimal digits.
    pub fingerprint: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["a", "A.b_c-1", "0", "_", "leases.1", &"x".repeat(255)] {
            assert_eq!(good.parse::<MessageId>().unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", "-a", ".a", "a/b", "a\\b", "a b", "ä", "a\0", "a%2f", "leases", &"x".repeat(256)] {
            assert_eq!(bad.parse::<MessageId>(), Err(InvalidMessageId), "{bad:?}");
        }
    }

    #[test]
    fn leases_states_and_entries_read_as_documented() {
        let lease = Lease {
            id: "m-1".parse().unwrap(),
            fence: 7,
            expires: 1_700_000_000,
            length: 123,
            digest: BlobDigest([0xab; 32]),
            tries: 1,
        };
        let text = format!(
            r#"{{"id":"m-1","fence":7,"expires":1700000000,"length":123,"digest":"{}","tries":1}}"#,
            "ab".repeat(32)
        );
        assert_eq!(serde_json::to_string(&lease).unwrap(), text);
        assert_eq!(serde_json::from_str::<Lease>(&text).unwrap(), lease);
        assert!(serde_json::from_str::<Lease>(&text.replace("m-1", "leases")).is_err());

        let set: SetState = serde_json::from_str(r#"{"state":"processed"}"#).unwrap();
        assert_eq!(set.state, Outcome::Processed);
        for bad in ["reserved", "", "Failed"] {
            assert!(serde_json::from_str::<SetState>(&format!(r#"{{"state":"{bad}"}}"#)).is_err());
        }
        let entry = r#"{"id":"m-1","state":"reserved","tries":2,"length":5,"created":7}"#;
        assert_eq!(serde_json::from_str::<MessageEntry>(entry).unwrap().state, MessageState::Reserved);
    }
}
