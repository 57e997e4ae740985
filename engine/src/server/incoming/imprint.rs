//! What the server remembers of a message that it cannot read any more, so that it knows the message when it is handed
//! over again. Who has an imprint can verify a guess of the whole message, and must learn nothing else from it.

use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};

use crate::store::DatabaseError;

/// HMAC-SHA256 of a message under a random key of its own, so that equal messages have different imprints.
#[derive(Debug, Clone)]
pub(super) struct Imprint {
    /// The key.
    pub(super) salt: [u8; 32],
    /// The code under it.
    pub(super) hash: [u8; 32],
}

impl Imprint {
    /// Of this message.
    pub(super) fn of(message: &[u8]) -> Result<Self, DatabaseError> {
        let mut salt = [0; 32];
        aws_lc_rs::rand::fill(&mut salt).map_err(|_| DatabaseError::Io {
            what: "no random bytes can be drawn",
            source: std::io::Error::other("the system's generator failed"),
        })?;
        let mut hash = [0; 32];
        hash.copy_from_slice(hmac::sign(&Key::new(HMAC_SHA256, &salt), message).as_ref());
        Ok(Self { salt, hash })
    }

    /// Whether it is of this message.
    pub(super) fn is_of(&self, message: &[u8]) -> bool {
        hmac::verify(&Key::new(HMAC_SHA256, &self.salt), message, &self.hash).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_imprint_knows_its_message_and_two_of_one_message_look_different() {
        let (one, two) = (Imprint::of(b"message").unwrap(), Imprint::of(b"message").unwrap());
        assert!(one.is_of(b"message") && two.is_of(b"message") && !one.is_of(b"messagf") && !one.is_of(b""));
        assert!(one.salt != two.salt && one.hash != two.hash);
    }

    /// RFC 4231, test case 1, with its key of 20 bytes filled up with zeros, which HMAC does anyway.
    #[test]
    fn the_code_is_that_of_rfc_4231() {
        let mut salt = [0; 32];
        salt[..20].fill(0x0b);
        let hash = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
        let mut bytes = [0; 32];
        for (byte, place) in bytes.iter_mut().zip(0..) {
            *byte = u8::from_str_radix(&hash[2 * place..2 * place + 2], 16).unwrap();
        }
        assert!(Imprint { salt, hash: bytes }.is_of(b"Hi There"));
    }
}
