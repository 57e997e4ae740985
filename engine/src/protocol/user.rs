//! Names of users, as they appear in paths of URLs. A file system path must never be built from one.

use std::fmt;
use std::str::FromStr;

/// Most characters of a user's name.
const MAX_LENGTH: usize = 64;

/// The name of a user: 1 to 64 of the characters `a-z 0-9 . _ -`, the first a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

/// The text is not a valid user name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a user's name has 1 to {MAX_LENGTH} of the characters a-z 0-9 . _ - and begins with a letter or digit")]
pub struct InvalidUserName;

impl UserName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = InvalidUserName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let bytes = text.as_bytes();
        let good = bytes.len() <= MAX_LENGTH
            && bytes.first().is_some_and(|first| plain(*first))
            && bytes.iter().all(|byte| plain(*byte) || b"._-".contains(byte));
        if good { Ok(Self(text.to_owned())) } else { Err(InvalidUserName) }
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["a", "ana.b_c-1", "0", &"x".repeat(64)] {
            assert_eq!(good.parse::<UserName>().unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", "-a", "A", "a/b", "a b", "ä", "a\0", &"x".repeat(65)] {
            assert!(bad.parse::<UserName>().is_err(), "{bad:?}");
        }
    }
}
