//! Tokens that are none, none any more, somebody else's, or in the wrong place.

use std::time::Duration;

use benchline_engine::server::Server;

use super::Target;
use crate::support::{quick, run_test};

const OWN: &str = "/v1/users/ana/blobs";

/// Every route of a user's, with a method that it knows.
const ROUTES: [(&str, &str); 26] = [
    ("GET", "/peers/00000000000000aa?generation=0&transaction=00000000000000000000000000000000"),
    ("PUT", "/peers/00000000000000aa"),
    ("GET", "/peers/00000000000000aa/documents?generation=0&transaction=00000000000000000000000000000000"),
    ("POST", "/peers/00000000000000aa/documents"),
    ("GET", "/openpgp-key"),
    ("PUT", "/openpgp-key"),
    ("GET", "/incoming"),
    ("POST", "/incoming/leases"),
    ("GET", "/incoming/m-1?fence=1"),
    ("POST", "/incoming/m-1/lease?fence=1"),
    ("PUT", "/incoming/m-1/state?fence=1"),
    ("DELETE", "/incoming/m-1?fence=1"),
    ("GET", "/recovery"),
    ("PUT", "/recovery"),
    ("GET", "/blobs"),
    ("GET", "/blob-counts/mail"),
    ("GET", "/blobs/mail"),
    ("GET", "/blobs/mail/kept"),
    ("HEAD", "/blobs/mail/kept"),
    ("PUT", "/blobs/mail/kept"),
    ("DELETE", "/blobs/mail/kept"),
    ("GET", "/blobs/mail/kept/flags"),
    ("PUT", "/blobs/mail/kept/flags"),
    ("HEAD", "/blobs/mail/kept/upload"),
    ("PATCH", "/blobs/mail/kept/upload"),
    ("DELETE", "/blobs/mail/kept/upload"),
];

fn request(method: &str, path: &str, headers: &str) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n").into_bytes()
}

pub(super) fn attacks(target: &Target) -> Vec<(String, Vec<u8>)> {
    let token = target.ana.token.as_str();
    let flipped = |at: usize| {
        let mut bytes = token.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
        String::from_utf8(bytes).unwrap()
    };
    let last = flipped(token.len() - 1);
    let middle = flipped(token.len() / 2);
    [
        ("no token", String::new()),
        ("no scheme", format!("Authorization: {token}\r\n")),
        ("another scheme", format!("Authorization: Basic {token}\r\n")),
        ("nothing behind the scheme", "Authorization: Bearer\r\n".to_owned()),
        ("a token and more", format!("Authorization: Bearer {token} x\r\n")),
        ("a token that is longer", format!("Authorization: Bearer {token}0\r\n")),
        ("a token that is shorter", format!("Authorization: Bearer {}\r\n", &token[..token.len() - 1])),
        ("a token with another end", format!("Authorization: Bearer {last}\r\n")),
        ("a token with another middle", format!("Authorization: Bearer {middle}\r\n")),
        ("a token in other letters", format!("Authorization: Bearer {}\r\n", token.to_uppercase())),
        ("a token in quotes", format!("Authorization: Bearer \"{token}\"\r\n")),
        ("two tokens in one", format!("Authorization: Bearer {token}, Bearer {token}\r\n")),
        ("a token of 20,000 letters", format!("Authorization: Bearer {}\r\n", "a".repeat(20_000))),
        ("a wildcard", "Authorization: Bearer %\r\n".to_owned()),
        ("a statement", "Authorization: Bearer ' OR 1=1 --\r\n".to_owned()),
        ("bytes that are no text", "Authorization: Bearer \u{ff}\u{fe}\r\n".to_owned()),
        ("a token in a cookie", format!("Cookie: token={token}\r\n")),
        ("a token for the proxy", format!("Proxy-Authorization: Bearer {token}\r\n")),
        ("who a proxy says it is", "X-Forwarded-User: ana\r\nX-Remote-User: ana\r\n".to_owned()),
    ]
    .map(|(what, headers)| (what.to_owned(), request("GET", OWN, &headers)))
    .into()
}

#[test]
fn invalid_tokens_are_rejected() {
    run_test(async {
        for session_cache in [true, false] {
            let target = Target::start(|config| config.session_cache = session_cache).await;
            for (what, attack) in attacks(&target) {
                let answer = target.send(&attack).await;
                answer.expect(&what, 401, Some("unauthorized"));
                assert!(answer.text().contains("www-authenticate: Bearer"), "{what}: {answer:?}");
            }
            let in_query = format!("{OWN}?access_token={}", target.ana.token.as_str());
            target.send(&request("GET", &in_query, "")).await.expect("in the query", 401, Some("unauthorized"));
            target.is_unharmed().await;
        }
    });
}

#[test]
fn expired_and_foreign_tokens_are_rejected_on_every_route() {
    run_test(async {
        let target = Target::start(|_| ()).await;
        // Another process of the operator's, as `benchline-engine` is one.
        let operator = Server::open(target.folder.path(), &quick()).await.unwrap();
        let accounts = operator.accounts();
        let expired = accounts.create_token(&target.ana.name, Duration::ZERO).await.unwrap();
        let revoked = accounts.create_token(&target.ana.name, Duration::from_secs(60)).await.unwrap();
        assert!(accounts.revoke(revoked.as_str()).await.unwrap());
        let foreign = target.bob.token.as_str();
        for (token, status, name) in [
            (expired.as_str(), 401, "unauthorized"),
            (revoked.as_str(), 401, "unauthorized"),
            (foreign, 403, "forbidden"),
        ] {
            let header = format!("Authorization: Bearer {token}\r\n");
            for (method, route) in ROUTES {
                let answer = target.send(&request(method, &format!("/v1/users/ana{route}"), &header)).await;
                let name = (method != "HEAD").then_some(name);
                answer.expect(&format!("{method} {route}"), status, name);
            }
        }
        // Whether a user exists is not to be learnt from what somebody else is told.
        let header = format!("Authorization: Bearer {foreign}\r\n");
        for (method, route) in ROUTES {
            let own = target.send(&request(method, &format!("/v1/users/ana{route}"), &header)).await;
            let none = target.send(&request(method, &format!("/v1/users/nobody{route}"), &header)).await;
            let undated = |answer: &super::Answers| {
                answer.text().lines().filter(|line| !line.starts_with("date: ")).collect::<Vec<_>>().join("\n")
            };
            assert_eq!(undated(&own), undated(&none), "{method} {route}");
        }
        operator.close().await;
        target.is_unharmed().await;
    });
}
