//! The supported authenticated ciphers, with their names in settings and their numbers in sealed bytes. A number must never be
//! reused for another cipher.

use serde::{Deserialize, Serialize};

use super::OpenError;

/// The cipher of documents and blobs. Sealed bytes contain its number, so both can always be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Cipher {
    /// AES-256 in Galois/counter mode (NIST SP 800-38D): the faster one wherever the processor has AES instructions.
    #[default]
    #[serde(rename = "aes-256-gcm")]
    Aes256Gcm,
    /// ChaCha20-Poly1305 (RFC 8439): constant-time without special instructions.
    #[serde(rename = "chacha20-poly1305")]
    ChaCha20Poly1305,
}

impl Cipher {
    /// All ciphers.
    pub const ALL: [Self; 2] = [Self::Aes256Gcm, Self::ChaCha20Poly1305];

    /// The name in configurations and on pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "aes-256-gcm",
            Self::ChaCha20Poly1305 => "chacha20-poly1305",
        }
    }

    /// The number in sealed bytes.
    pub const fn wire_id(self) -> u8 {
        match self {
            Self::Aes256Gcm => 1,
            Self::ChaCha20Poly1305 => 2,
        }
    }

    /// The cipher with this number.
    ///
    /// # Errors
    /// [`OpenError::UnknownCipher`] for any other number.
    pub const fn from_wire_id(id: u8) -> Result<Self, OpenError> {
        match id {
            1 => Ok(Self::Aes256Gcm),
            2 => Ok(Self::ChaCha20Poly1305),
            _ => Err(OpenError::UnknownCipher(id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_fixed() {
        for (cipher, name, id) in
            [(Cipher::Aes256Gcm, "aes-256-gcm", 1), (Cipher::ChaCha20Poly1305, "chacha20-poly1305", 2)]
        {
            assert_eq!(cipher.as_str(), name);
            assert_eq!(serde_json::to_string(&cipher).unwrap(), format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<Cipher>(&format!("\"{name}\"")).unwrap(), cipher);
            assert_eq!(cipher.wire_id(), id);
            assert_eq!(Cipher::from_wire_id(id).unwrap(), cipher);
        }
        assert!(matches!(Cipher::from_wire_id(0), Err(OpenError::UnknownCipher(0))));
    }
}
