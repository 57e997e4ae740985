//! Round trips and hostile input. Interoperability with GnuPG is tested in the engine's integration tests.

use pgp::composed::{Deserializable, MessageBuilder, SignedPublicKey};
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::types::{CompressionAlgorithm, Timestamp};
use proptest::prelude::*;
use rand::rngs::OsRng;

use super::*;

fn key() -> OpenPgpKey {
    OpenPgpKey::generate("Ada <ada@example.org>").unwrap()
}

/// A message as another program would write it, compressed in this way.
fn compressed(key: &OpenPgpKey, content: &[u8], how: CompressionAlgorithm) -> Vec<u8> {
    let recipient = SignedPublicKey::from_bytes(&key.public().to_bytes()[..]).unwrap();
    let mut builder = MessageBuilder::from_bytes("name", content.to_vec());
    builder.compression(how);
    let mut builder = builder.seipd_v1(OsRng, SymmetricKeyAlgorithm::AES128);
    builder.encrypt_to_key(OsRng, &recipient.public_subkeys[0]).unwrap();
    builder.to_vec(OsRng).unwrap()
}

#[test]
fn a_message_decrypts_only_with_its_key() {
    let (ours, other) = (key(), key());
    for message in [&b""[..], b"a", &[7; 300_000]] {
        let sealed = ours.public().encrypt(message).unwrap();
        assert!(is_encrypted(&sealed));
        assert_eq!(ours.decrypt(&sealed, 300_000).unwrap(), Decrypted { content: message.to_vec(), signed: false });
        assert_eq!(other.decrypt(&sealed, 300_000), Err(OpenPgpError::AnotherKey));
    }
}

#[test]
fn both_parts_survive_storage_and_debug_shows_only_a_fingerprint() {
    let key = key();
    let again = OpenPgpKey::from_bytes(&key.to_bytes()).unwrap();
    assert_eq!(again.fingerprint(), key.fingerprint());
    let public = PublicKey::from_bytes(&key.public().to_bytes()).unwrap();
    assert_eq!(PublicKey::from_bytes(public.armoured().as_bytes()).unwrap(), public);
    assert_eq!(again.decrypt(&public.encrypt(b"x").unwrap(), 1).unwrap().content, b"x");
    assert_eq!(format!("{key:?}"), format!("OpenPgpKey({})", key.fingerprint()));
}

#[test]
fn a_secret_key_is_not_accepted_as_a_public_one_nor_two_as_one() {
    let (one, other) = (key(), key());
    assert!(PublicKey::from_bytes(&one.to_bytes()).is_err());
    assert!(OpenPgpKey::from_bytes(&one.public().to_bytes()).is_err());
    assert!(PublicKey::from_bytes(&[one.public().to_bytes(), other.public().to_bytes()].concat()).is_err());
    assert!(PublicKey::from_bytes(&[one.public().to_bytes(), one.to_bytes().to_vec()].concat()).is_err());
    assert!(PublicKey::from_bytes(&vec![b' '; PUBLIC_KEY_LIMIT + 1]).is_err());
}

/// A key with a subkey whose binding was moved from another key, and one from before its own creation, are of no use.
#[test]
fn only_valid_signatures_of_the_primary_key_count() {
    let parsed = |key: &OpenPgpKey| SignedPublicKey::from_bytes(&key.public().to_bytes()[..]).unwrap();
    let (ours, other) = (parsed(&key()), parsed(&key()));
    let mut spliced = ours.clone();
    spliced.public_subkeys = other.public_subkeys;
    let unusable = |key, now| matches!(PublicKey::checked(key, now), Err(OpenPgpError::Unusable { .. }));
    assert!(unusable(spliced, Timestamp::now()));
    let mut renamed = ours.clone();
    renamed.details = other.details;
    assert!(unusable(renamed, Timestamp::now()));
    let before = Timestamp::from_secs(Timestamp::now().as_secs() - 1000);
    assert!(unusable(ours.clone(), before));
    assert!(!unusable(ours, Timestamp::now()));
}

#[test]
fn compressed_content_is_bounded_before_it_is_unpacked() {
    let key = key();
    for how in [CompressionAlgorithm::ZIP, CompressionAlgorithm::ZLIB, CompressionAlgorithm::BZip2] {
        let content = vec![b'0'; 3_000_000];
        let message = compressed(&key, &content, how);
        assert!(message.len() < 20_000, "it is a bomb");
        assert_eq!(key.decrypt(&message, 3_000_000).unwrap().content, content);
        let limit = 2_999_999;
        let too_long = OpenPgpError::TooLong { what: "content of the message", limit };
        assert_eq!(key.decrypt(&message, limit), Err(too_long));
        assert!(key.decrypt(&message, 1000).is_err());
    }
}

#[test]
fn unprotected_altered_or_concatenated_messages_are_rejected() {
    let key = key();
    let message = key.public().encrypt(b"Subject: hello\n\nworld").unwrap();
    let session_key = 2 + usize::from(message[1]);
    for end in 1..20 {
        let mut altered = message.clone();
        let at = altered.len() - end;
        altered[at] ^= 1;
        assert_eq!(key.decrypt(&altered, 100), Err(OpenPgpError::Unverified));
    }
    // Without integrity protection: packet kind 9 for 18, and no version.
    let mut unprotected = message.clone();
    unprotected[session_key] = 0xc9;
    for wrong in [
        unprotected,
        b"Subject: hello\n\nworld".to_vec(),
        Vec::new(),
        message[..message.len() - 1].to_vec(),
        message[..session_key].to_vec(),
        message[session_key..].to_vec(),
        [&message[..], b"\xcb\x07b\0\0\0\0\0x"].concat(),
        [&message[..], &message[..]].concat(),
        [b"Dear all\n", &message[..]].concat(),
    ] {
        assert!(!is_encrypted(&wrong));
        assert_eq!(key.decrypt(&wrong, 100), Err(OpenPgpError::NotProtected));
    }
    let crowd = [&message[..session_key].repeat(300), &message[session_key..]].concat();
    assert!(!is_encrypted(&crowd) && key.decrypt(&crowd, 100).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Parsers of messages and keys meet noise, and what differs from the real thing in a few places.
    #[test]
    fn no_input_panics(noise in proptest::collection::vec(any::<u8>(), 0..600), at in any::<[u16; 3]>(), new in any::<[u8; 3]>()) {
        use std::sync::LazyLock;
        static KEY: LazyLock<OpenPgpKey> = LazyLock::new(key);
        static MESSAGE: LazyLock<Vec<u8>> = LazyLock::new(|| compressed(&KEY, b"content", CompressionAlgorithm::ZLIB));
        let altered = |original: &[u8]| {
            let mut bytes = original.to_vec();
            for (at, new) in at.into_iter().zip(new) {
                let at = usize::from(at) % bytes.len();
                bytes[at] = new;
            }
            bytes
        };
        for bytes in [noise.clone(), altered(&MESSAGE)] {
            let _ = is_encrypted(&bytes);
            let _ = KEY.decrypt(&bytes, 1000);
            let _ = super::message::content(bytes, 1000);
        }
        for bytes in [noise, altered(&KEY.to_bytes()), altered(&KEY.public().to_bytes()), altered(KEY.public().armoured().as_bytes())] {
            if let Ok(key) = PublicKey::from_bytes(&bytes) {
                let _ = key.encrypt(b"x");
            }
            let _ = OpenPgpKey::from_bytes(&bytes);
        }
    }
}
