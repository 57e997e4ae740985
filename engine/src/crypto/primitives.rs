//! The few operations of aws-lc-rs that this room is built from: randomness, HKDF-SHA256 and AEAD keys. It knows
//! no format and no label, and must never hand out a key that is not zeroized when it is dropped.

use aws_lc_rs::aead::{AES_256_GCM, CHACHA20_POLY1305, LessSafeKey, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use aws_lc_rs::rand;
use zeroize::Zeroizing;

use super::Cipher;

/// Bytes of every symmetric key.
pub(super) const KEY_LEN: usize = 32;
/// Bytes of the nonce of both ciphers.
pub(super) const NONCE_LEN: usize = 12;
/// Bytes of the authentication tag of both ciphers.
pub(super) const TAG_LEN: usize = 16;

/// Key material, wiped when dropped.
pub(super) type Key = Zeroizing<[u8; KEY_LEN]>;

/// Unpredictable bytes.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("invariant: AWS-LC aborts the process rather than return without randomness");
    bytes
}

/// HKDF-SHA256, extract then expand (RFC 5869 sections 2.2 and 2.3). The parts of `info` are joined as they are: only
/// the last may vary in length.
pub(super) fn extract_and_expand(salt: &[u8], secret: &[u8], info: &[&[u8]]) -> Key {
    fill(&Salt::new(HKDF_SHA256, salt).extract(secret), info)
}

/// HKDF-Expand alone, for a key that is uniformly random already (RFC 5869 section 3.3). `info` as above.
pub(super) fn expand(key: &Key, info: &[&[u8]]) -> Key {
    fill(&Prk::new_less_safe(HKDF_SHA256, key.as_slice()), info)
}

/// A key made ready for use; it wipes its schedule when dropped.
pub(super) fn aead_key(cipher: Cipher, key: &Key) -> LessSafeKey {
    let algorithm = match cipher {
        Cipher::Aes256Gcm => &AES_256_GCM,
        Cipher::ChaCha20Poly1305 => &CHACHA20_POLY1305,
    };
    LessSafeKey::new(UnboundKey::new(algorithm, key.as_slice()).expect("invariant: both ciphers take 32-byte keys"))
}

struct OneKey;

impl KeyType for OneKey {
    fn len(&self) -> usize {
        KEY_LEN
    }
}

fn fill(prk: &Prk, info: &[&[u8]]) -> Key {
    let mut key = Key::default();
    prk.expand(info, OneKey)
        .and_then(|okm| okm.fill(key.as_mut_slice()))
        .expect("invariant: 32 bytes are within what HKDF-SHA256 can give");
    key
}
