//! Where a request ends: lengths that lie, bodies in chunks that lie, two requests in one, floods of headers, and who never
//! comes to an end. What a proxy before the server could understand otherwise is refused, and the connection closed.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{ABC, Target};
use crate::support::run_test;

const BLOB: &str = "/v1/users/ana/blobs/mail/b";

/// A second request, to be smuggled in with another: if it counts, Ana's blob is gone.
fn smuggled(target: &Target) -> String {
    let token = target.ana.token.as_str();
    format!("DELETE /v1/users/ana/blobs/mail/kept HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n")
}

/// What, the request, the status of the only answer (0: closed without one) and the name of the problem; hyper's own refusals
/// have no body.
type Attack = (&'static str, Vec<u8>, u16, Option<&'static str>);

pub(super) fn attacks(target: &Target) -> Vec<Attack> {
    let put = |headers: &str, body: &str| target.unframed("PUT", BLOB, &format!("{ABC}{headers}"), body.as_bytes());
    let closing = |headers: &str, body: &str| put(&format!("Connection: close\r\n{headers}"), body);
    let chunked = |body: &str| closing("Upload-Length: 3\r\nTransfer-Encoding: chunked\r\n", body);
    let inside = smuggled(target);
    vec![
        ("a negative length", put("Content-Length: -1\r\n", "abc"), 400, None),
        ("a length with a sign", put("Content-Length: +3\r\n", "abc"), 400, None),
        ("a hexadecimal length", put("Content-Length: 0x3\r\n", "abc"), 400, None),
        ("a length that is no number", put("Content-Length: three\r\n", "abc"), 400, None),
        ("no digits", put("Content-Length: \r\n", "abc"), 400, None),
        ("a length beyond all numbers", put("Content-Length: 99999999999999999999\r\n", "abc"), 400, None),
        ("two lengths that differ", put("Content-Length: 3\r\nContent-Length: 4\r\n", "abc"), 400, None),
        ("two lengths in one", put("Content-Length: 3, 4\r\n", "abc"), 400, None),
        ("a length of nineteen digits", closing("Content-Length: 9223372036854775807\r\n", ""), 400, Some("malformed")),
        (
            "a length beyond the largest blob",
            closing("Content-Length: 999999999999999\r\n", ""),
            413,
            Some("too-large"),
        ),
        (
            "another length than is said",
            closing("Content-Length: 3\r\nUpload-Length: 4\r\n", "abc"),
            400,
            Some("malformed"),
        ),
        ("an unknown coding", put("Transfer-Encoding: gzip\r\n", "abc"), 400, None),
        ("chunks that are not last", put("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"), 400, None),
        ("a coding with an odd name", put("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 400, None),
        ("a space before the colon", put("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), 400, None),
        ("a folded header", put("X: y\r\n Transfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400, None),
        ("a carriage return inside", put("X: y\rTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400, None),
        ("a zero byte inside", put("X: y\0\r\n", "0\r\n\r\n"), 400, None),
        ("a size that is no number", chunked("x\r\nabc\r\n0\r\n\r\n"), 400, Some("malformed")),
        ("a negative size", chunked("-3\r\nabc\r\n0\r\n\r\n"), 400, Some("malformed")),
        ("a size beyond all numbers", chunked("FFFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n"), 400, Some("malformed")),
        ("a size that is too small", chunked("2\r\nabc\r\n0\r\n\r\n"), 400, Some("malformed")),
        ("a size that is too large", chunked("5\r\nabc\r\n0\r\n\r\n"), 400, Some("malformed")),
        ("no last chunk, and more behind", chunked(&format!("3\r\nabc\r\n{inside}")), 400, Some("malformed")),
        ("more chunks than are said", chunked("3\r\nabc\r\n3\r\nabc\r\n0\r\n\r\n"), 400, Some("malformed")),
        (
            "an extension without end",
            chunked(&format!("3;{}\r\nabc\r\n0\r\n\r\n", "x".repeat(1 << 17))),
            400,
            Some("malformed"),
        ),
        (
            "trailers without end",
            chunked(&format!("3\r\nabc\r\n0\r\n{}\r\n", "X: y\r\n".repeat(50_000))),
            400,
            Some("malformed"),
        ),
        (
            "a request in an unread body",
            {
                let length = inside.len();
                target.unframed(
                    "PUT",
                    "/v1/users/nobody/recovery",
                    &format!("Content-Length: {length}\r\n"),
                    inside.as_bytes(),
                )
            },
            403,
            Some("forbidden"),
        ),
        ("nothing like HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(), 400, None),
        ("an older HTTP", b"GET /healthz\r\n\r\n".to_vec(), 400, None),
        ("a later HTTP", b"GET /healthz HTTP/9.9\r\n\r\n".to_vec(), 400, None),
        ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), 0, None),
        ("a header without a name", target.of_ana("GET", "/healthz", ": x\r\n", b""), 400, None),
        ("a header without a colon", target.of_ana("GET", "/healthz", "nonsense\r\n", b""), 400, None),
        ("a space in the path", target.of_ana("GET", "/v1/users/ana/recovery x", "", b""), 400, None),
        ("a header too many", target.of_ana("GET", "/healthz", &"X: y\r\n".repeat(65), b""), 431, None),
        ("a thousand headers", target.of_ana("GET", "/healthz", &"X: y\r\n".repeat(1000), b""), 431, None),
        (
            "a very long header",
            target.of_ana("GET", "/healthz", &format!("X: {}\r\n", "y".repeat(200_000)), b""),
            431,
            None,
        ),
        ("a very long path", target.of_ana("GET", &format!("/{}", "y".repeat(200_000)), "", b""), 431, None),
    ]
}

#[test]
fn ambiguous_requests_are_rejected() {
    run_test(async {
        // A connection that could go on is read from until then.
        let target = Target::start(|config| config.server.head_seconds = 1).await;
        for (what, attack, status, name) in attacks(&target) {
            target.send(&attack).await.expect(what, status, name);
            target.is_unharmed().await;
        }
        let blob = target.send(&target.of_ana("GET", BLOB, "", b"")).await;
        blob.expect("nothing of all that was kept", 404, Some("not-found"));
    });
}

/// RFC 9112, section 6.3: chunks win over a length, and the connection does not go on.
#[test]
fn chunked_coding_overrides_a_length_and_later_bytes_are_ignored() {
    run_test(async {
        let target = Target::start(|_| ()).await;
        for order in [
            "Content-Length: 300\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        ] {
            let headers = format!("{ABC}Upload-Length: 3\r\n{order}");
            let body = format!("3\r\nabc\r\n0\r\n\r\n{}", smuggled(&target));
            let answers = target.send(&target.unframed("PUT", BLOB, &headers, body.as_bytes())).await;
            assert!(answers.statuses().len() == 1 && [201, 204, 400].contains(&answers.status()), "{answers:?}");
            target.is_unharmed().await;
        }
    });
}

#[test]
fn pipelined_requests_are_answered_in_order_until_one_is_invalid() {
    run_test(async {
        let target = Target::start(|_| ()).await;
        let get = target.unframed("GET", "/v1/users/ana/blobs/mail/none", "", b"");
        let answers = target.send(&[get.repeat(20), b"\r\n\r\nnonsense\r\n\r\n".to_vec(), get.clone()].concat()).await;
        assert_eq!(answers.statuses(), [vec![404; 20], vec![400]].concat(), "{answers:?}");
        target.is_unharmed().await;
    });
}

#[test]
fn endless_requests_time_out_and_block_no_others() {
    run_test(async {
        let target = Target::start(|config| {
            config.server.head_seconds = 1;
            config.server.body_seconds = 1;
        });
        let target = target.await;
        let head = target.unframed("PUT", BLOB, &format!("{ABC}Content-Length: 3\r\n"), b"");
        let starts: [&[u8]; 5] = [b"", b"GET", b"GET /healthz HTTP/1.1\r\n", b"GET /healthz HTTP/1.1\r\nX: y", &head];
        let idle = join_all((0..60).map(async |n| {
            let address = target.server.address.trim_start_matches("http://");
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(starts[n % starts.len()]).await.unwrap();
            let mut rest = Vec::new();
            let ended = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut rest)).await;
            assert!(ended.is_ok(), "it was never sent away");
            // Whoever began a body is told so; the others are no requests yet.
            let told = String::from_utf8_lossy(&rest).starts_with("HTTP/1.1 408");
            assert!(told || rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
            assert_eq!(told, n % starts.len() == 4);
        }));
        tokio::join!(idle, async {
            for _ in 0..20 {
                target.is_unharmed().await;
            }
        });
    });
}
