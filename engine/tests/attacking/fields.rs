//! Methods, ranges, conditions and lengths of every kind: the status that each gets, on a blob of ten bytes and an empty one.

use super::{ABC, Target};
use crate::support::run_test;

const DIGITS: &str = "/v1/users/ana/blobs/mail/digits";
const EMPTY: &str = "/v1/users/ana/blobs/mail/empty";
const DIGITS_DIGEST: &str = "sha-256=:hNiYd/DUBB77a/kaFvAkjy/Vc+avBcGflr7bn4gveII=:";
const EMPTY_DIGEST: &str = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";

/// `Range`, then status and body for the ten digits.
const RANGES: [(&str, u16, &str); 34] = [
    ("bytes=0-9", 206, "0123456789"),
    ("bytes=0-0", 206, "0"),
    ("bytes=9-9", 206, "9"),
    ("bytes=9-", 206, "9"),
    ("bytes=-1", 206, "9"),
    ("bytes=-10", 206, "0123456789"),
    ("bytes=-11", 206, "0123456789"),
    ("bytes=0-10", 206, "0123456789"),
    ("bytes=5-18446744073709551615", 206, "56789"),
    ("bytes=5-18446744073709551616", 206, "56789"),
    ("bytes=5-99999999999999999999999999999999999999", 206, "56789"),
    ("bytes=-99999999999999999999999999999999999999", 206, "0123456789"),
    ("bytes=000000000000000000000000000003-4", 206, "34"),
    ("BYTES=3-4", 206, "34"),
    ("bytes= 3-4", 206, "34"),
    ("bytes=10-", 416, ""),
    ("bytes=10-10", 416, ""),
    ("bytes=18446744073709551615-", 416, ""),
    ("bytes=18446744073709551616-18446744073709551617", 416, ""),
    ("bytes=-0", 416, ""),
    ("bytes=4-3", 200, "0123456789"),
    ("bytes=-", 200, "0123456789"),
    ("bytes=", 200, "0123456789"),
    ("bytes", 200, "0123456789"),
    ("=0-1", 200, "0123456789"),
    ("bytes=--1", 200, "0123456789"),
    ("bytes=1--2", 200, "0123456789"),
    ("bytes=+1-2", 200, "0123456789"),
    ("bytes=1.0-2", 200, "0123456789"),
    ("bytes=0x1-2", 200, "0123456789"),
    ("bytes=1-2-3", 200, "0123456789"),
    ("bytes=0-1,4-5", 200, "0123456789"),
    ("items=0-1", 200, "0123456789"),
    ("bytes=\u{661}-\u{662}", 200, "0123456789"),
];

/// Method, headers and status, where `T` stands for the blob's tag. In this order: the last ones delete it.
const CONDITIONS: [(&str, &str, u16); 25] = [
    ("GET", "If-None-Match: T", 304),
    ("HEAD", "If-None-Match: T", 304),
    ("GET", "If-None-Match: W/T", 304),
    ("GET", "If-None-Match: \"x\", T", 304),
    ("GET", "If-None-Match: *", 304),
    ("GET", "If-None-Match: \"x\"", 200),
    ("GET", "If-None-Match: nonsense", 200),
    ("GET", "If-None-Match: ", 200),
    ("GET", "If-Match: T", 200),
    ("GET", "If-Match: *", 200),
    ("GET", "If-Match: W/T", 412),
    ("GET", "If-Match: \"x\"", 412),
    ("GET", "If-Match: ", 412),
    // If-Match comes first, and a condition before a range (RFC 9110, section 13.2.2).
    ("GET", "If-Match: \"x\"\r\nIf-None-Match: T", 412),
    ("GET", "If-None-Match: T\r\nRange: bytes=99-", 304),
    ("GET", "If-Match: \"x\"\r\nRange: bytes=99-", 412),
    ("GET", "If-Range: T\r\nRange: bytes=0-1", 206),
    ("GET", "If-Range: \"x\"\r\nRange: bytes=0-1", 200),
    ("GET", "If-Range: W/T\r\nRange: bytes=0-1", 200),
    ("GET", "If-Range: \"x\"\r\nRange: bytes=99-", 200),
    ("PUT", "If-None-Match: *", 412),
    ("PUT", "If-Match: \"x\"", 412),
    ("DELETE", "If-Match: \"x\"", 412),
    ("DELETE", "If-Match: W/T", 412),
    ("DELETE", "If-Match: T", 204),
];

const METHODS: [&str; 12] =
    ["POST", "TRACE", "OPTIONS", "CONNECT", "PROPFIND", "MOVE", "COPY", "get", "GETT", "G", "X-PUT", "PURGE"];

pub(super) fn attacks(target: &Target) -> Vec<Vec<u8>> {
    let get = |field: &str, value: &str| {
        target.of_ana("GET", "/v1/users/ana/blobs/mail/kept", &format!("{field}: {value}\r\n"), b"")
    };
    let mut attacks: Vec<_> = RANGES.iter().map(|(range, ..)| get("Range", range)).collect();
    attacks.extend(METHODS.iter().map(|method| target.of_ana(method, DIGITS, "", b"")));
    attacks.push(get("Range", &format!("bytes={}", "0-0,".repeat(10_000))));
    attacks.push(get("If-None-Match", &"\"x\", ".repeat(8000)));
    attacks
}

async fn put(target: &Target) -> WithBlobs<'_> {
    for (path, digest, content) in [(DIGITS, DIGITS_DIGEST, &b"0123456789"[..]), (EMPTY, EMPTY_DIGEST, b"")] {
        let headers = format!("Repr-Digest: {digest}\r\nUpload-Length: {}\r\n", content.len());
        assert_eq!(target.send(&target.of_ana("PUT", path, &headers, content)).await.status(), 201);
    }
    WithBlobs(target)
}

/// A target with both blobs.
struct WithBlobs<'a>(&'a Target);

impl WithBlobs<'_> {
    async fn ask(&self, method: &str, path: &str, headers: &str) -> super::Answers {
        self.0.send(&self.0.of_ana(method, path, headers, b"")).await
    }
}

#[test]
fn every_range_gets_exactly_its_bytes_or_an_error() {
    run_test(async {
        let target = Target::start(|_| ()).await;
        let both = put(&target).await;
        for (range, status, body) in RANGES {
            let answer = both.ask("GET", DIGITS, &format!("Range: {range}\r\n")).await;
            let name = (status == 416).then_some("range-not-satisfiable");
            answer.expect(range, status, name);
            let text = answer.text();
            let (head, rest) = text.split_once("\r\n\r\n").unwrap();
            match status {
                416 => assert!(head.contains("content-range: bytes */10"), "{range}: {text}"),
                206 => {
                    let first = "0123456789".find(body).unwrap();
                    let header = format!("content-range: bytes {first}-{}/10", first + body.len() - 1);
                    assert!(head.contains(&header) && rest == body, "{range}: {text}");
                }
                _ => assert!(!head.contains("content-range") && rest == body, "{range}: {text}"),
            }
        }
        for (range, status) in [("bytes=0-", 416), ("bytes=0-0", 416), ("bytes=-1", 200), ("bytes=-0", 416)] {
            both.ask("GET", EMPTY, &format!("Range: {range}\r\n")).await.expect(range, status, None);
        }
        // Two headers are not one, and a thousand ranges are not served either.
        let twice = both.ask("GET", DIGITS, "Range: bytes=0-0\r\nRange: bytes=1-1\r\n").await;
        assert!([200, 206, 400].contains(&twice.status()), "{twice:?}");
        let many = both.ask("GET", DIGITS, &format!("Range: bytes={}0-0\r\n", "0-0,".repeat(10_000))).await;
        many.expect("ten thousand ranges", 200, None);
        target.is_unharmed().await;
    });
}

#[test]
fn conditions_are_evaluated_in_the_order_of_the_standard() {
    run_test(async {
        let target = Target::start(|_| ()).await;
        let both = put(&target).await;
        let found = both.ask("HEAD", DIGITS, "").await.text();
        let tag = found.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
        for (method, headers, status) in CONDITIONS {
            let headers = format!("{}\r\n", headers.replace('T', &tag));
            let answer = match method {
                "PUT" => {
                    let headers = format!("Repr-Digest: {DIGITS_DIGEST}\r\n{headers}");
                    target.send(&target.of_ana("PUT", DIGITS, &headers, b"0123456789")).await
                }
                _ => both.ask(method, DIGITS, &headers).await,
            };
            let name = (status == 412).then_some("precondition-failed");
            answer.expect(&format!("{method} {headers}"), status, name);
        }
        both.ask("GET", DIGITS, "If-None-Match: *\r\n").await.expect("it is gone", 404, Some("not-found"));
        target.is_unharmed().await;
    });
}

#[test]
fn other_methods_are_rejected() {
    run_test(async {
        let target = Target::start(|_| ()).await;
        for path in [
            "/healthz",
            "/v1/users/ana/recovery",
            "/v1/users/ana/blobs",
            "/v1/users/ana/blobs/mail",
            "/v1/users/ana/blobs/mail/kept",
            "/v1/users/ana/blobs/mail/kept/flags",
            "/v1/users/ana/blobs/mail/kept/upload",
            "/v1/users/ana/peers/00000000000000aa",
        ] {
            for method in METHODS {
                // Another header does not make another method of it.
                let headers = "X-HTTP-Method-Override: DELETE\r\nX-Method-Override: DELETE\r\n";
                let answer = target.send(&target.of_ana(method, path, headers, b"")).await;
                answer.expect(&format!("{method} {path}"), 405, Some("method-not-allowed"));
                assert!(answer.text().to_lowercase().contains("\r\nallow: "), "{method} {path}: {answer:?}");
            }
        }
        target.is_unharmed().await;
    });
}

#[test]
fn bodies_and_fields_beyond_their_limits_are_rejected() {
    run_test(async {
        let target = Target::start(|config| config.blobs.quota = 1 << 20).await;
        let (peer, flags) = ("/v1/users/ana/peers/00000000000000aa", "/v1/users/ana/blobs/mail/kept/flags");
        let upload = "/v1/users/ana/blobs/mail/kept/upload";
        let blob = "/v1/users/ana/blobs/mail/b";
        let list = "/v1/users/ana/blobs/mail";
        let deep = "[".repeat(4000);
        let appending = "Content-Type: application/partial-upload\r\nUpload-Complete: ?1\r\n";
        for (method, path, headers, body, status, name) in [
            ("PUT", peer, "", vec![b' '; 1 << 20], 413, "too-large"),
            ("PUT", peer, "", deep.clone().into_bytes(), 400, "malformed"),
            ("PUT", flags, "", vec![b' '; 1 << 20], 413, "too-large"),
            ("PUT", flags, "", deep.into_bytes(), 400, "malformed"),
            ("PUT", flags, "", b"{\"flags\":[\"pending\"],\"flags\":[]}".to_vec(), 400, "malformed"),
            ("PUT", flags, "", b"{\"flags\":[\"root\"]}".to_vec(), 400, "malformed"),
            ("PUT", flags, "", b"{\"flags\":\"pending\"}".to_vec(), 400, "malformed"),
            ("PUT", flags, "", b"\xff\xfe".to_vec(), 400, "malformed"),
            (
                "PUT",
                blob,
                &format!("{ABC}Upload-Length: 1000000000000000\r\nUpload-Complete: ?0\r\n"),
                vec![],
                400,
                "malformed",
            ),
            (
                "PUT",
                blob,
                &format!("{ABC}Upload-Length: 999999999999999\r\nUpload-Complete: ?0\r\n"),
                vec![],
                413,
                "too-large",
            ),
            (
                "PUT",
                blob,
                &format!("{ABC}Upload-Length: 1048576\r\nUpload-Complete: ?0\r\n"),
                vec![],
                507,
                "quota-exceeded",
            ),
            ("PUT", blob, &format!("{ABC}{ABC}"), b"abc".to_vec(), 400, "malformed"),
            ("PATCH", upload, &format!("{appending}Upload-Offset: -1\r\n"), b"x".to_vec(), 400, "malformed"),
            (
                "PATCH",
                upload,
                &format!("{appending}Upload-Offset: 999999999999999\r\n"),
                b"x".to_vec(),
                404,
                "not-found",
            ),
            ("PATCH", upload, appending, b"x".to_vec(), 400, "malformed"),
            (
                "PATCH",
                upload,
                "Upload-Complete: ?1\r\nUpload-Offset: 0\r\n",
                b"x".to_vec(),
                415,
                "unsupported-media-type",
            ),
            ("GET", &format!("{list}?limit=0"), "", vec![], 400, "malformed"),
            ("GET", &format!("{list}?limit=1001"), "", vec![], 400, "malformed"),
            ("GET", &format!("{list}?limit=-1"), "", vec![], 400, "malformed"),
            ("GET", &format!("{list}?limit=99999999999999999999"), "", vec![], 400, "malformed"),
            ("GET", &format!("{list}?limit=1&limit=2"), "", vec![], 400, "malformed"),
            ("GET", &format!("{list}?since=9223372036854775808"), "", vec![], 400, "malformed"),
            ("GET", &format!("{list}?after=..%2f"), "", vec![], 400, "malformed"),
            ("GET", &format!("{list}?prefix=%25"), "", vec![], 400, "malformed"),
            ("GET", &format!("{list}?prefix=a'--"), "", vec![], 400, "malformed"),
            ("GET", &format!("{list}?flags=pending,,x"), "", vec![], 400, "malformed"),
            ("GET", &format!("{list}?unknown=1"), "", vec![], 400, "malformed"),
            ("GET", &format!("{list}?%ff=%ff"), "", vec![], 400, "malformed"),
        ] {
            let answer = target.send(&target.of_ana(method, path, headers, &body)).await;
            answer.expect(&format!("{method} {path} {headers}"), status, Some(name));
        }
        target.is_unharmed().await;
    });
}
