//! The operations of aws-lc-rs that this room uses: randomness, HKDF-SHA256 and AEAD keys; and reading of fixed fields. It
//! knows no format and no label, and must never return a key that is not zeroised when dropped.

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

/// Key material, zeroised when dropped.
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

/// A key ready for use; its schedule is zeroised when dropped.
pub(super) fn aead_key(cipher: Cipher, key: &Key) -> LessSafeKey {
    let algorithm = match cipher {
        Cipher::Aes256Gcm => &AES_256_GCM,
        Cipher::ChaCha20Poly1305 => &CHACHA20_POLY1305,
    };
    LessSafeKey::new(UnboundKey::new(algorithm, key.as_slice()).expect("invariant: both ciphers take 32-byte keys"))
}

/// Takes the next field of fixed length from `rest`; `None` where `rest` is too short.
pub(super) fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (field, remaining) = rest.split_first_chunk()?;
    *rest = remaining;
    Some(*field)
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

#[cfg(test)]
mod tests {
    use aws_lc_rs::aead::{Aad, Nonce};

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        text.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    fn key(text: &str) -> Key {
        Zeroizing::new(hex(text).try_into().unwrap())
    }

    /// RFC 5869, appendix A.1 and A.3, cut to the 32 bytes that are used here (its output grows at the end only).
    #[test]
    fn hkdf_is_that_of_rfc_5869() {
        let cases = [
            (
                "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
                "000102030405060708090a0b0c",
                "f0f1f2f3f4f5f6f7f8f9",
                "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf",
            ),
            (
                "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
                "",
                "",
                "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
                "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d",
            ),
        ];
        for (secret, salt, info, prk, okm) in cases {
            let (salt, info) = (hex(salt), hex(info));
            assert_eq!(extract_and_expand(&salt, &hex(secret), &[&info]).to_vec(), hex(okm));
            assert_eq!(expand(&key(prk), &[&info]).to_vec(), hex(okm));
            let (head, tail) = info.split_at(info.len() / 2);
            assert_eq!(expand(&key(prk), &[head, tail]).to_vec(), hex(okm));
        }
    }

    fn seals(cipher: Cipher, key_text: &str, nonce: &str, authenticated: &str, plain: &str, sealed: &str) {
        let key = aead_key(cipher, &key(key_text));
        let nonce: [u8; NONCE_LEN] = hex(nonce).try_into().unwrap();
        let mut bytes = hex(plain);
        let aad = || Aad::from(hex(authenticated));
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad(), &mut bytes).unwrap();
        assert_eq!(bytes, hex(sealed));
        assert_eq!(key.open_in_place(Nonce::assume_unique_for_key(nonce), aad(), &mut bytes).unwrap(), hex(plain));
    }

    /// "The Galois/Counter Mode of Operation" (McGrew, Viega; the submission to NIST), appendix B, test cases 13 to 16.
    #[test]
    fn aes_256_gcm_is_that_of_its_specification() {
        let zeros = "0".repeat(64);
        seals(Cipher::Aes256Gcm, &zeros, &zeros[..24], "", "", "530f8afbc74536b9a963b4f1c4cb738b");
        let sealed = "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919";
        seals(Cipher::Aes256Gcm, &zeros, &zeros[..24], "", &zeros[..32], sealed);
        let key = "feffe9928665731c6d6a8f9467308308".repeat(2);
        let nonce = "cafebabefacedbaddecaf888";
        let plain = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                     1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255";
        let cipher = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                      8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad";
        seals(Cipher::Aes256Gcm, &key, nonce, "", plain, &format!("{cipher}b094dac5d93471bdec1a502270e3cc6c"));
        let authenticated = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
        let sealed = format!("{}76fc6ece0f4e1768cddf8853bb2d551b", &cipher[..120]);
        seals(Cipher::Aes256Gcm, &key, nonce, authenticated, &plain[..120], &sealed);
    }

    /// RFC 8439, section 2.8.2.
    #[test]
    fn chacha20_poly1305_is_that_of_rfc_8439() {
        let plain: String = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the \
                              future, sunscreen would be it."
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        seals(
            Cipher::ChaCha20Poly1305,
            "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
            "070000004041424344454647",
            "50515253c0c1c2c3c4c5c6c7",
            &plain,
            "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6\
             3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36\
             92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc\
             3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691",
        );
    }
}
