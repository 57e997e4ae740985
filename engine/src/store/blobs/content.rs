//! The sealed bytes of one blob in a store, and the id that names them.

use std::fmt;

/// Names the sealed bytes of one blob on this device. A new id is drawn whenever content is stored, so an id never has two
/// meanings, not even across a crash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ContentId(u128);

impl ContentId {
    /// A new random id.
    pub(crate) fn generate() -> Self {
        Self(uuid::Uuid::new_v4().as_u128())
    }

    pub(super) fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    pub(super) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// Parses the output of `Display`, in exactly that form.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let id = Self(u128::from_str_radix(text, 16).ok()?);
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Sealed bytes in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) id: ContentId,
    /// Bytes of the whole. Unknown while it is being fetched.
    pub(crate) sealed_length: Option<u64>,
    /// SHA-256 of the whole. Known where it was sealed here.
    pub(crate) digest: Option<[u8; 32]>,
}
