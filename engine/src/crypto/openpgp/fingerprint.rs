//! The fingerprint by which people and programs compare keys. It must never be used as an authenticator: it identifies a key,
//! and proves nothing about its holder.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use super::OpenPgpError;

/// The fingerprint of a primary key: 20 bytes for version 4 (SHA-1, RFC 4880 section 12.2), 32 bytes for version 6
/// (SHA-256, RFC 9580 section 5.5.4.3). Printed and parsed as hexadecimal digits, lower case.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(Vec<u8>);

impl Fingerprint {
    /// The bytes, 20 or 32 of them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The fingerprint of a key that the library parsed.
    pub(super) fn of(key: &impl pgp::types::KeyDetails) -> Result<Self, OpenPgpError> {
        match key.fingerprint() {
            pgp::types::Fingerprint::V4(bytes) => Ok(Self(bytes.to_vec())),
            pgp::types::Fingerprint::V6(bytes) => Ok(Self(bytes.to_vec())),
            _ => Err(OpenPgpError::Unusable { why: "it is neither of version 4 nor of version 6" }),
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        write!(text, "{self}")?;
        f.debug_tuple("Fingerprint").field(&text).finish()
    }
}

impl FromStr for Fingerprint {
    type Err = OpenPgpError;

    fn from_str(text: &str) -> Result<Self, OpenPgpError> {
        let malformed = OpenPgpError::Malformed { what: "fingerprint", why: "it must be 40 or 64 hexadecimal digits" };
        if !matches!(text.len(), 40 | 64) || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(malformed);
        }
        let bytes = (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16));
        bytes.collect::<Result<_, _>>().map(Self).map_err(|_| malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_prints_what_it_parses_and_rejects_anything_else() {
        let text = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(text.parse::<Fingerprint>().unwrap().to_string(), text);
        assert_eq!(text.to_uppercase().parse::<Fingerprint>().unwrap().to_string(), text);
        for wrong in ["", &text[1..], &format!("+{}", &text[1..]), &"é".repeat(20)] {
            assert!(wrong.parse::<Fingerprint>().is_err(), "{wrong}");
        }
    }
}
