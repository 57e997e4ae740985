//! Interoperability of the engine's OpenPGP with the `gpg` program, in both directions. Without the program these tests are
//! skipped, unless `BENCHLINE_REQUIRE_GPG` is set.

use benchline_engine::crypto::{OpenPgpError, OpenPgpKey, PublicKey, is_encrypted};

use super::gpg::Gpg;

const ADA: &str = "Ada <ada@example.org>";
const MAIL: &[u8] = b"Subject: hello\r\n\r\nThe quick brown fox, \xff and so on.\r\n";

#[test]
fn gpg_imports_our_key_pair_and_decrypts_our_messages() {
    let Some(gpg) = Gpg::new() else { return };
    let key = OpenPgpKey::generate(ADA).unwrap();
    gpg.run(&["--import"], &key.to_bytes());
    let listed = String::from_utf8(gpg.run(&["--list-secret-keys", "--with-colons"], b"")).unwrap();
    let fingerprint = key.fingerprint().to_string().to_uppercase();
    assert!(listed.contains(&format!("fpr:::::::::{fingerprint}:")), "{listed}");
    let line =
        |start: &str| listed.lines().find(|line| line.starts_with(start)).unwrap().split(':').collect::<Vec<_>>();
    let (primary, subkey) = (line("sec:"), line("ssb:"));
    assert_eq!((primary[3], primary[16], subkey[3], subkey[16]), ("22", "ed25519", "18", "cv25519"));
    assert_eq!((primary[11], subkey[11]), ("scESC", "e"));
    for message in [MAIL, b"", &vec![b'x'; 2_000_000]] {
        assert_eq!(gpg.run(&["--decrypt"], &key.public().encrypt(message).unwrap()), message);
    }
    let signed = gpg.run(&["--local-user", ADA, "--sign"], MAIL);
    gpg.run(&["--verify"], &signed);
}

#[test]
fn messages_that_gpg_encrypts_to_our_key_can_be_decrypted() {
    let Some(gpg) = Gpg::new() else { return };
    let key = OpenPgpKey::generate(ADA).unwrap();
    gpg.run(&["--import"], key.public().armoured().as_bytes());
    gpg.generate("Bob <bob@example.org>", "future-default", "default", &[]);
    gpg.generate("Eve <eve@example.org>", "future-default", "default", &[]);
    // Not all of one length, and some long enough for packets in parts.
    let long: Vec<u8> = (0..25_000_u32).flat_map(|n| n.wrapping_mul(n).to_be_bytes()).collect();
    let to_ada = ["--recipient", "ada@example.org", "--encrypt"];
    let variants: [(&[&str], bool); 10] = [
        (&[], false),
        (&["--armor"], false),
        (&["--armor", "--comment", "hello"], false),
        (&["--compress-algo", "none"], false),
        (&["--compress-algo", "zip"], false),
        (&["--compress-algo", "zlib", "--cipher-algo", "AES"], false),
        (&["--compress-algo", "bzip2", "--armor"], false),
        (&["--sign", "--local-user", "bob@example.org"], true),
        (&["--sign", "--local-user", "eve@example.org", "--compress-algo", "zlib"], true),
        (&["--recipient", "bob@example.org", "--hidden-recipient", "eve@example.org", "--throw-keyids"], false),
    ];
    for (options, signed) in variants {
        for content in [MAIL, b"", &long] {
            let message = gpg.run(&[options, &to_ada].concat(), content);
            assert!(is_encrypted(&message), "{options:?}");
            let opened = key.decrypt(&message, long.len()).unwrap();
            assert!(opened.content == content && opened.signed == signed, "{options:?}");
            if !content.is_empty() {
                assert!(key.decrypt(&message, content.len() - 1).is_err(), "{options:?}");
            }
        }
    }
}

#[test]
fn messages_from_gpg_without_protection_are_rejected() {
    let Some(gpg) = Gpg::new() else { return };
    let key = OpenPgpKey::generate(ADA).unwrap();
    gpg.run(&["--import"], key.public().armoured().as_bytes());
    gpg.generate("Bob <bob@example.org>", "future-default", "default", &[]);
    let plain: [&[&str]; 4] = [
        &["--store"],
        &["--sign", "--local-user", "bob@example.org"],
        &["--clearsign", "--local-user", "bob@example.org"],
        &["--symmetric", "--passphrase", "shared"],
    ];
    for options in plain {
        let message = gpg.run(options, MAIL);
        assert!(!is_encrypted(&message), "{options:?}");
        assert_eq!(key.decrypt(&message, 1000), Err(OpenPgpError::NotProtected), "{options:?}");
    }
    let others = gpg.run(&["--recipient", "bob@example.org", "--encrypt"], MAIL);
    assert!(is_encrypted(&others));
    assert_eq!(key.decrypt(&others, 1000), Err(OpenPgpError::AnotherKey));
    let old = gpg.run(&["--rfc2440", "--disable-mdc", "--recipient", "ada@example.org", "--encrypt"], MAIL);
    // Newer versions of gpg ignore the option.
    if is_encrypted(&old) {
        assert_eq!(key.decrypt(&old, 1000).unwrap().content, MAIL);
    } else {
        assert_eq!(key.decrypt(&old, 1000), Err(OpenPgpError::NotProtected));
    }
}

#[test]
fn keys_from_gpg_work_unless_revoked_or_expired() {
    let Some(gpg) = Gpg::new() else { return };
    for (user, algorithm) in
        [("rsa@example.org", "rsa2048"), ("curve@example.org", "ed25519"), ("nist@example.org", "nistp256")]
    {
        gpg.generate(user, algorithm, "sign,cert", &[]);
        let exported = gpg.run(&["--export", user], b"");
        assert!(matches!(PublicKey::from_bytes(&exported), Err(OpenPgpError::Unusable { .. })), "no subkey yet");
        let subkey = if algorithm == "ed25519" { "cv25519" } else { algorithm };
        gpg.run(&["--quick-add-key", &fingerprint(&gpg, user), subkey, "encr"], b"");
        for options in [&["--armor"][..], &[]] {
            let exported = gpg.run(&[options, &["--export", user]].concat(), b"");
            let public = PublicKey::from_bytes(&exported).unwrap();
            assert_eq!(gpg.run(&["--decrypt"], &public.encrypt(MAIL).unwrap()), MAIL, "{user}");
        }
    }
    let past = ["--faked-system-time", "20200101T000000"];
    gpg.generate("expired@example.org", "ed25519", "default", &past);
    let expired = gpg.run(&["--export", "expired@example.org"], b"");
    assert!(matches!(PublicKey::from_bytes(&expired), Err(OpenPgpError::Unusable { why: "it is expired" })));

    let certificate = format!("openpgp-revocs.d/{}.rev", fingerprint(&gpg, "rsa@example.org"));
    let revocation = std::fs::read_to_string(gpg.home().join(certificate)).unwrap();
    // A colon in front keeps the certificate from being imported by accident.
    gpg.run(&["--import"], revocation.replace(":-----BEGIN", "-----BEGIN").as_bytes());
    let revoked = gpg.run(&["--export", "rsa@example.org"], b"");
    assert!(matches!(PublicKey::from_bytes(&revoked), Err(OpenPgpError::Unusable { why: "it is revoked" })));
}

/// The fingerprint of a user's key in gpg.
fn fingerprint(gpg: &Gpg, user: &str) -> String {
    let listed = String::from_utf8(gpg.run(&["--list-keys", "--with-colons", user], b"")).unwrap();
    listed.lines().find(|line| line.starts_with("fpr")).unwrap().split(':').nth(9).unwrap().to_owned()
}

#[test]
fn a_key_pair_from_gpg_can_be_imported_unless_it_is_locked() {
    let Some(gpg) = Gpg::new() else { return };
    gpg.generate(ADA, "future-default", "default", &[]);
    let key = OpenPgpKey::from_bytes(&gpg.run(&["--export-secret-keys", ADA], b"")).unwrap();
    let message = gpg.run(&["--recipient", "ada@example.org", "--encrypt"], MAIL);
    assert_eq!(key.decrypt(&message, 1000).unwrap().content, MAIL);
    gpg.run(
        &["--passphrase", "locked", "--quick-generate-key", "locked@example.org", "future-default", "default", "1d"],
        b"",
    );
    let locked = gpg.run(&["--passphrase", "locked", "--export-secret-keys", "locked@example.org"], b"");
    assert!(matches!(OpenPgpKey::from_bytes(&locked), Err(OpenPgpError::Unusable { .. })));
}
