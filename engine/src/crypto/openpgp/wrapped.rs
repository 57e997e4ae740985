//! A stored key pair: sealed under the user's wrapping key, so that access to the user's documents is not yet access to the
//! user's mail. It must never return a key that was not sealed by its owner.

use aws_lc_rs::aead::{Aad, Nonce};
use zeroize::Zeroizing;

use super::{OpenPgpError, OpenPgpKey};
use crate::crypto::Cipher;
use crate::crypto::keys::OpenPgpWrappingKey;
use crate::crypto::primitives::{NONCE_LEN, aead_key, random, take};

/// The format: this byte, a random nonce, and the key pair in binary, sealed with AES-256-GCM; `CONTEXT` and the byte are
/// authenticated. History: 1, the first.
const VERSION: u8 = 1;

const CONTEXT: &[u8] = b"benchline openpgp key";

impl OpenPgpKey {
    /// The whole key pair, sealed.
    pub fn wrap(&self, wrapping: &OpenPgpWrappingKey) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = random();
        // Sealed in place, so that no second copy of the secret is left in memory.
        let plain = self.to_bytes();
        let mut sealed = Zeroizing::new(Vec::with_capacity(plain.len() + 64));
        sealed.extend_from_slice(&plain);
        let tag = aead_key(Cipher::Aes256Gcm, wrapping.key())
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), authenticated(), &mut sealed)
            .expect("invariant: a key pair is shorter than AES-GCM's limit");
        [&[VERSION][..], &nonce, &sealed, tag.as_ref()].concat()
    }

    /// The key pair that was sealed.
    ///
    /// # Errors
    /// When it is not of this format, was altered, or was sealed under another key; as [`OpenPgpKey::from_bytes`].
    pub fn unwrap(sealed: &[u8], wrapping: &OpenPgpWrappingKey) -> Result<Self, OpenPgpError> {
        let malformed = |why| OpenPgpError::Malformed { what: "wrapped key", why };
        let mut rest = sealed;
        let [version] = take::<1>(&mut rest).ok_or(malformed("it is empty"))?;
        if version != VERSION {
            return Err(malformed("this program does not support its version; update it"));
        }
        let nonce = take::<NONCE_LEN>(&mut rest).ok_or(malformed("it is truncated"))?;
        let mut plain = Zeroizing::new(rest.to_vec());
        let opened = aead_key(Cipher::Aes256Gcm, wrapping.key())
            .open_in_place(Nonce::assume_unique_for_key(nonce), authenticated(), &mut plain)
            .map_err(|_| malformed("it failed verification: it was altered, or sealed with other keys"))?;
        Self::from_bytes(opened)
    }
}

fn authenticated() -> Aad<Vec<u8>> {
    Aad::from([CONTEXT, &[VERSION]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Keys, RootSecret};

    #[test]
    fn only_the_same_secret_unwraps_and_altered_keys_are_rejected() {
        let wrapping = |byte| Keys::derive(&RootSecret::from_bytes([byte; 32])).openpgp;
        let key = OpenPgpKey::generate("Ada").unwrap();
        let sealed = key.wrap(&wrapping(1));
        assert_eq!(OpenPgpKey::unwrap(&sealed, &wrapping(1)).unwrap().to_bytes(), key.to_bytes());
        assert!(OpenPgpKey::unwrap(&sealed, &wrapping(2)).is_err());
        let secret = key.to_bytes();
        assert!(!sealed.windows(16).any(|window| secret.windows(16).any(|part| part == window)));
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(OpenPgpKey::unwrap(&altered, &wrapping(1)).is_err(), "{at}");
            assert!(OpenPgpKey::unwrap(&sealed[..at], &wrapping(1)).is_err(), "{at}");
        }
    }
}
