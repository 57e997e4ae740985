//! Names and flags of blobs, and the JSON messages about them. A name is validated once, when it is parsed; a file system path must
//! never be built from one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Most characters of a namespace or a blob id.
pub(super) const NAME_LIMIT: usize = 255;

/// The text is not a valid namespace or blob id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a {0} has 1 to {NAME_LIMIT} of the characters A-Z a-z 0-9 . _ - and begins with a letter, a digit or an underscore"
)]
pub struct InvalidBlobName(&'static str);

fn check(what: &'static str, text: &str) -> Result<String, InvalidBlobName> {
    if is_name(text) { Ok(text.to_owned()) } else { Err(InvalidBlobName(what)) }
}

/// Whether a text has the syntax that all these names share.
pub(super) fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = text.as_bytes();
    bytes.len() <= NAME_LIMIT
        && bytes.first().is_some_and(|first| plain(*first))
        && bytes.iter().all(|byte| plain(*byte) || b".-".contains(byte))
}

/// The namespace inside a user's blobs: 1 to 255 of `A-Z a-z 0-9 . _ -`, the first no dot and no dash.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(String);

/// The id of a blob inside its namespace, of the same characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BlobId(String);

impl Namespace {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl BlobId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Namespace {
    type Err = InvalidBlobName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        check("namespace", text).map(Self)
    }
}

impl FromStr for BlobId {
    type Err = InvalidBlobName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        check("blob id", text).map(Self)
    }
}

impl TryFrom<String> for BlobId {
    type Error = InvalidBlobName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<BlobId> for String {
    fn from(id: BlobId) -> Self {
        id.0
    }
}

/// The SHA-256 of a blob's bytes as they are stored, that is, encrypted. Its text is 64 lowercase hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BlobDigest(pub [u8; 32]);

/// The text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 64 lowercase hexadecimal digits")]
pub struct InvalidBlobDigest;

impl fmt::Display for BlobDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BlobDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobDigest({self})")
    }
}

impl TryFrom<String> for BlobDigest {
    type Error = InvalidBlobDigest;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(InvalidBlobDigest),
        };
        let pairs = text.as_bytes().as_chunks().0;
        let mut digest = [0; 32];
        if text.len() != 64 {
            return Err(InvalidBlobDigest);
        }
        for (byte, [high, low]) in digest.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(digest))
    }
}

impl From<BlobDigest> for String {
    fn from(digest: BlobDigest) -> Self {
        digest.to_string()
    }
}

/// A flag of a blob, for clients that share its processing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlobFlag {
    /// It waits to be processed.
    Pending,
    /// A client is processing it.
    Processing,
    /// It was processed and may be deleted.
    Processed,
    /// It could not be processed.
    Failed,
}

/// All flags, in the order of their bits.
const FLAGS: [(BlobFlag, &str); 4] = [
    (BlobFlag::Pending, "pending"),
    (BlobFlag::Processing, "processing"),
    (BlobFlag::Processed, "processed"),
    (BlobFlag::Failed, "failed"),
];

/// A set of flags.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<BlobFlag>", into = "Vec<BlobFlag>")]
pub struct BlobFlags(u8);

/// The text is not a list of flags.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the flags are pending, processing, processed and failed, separated by commas")]
pub struct InvalidFlag;

impl BlobFlags {
    /// One bit for each flag, as databases store them.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// The set with these bits; unknown bits are ignored.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits & ((1 << FLAGS.len()) - 1))
    }
}

impl From<Vec<BlobFlag>> for BlobFlags {
    fn from(flags: Vec<BlobFlag>) -> Self {
        let has = |(place, (flag, _)): (usize, &(BlobFlag, &str))| u8::from(flags.contains(flag)) << place;
        Self(FLAGS.iter().enumerate().map(has).sum())
    }
}

impl From<BlobFlags> for Vec<BlobFlag> {
    fn from(flags: BlobFlags) -> Self {
        let set = |(place, _): &(usize, &(BlobFlag, &str))| flags.0 & (1 << place) != 0;
        FLAGS.iter().enumerate().filter(set).map(|(_, (flag, _))| *flag).collect()
    }
}

impl FromStr for BlobFlags {
    type Err = InvalidFlag;

    /// Parses names that are separated by commas, as in a query.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let find = |word| FLAGS.iter().find(|(_, name)| *name == word).map(|(flag, _)| *flag).ok_or(InvalidFlag);
        let words = text.split(',').filter(|word| !word.is_empty());
        words.map(find).collect::<Result<Vec<_>, _>>().map(Self::from)
    }
}

/// A complete blob, as a server describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobEntry {
    /// Its name inside its namespace.
    pub id: BlobId,
    /// Its length in bytes.
    pub length: u64,
    /// Its SHA-256.
    pub digest: BlobDigest,
    /// Its flags.
    pub flags: BlobFlags,
    /// When it was completed, in seconds since 1970.
    pub created: i64,
}

/// A page of a list, ordered by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobList {
    /// The blobs.
    pub blobs: Vec<BlobEntry>,
    /// The id to continue after; `None` on the last page.
    pub next: Option<BlobId>,
}

/// The number and size of blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobCount {
    /// The number of blobs.
    pub blobs: u64,
    /// Their total bytes.
    pub bytes: u64,
}

/// How much a user stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobUsage {
    /// Bytes of all blobs, and those that uploads in progress have reserved.
    pub used: u64,
    /// Bytes allowed.
    pub quota: u64,
}

/// The flags of one blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlagSet {
    /// All that are set.
    pub flags: BlobFlags,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["a", "A.b_c-1", "0", "_", &"x".repeat(255)] {
            assert_eq!(good.parse::<BlobId>().unwrap().as_str(), good);
            assert_eq!(good.parse::<Namespace>().unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", "-a", ".a", "a/b", "a\\b", "a b", "ä", "a\0", "a%2f", &"x".repeat(256)] {
            assert!(bad.parse::<BlobId>().is_err() && bad.parse::<Namespace>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_entry_reads_as_documented() {
        let entry = BlobEntry {
            id: "m-1".parse().unwrap(),
            length: 3,
            digest: BlobDigest([0xab; 32]),
            flags: "failed,pending".parse().unwrap(),
            created: 7,
        };
        let text = format!(
            r#"{{"id":"m-1","length":3,"digest":"{}","flags":["pending","failed"],"created":7}}"#,
            "ab".repeat(32)
        );
        assert_eq!(serde_json::to_string(&entry).unwrap(), text);
        assert_eq!(serde_json::from_str::<BlobEntry>(&text).unwrap(), entry);
        assert!(serde_json::from_str::<BlobEntry>(&text.replace("m-1", "../m")).is_err());
        assert!(serde_json::from_str::<BlobEntry>(&text.replace("ab", "AB")).is_err());
        assert!(serde_json::from_str::<BlobEntry>(&text.replace("failed", "lost")).is_err());
    }

    #[test]
    fn flags_are_parsed_and_stored_as_bits() {
        let all: BlobFlags = "processed,failed,pending,processing".parse().unwrap();
        assert_eq!((all.bits(), BlobFlags::from_bits(255)), (15, all));
        assert_eq!(Vec::from("failed".parse::<BlobFlags>().unwrap()), [BlobFlag::Failed]);
        assert_eq!("".parse(), Ok(BlobFlags::default()));
        assert_eq!("pending,x".parse::<BlobFlags>(), Err(InvalidFlag));
    }
}
