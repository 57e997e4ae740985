//! The room against itself: what it writes it opens, and what is hostile is refused. How it gets on with GnuPG is tested
//! with the program, in the engine's integration tests.

use super::*;

fn key() -> OpenPgpKey {
    OpenPgpKey::generate("Ada <ada@example.org>").unwrap()
}

#[test]
fn a_message_comes_back_and_another_key_does_not_open_it() {
    let (ours, other) = (key(), key());
    for message in [&b""[..], b"a", &[7; 300_000]] {
        let sealed = ours.public().encrypt(message).unwrap();
        assert!(is_encrypted(&sealed));
        assert_eq!(ours.decrypt(&sealed, 300_000).unwrap(), Decrypted { content: message.to_vec(), signed: false });
        assert_eq!(other.decrypt(&sealed, 300_000), Err(OpenPgpError::AnotherKey));
    }
}

#[test]
fn both_parts_survive_being_stored_and_debug_shows_a_fingerprint_alone() {
    let key = key();
    let again = OpenPgpKey::from_bytes(&key.to_bytes()).unwrap();
    assert_eq!(again.fingerprint(), key.fingerprint());
    let public = PublicKey::from_bytes(&key.public().to_bytes()).unwrap();
    assert_eq!(PublicKey::from_bytes(public.armoured().as_bytes()).unwrap(), public);
    assert_eq!(again.decrypt(&public.encrypt(b"x").unwrap(), 1).unwrap().content, b"x");
    assert_eq!(format!("{key:?}"), format!("OpenPgpKey({})", key.fingerprint()));
}
