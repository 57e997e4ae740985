//! Names of blobs. A name is validated once, at construction; a file path must never be built from one.

use std::fmt;

/// The longest namespace or id, in bytes.
const MAX_LENGTH: usize = 255;

/// Which blob of a user: namespace and id together, never the id alone.
///
/// Each has 1 to 255 of the characters `A-Z a-z 0-9 . _ -` and begins with a letter, a digit or `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobAddress {
    namespace: String,
    id: String,
}

/// A text that is not a valid namespace or blob id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid {what} `{text}`: it must have 1 to {MAX_LENGTH} of the characters A-Z a-z 0-9 . _ - and begin with a letter, digit or _",
    text = text.chars().take(64).collect::<String>().escape_debug()
)]
pub struct InvalidBlobAddress {
    /// Namespace or id.
    what: &'static str,
    /// As it was given.
    text: String,
}

impl BlobAddress {
    /// The blob `id` of `namespace`.
    ///
    /// # Errors
    /// [`InvalidBlobAddress`] where one of them is invalid.
    pub fn new(namespace: &str, id: &str) -> Result<Self, InvalidBlobAddress> {
        Self::check("namespace", namespace)?;
        Self::check("blob id", id)?;
        Ok(Self { namespace: namespace.to_owned(), id: id.to_owned() })
    }

    /// A new blob of `namespace` with a unique id: `B-` and a random UUID.
    ///
    /// # Errors
    /// [`InvalidBlobAddress`] where the namespace is invalid.
    pub fn generate(namespace: &str) -> Result<Self, InvalidBlobAddress> {
        Self::new(namespace, &format!("B-{}", uuid::Uuid::new_v4()))
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The id inside the namespace.
    pub fn id(&self) -> &str {
        &self.id
    }

    fn check(what: &'static str, text: &str) -> Result<(), InvalidBlobAddress> {
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
        let good = text.len() <= MAX_LENGTH
            && text.as_bytes().first().is_some_and(|first| allowed(first) && !b".-".contains(first))
            && text.as_bytes().iter().all(allowed);
        if good { Ok(()) } else { Err(InvalidBlobAddress { what, text: text.to_owned() }) }
    }
}

impl fmt::Display for BlobAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_validated() {
        for good in ["a", "_", "B-1", "mail.2026_01", &"x".repeat(255)] {
            let address = BlobAddress::new(good, good).unwrap();
            assert_eq!((address.namespace(), address.id()), (good, good));
        }
        for bad in ["", ".", "..", "-a", ".a", "a/b", "a b", "ä", "a\0", "%2e", &"x".repeat(256)] {
            assert!(BlobAddress::new(bad, "a").is_err(), "{bad:?}");
            assert!(BlobAddress::new("a", bad).is_err(), "{bad:?}");
        }
        assert_ne!(BlobAddress::generate("mail"), BlobAddress::generate("mail"));
    }
}
