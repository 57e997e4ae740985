//! The key that messages are encrypted to: who may replace it, and what is taken for one.

use benchline_engine::crypto::OpenPgpKey;
use benchline_engine::protocol::{MAX_OPENPGP_KEY, RegisteredKey};

use super::Mail;
use crate::support::{quick, run_test};

#[test]
fn a_key_is_replaced_only_by_a_client_that_has_seen_it_and_its_fingerprint_is_returned() {
    run_test(async {
        let (server, mail) = Mail::start(&quick()).await;
        let path = mail.path("openpgp-key");
        let registered = mail.http.of(&mail.account, "GET", &path, "", b"").await;
        assert_eq!((registered.status, &registered.body), (200, &mail.key.public().to_bytes()));
        let tag = registered.head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
        let known = mail.http.of(&mail.account, "GET", &path, &format!("If-None-Match: {tag}\r\n"), b"").await;
        assert_eq!(known.status, 304);

        let other = OpenPgpKey::generate("ana <ana@example.org>").unwrap();
        let bytes = other.public().to_bytes();
        mail.register("", &bytes).await.expect_problem(428, "precondition-required");
        mail.register("If-None-Match: *\r\n", &bytes).await.expect_problem(412, "precondition-failed");
        mail.register("If-Match: \"x\"\r\n", &bytes).await.expect_problem(412, "precondition-failed");
        let armoured = other.public().armoured();
        let replaced = mail.register(&format!("If-Match: {tag}\r\n"), armoured.as_bytes()).await;
        assert_eq!(replaced.status, 200);
        let answer: RegisteredKey = serde_json::from_slice(&replaced.body).unwrap();
        assert_eq!(answer.fingerprint, other.fingerprint().to_string());
        mail.register(&format!("If-Match: {tag}\r\n"), &bytes).await.expect_problem(412, "precondition-failed");

        // From now on messages are for the new key.
        assert_eq!(mail.put("m", b"hello").await.status, 201);
        let mail = Mail { key: other, ..mail.at(&server) };
        let lease = mail.reserve_one().await;
        assert_eq!(mail.read(&lease).await, b"hello");
    });
}

#[test]
fn only_valid_public_keys_are_stored() {
    run_test(async {
        let (server, mail) = Mail::start(&quick()).await;
        let eve = Mail { account: server.user("eve").await, ..mail.at(&server) };
        let first = "If-None-Match: *\r\n";
        let good = mail.key.public().to_bytes();
        let encrypted = mail.key.public().encrypt(b"hello").unwrap();
        for bad in [&b""[..], b"hello", &good[..good.len() - 1], &good[..20], &encrypted, &mail.key.to_bytes()] {
            eve.register(first, bad).await.expect_problem(400, "malformed");
        }
        eve.register(first, &vec![0; MAX_OPENPGP_KEY + 1]).await.expect_problem(413, "too-large");
        let path = eve.path("openpgp-key");
        eve.http.of(&eve.account, "GET", &path, "", b"").await.expect_problem(404, "not-found");
        eve.http.of(&mail.account, "PUT", &path, first, &good).await.expect_problem(403, "forbidden");
    });
}
