//! Paths that want to lead elsewhere.

use super::{ABC, Target};
use crate::support::process::files;
use crate::support::run_test;

/// What can stand in a path and is the name of nothing.
const NAMES: [&str; 32] = [
    // Out of the folder: plain, encoded, encoded twice, with other strokes and other dots.
    "..",
    ".",
    "%2e%2e",
    "%2E%2E",
    ".%2e",
    "%252e%252e",
    "..%2f..%2fetc%2fpasswd",
    "..%5c..%5cetc",
    "..%252f..%252fetc",
    "%2fetc%2fpasswd",
    "a%2f..%2fb",
    "a%2fb",
    "a%5cb",
    "%c0%ae%c0%ae",
    "%e0%80%ae",
    "%ef%bc%8e%ef%bc%8e",
    "%e2%80%ae",
    "%c3%a4",
    // Ends of strings, of lines and of names.
    "a%00",
    "%00",
    "a%00.db",
    "a%0d%0aX-Injected:%20yes",
    "a%0a",
    "a%20b",
    "%20",
    "a%09",
    // What means something to a shell, a database or Windows.
    "~root",
    "a;b",
    "a'--",
    "a%25",
    "a:b",
    "%ff%fe",
];

/// Every route with a part to fill in, and a method that it knows.
const ROUTES: [(&str, &str); 16] = [
    ("GET", "/v1/users/{}/recovery"),
    ("GET", "/v1/users/{}/openpgp-key"),
    ("GET", "/v1/users/ana/incoming/{}?fence=1"),
    ("POST", "/v1/users/ana/incoming/{}/lease?fence=1"),
    ("GET", "/v1/users/{}/blobs"),
    ("GET", "/v1/users/{}/blobs/mail/kept"),
    ("GET", "/v1/users/ana/peers/{}"),
    ("GET", "/v1/users/ana/peers/{}/documents"),
    ("GET", "/v1/users/ana/blob-counts/{}"),
    ("GET", "/v1/users/ana/blobs/{}"),
    ("GET", "/v1/users/ana/blobs/{}/kept"),
    ("PUT", "/v1/users/ana/blobs/{}/kept"),
    ("PUT", "/v1/users/ana/blobs/mail/{}"),
    ("DELETE", "/v1/users/ana/blobs/mail/{}"),
    ("PUT", "/v1/users/ana/blobs/mail/{}/flags"),
    ("PATCH", "/v1/users/ana/blobs/mail/{}/upload"),
];

pub(super) fn attacks(target: &Target) -> Vec<Vec<u8>> {
    let attack = |(method, route): (&str, &str), name| {
        let body: &[u8] = if method == "PUT" { b"abc" } else { b"" };
        target.of_ana(method, &route.replace("{}", name), ABC, body)
    };
    ROUTES.iter().flat_map(|route| NAMES.iter().map(|name| attack(*route, name))).collect()
}

#[test]
fn no_part_of_a_path_escapes_its_folder() {
    run_test(async {
        let target = Target::start(|_| ()).await;
        let before = files(target.folder.path());
        let long = ["x".repeat(256), "x".repeat(20_000)];
        for (method, route) in ROUTES {
            for name in NAMES.into_iter().chain(long.iter().map(String::as_str)) {
                let body: &[u8] = if method == "PUT" { b"abc" } else { b"" };
                let answer = target.send(&target.of_ana(method, &route.replace("{}", name), ABC, body)).await;
                answer.expect(&format!("{method} {route} {name}"), 400, Some("malformed"));
                assert!(!answer.text().to_lowercase().contains("\r\nx-injected"), "{answer:?}");
            }
        }
        assert_eq!(files(target.folder.path()), before, "nothing was made anywhere");
        target.is_unharmed().await;
    });
}

#[test]
fn unknown_paths_are_not_found() {
    run_test(async {
        let target = Target::start(|_| ()).await;
        for path in [
            "/",
            "//",
            "/v1",
            "/v1/",
            "/v1/users",
            "/v1/users/",
            "/v1/users/ana",
            "/v1/users/ana/",
            "/v1//users/ana/blobs",
            "//v1/users/ana/blobs",
            "/V1/users/ana/blobs",
            "/v1/users/ana/blobs/",
            "/v1/users/ana/blobs/mail/",
            "/v1/users/ana/blobs/mail/kept/",
            "/v1/users/ana/blobs/mail/kept/upload/more",
            "/v1/users/ana/blobs/../../bob/blobs",
            "/v1/users/ana/blobs/mail/../../../bob/recovery",
            "/v1/users/ana%2fblobs",
            "/v1%2fusers/ana/blobs",
            "/accounts.db",
            "/users/1.db",
            "/../accounts.db",
            "/%2e%2e/accounts.db",
            "/v2/users/ana/blobs",
            "/healthz/",
            "/metrics/x",
        ] {
            target.send(&target.of_ana("GET", path, "", b"")).await.expect(path, 404, Some("not-found"));
        }
        target.is_unharmed().await;
    });
}
