//! Fingerprints of messages. The server cannot read a stored message, but recognises it by its fingerprint when it is delivered
//! again. With a fingerprint one can verify a guess of the whole message, and must learn nothing else.

use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};

use crate::store::DatabaseError;

/// HMAC-SHA256 of a message under a random key of its own, so that equal messages have different fingerprints.
#[derive(Debug, Clone)]
pub(super) struct MessageFingerprint {
    /// The key.
    pub(super) salt: [u8; 32],
    /// The HMAC under that key.
    pub(super) hash: [u8; 32],
}

impl MessageFingerprint {
    /// The fingerprint of a message, under a new key.
    pub(super) fn of(message: &[u8]) -> Result<Self, DatabaseError> {
        let mut salt = [0; 32];
        aws_lc_rs::rand::fill(&mut salt).map_err(|_| DatabaseError::Io {
            what: "no random bytes are available",
            source: std::io::Error::other("the system's random number generator failed"),
        })?;
        let mut hash = [0; 32];
        hash.copy_from_slice(hmac::sign(&Key::new(HMAC_SHA256, &salt), message).as_ref());
        Ok(Self { salt, hash })
    }

    /// Whether this is the fingerprint of `message`.
    pub(super) fn matches(&self, message: &[u8]) -> bool {
        hmac::verify(&Key::new(HMAC_SHA256, &self.salt), message, &self.hash).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_matches_only_its_message_and_two_of_one_message_differ() {
        let (one, two) = (MessageFingerprint::of(b"message").unwrap(), MessageFingerprint::of(b"message").unwrap());
        assert!(one.matches(b"message") && two.matches(b"message") && !one.matches(b"messagf") && !one.matches(b""));
        assert!(one.salt != two.salt && one.hash != two.hash);
    }

    /// RFC 4231, test case 1, with its key of 20 bytes filled up with zeros, which HMAC does anyway.
    #[test]
    fn the_hmac_is_that_of_rfc_4231() {
        let mut salt = [0; 32];
        salt[..20].fill(0x0b);
        let hash = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
        let mut bytes = [0; 32];
        for (byte, place) in bytes.iter_mut().zip(0..) {
            *byte = u8::from_str_radix(&hash[2 * place..2 * place + 2], 16).unwrap();
        }
        assert!(MessageFingerprint { salt, hash: bytes }.matches(b"Hi There"));
    }
}
