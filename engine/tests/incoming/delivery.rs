//! How messages come: what is written of them, what is refused, and what is remembered.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use benchline_engine::protocol::MessageState;
use benchline_engine::server::blobs::Sweep;
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Mail, contents, id};
use crate::support::{MARK, TestServer, both_layouts, is_in_files, payload, quick, run_test};

#[test]
fn a_message_is_never_stored_in_plaintext_and_its_client_decrypts_it() {
    run_test(async {
        for config in both_layouts() {
            let (server, mail) = Mail::start(&config).await;
            let (small, large) = (payload(1, 1000), payload(2, 3_000_000));
            assert_eq!(mail.put("small", &small).await.status, 201);
            assert_eq!(mail.put("large", &large).await.status, 201);
            assert!(!is_in_files(server.folder(), MARK), "found in the server's files");
            let server = server.restart(|folder| assert!(!is_in_files(folder, MARK))).await;

            let mail = mail.at(&server);
            let leases = mail.reserve(10).await;
            assert_eq!(leases.iter().map(|lease| lease.id.clone()).collect::<Vec<_>>(), [id("small"), id("large")]);
            assert_eq!(mail.read(&leases[0]).await, small);
            assert_eq!(mail.read(&leases[1]).await, large);
            assert_eq!(mail.used().await, leases[0].length + leases[1].length);
            assert!(!is_in_files(server.folder(), MARK));
        }
    });
}

#[test]
fn an_encrypted_message_is_stored_unchanged_and_a_mail_with_plaintext_headers_is_encrypted() {
    run_test(async {
        let (server, mail) = Mail::start(&quick()).await;
        let encrypted = mail.key.public().encrypt(&payload(1, 2000)).unwrap();
        let base64 = STANDARD.encode(&encrypted);
        let lines: Vec<&str> = base64.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
        let armoured = format!("-----BEGIN PGP MESSAGE-----\n\n{}\n-----END PGP MESSAGE-----\n", lines.join("\n"));
        let mime = format!(
            "Subject: confidential-mark\r\nContent-Type: multipart/encrypted; boundary=b; \
             protocol=\"application/pgp-encrypted\"\r\n\r\n--b\r\nContent-Type: application/pgp-encrypted\r\n\r\n\
             Version: 1\r\n\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n{armoured}\r\n--b--\r\n"
        );
        assert_eq!(mail.put("1", &encrypted).await.status, 201);
        assert_eq!(mail.put("2", armoured.as_bytes()).await.status, 201);
        assert_eq!(mail.put("3", mime.as_bytes()).await.status, 201);
        assert!(!is_in_files(server.folder(), MARK));
        let leases = mail.reserve(10).await;
        assert_eq!(mail.get(&leases[0]).await.body, encrypted);
        assert_eq!(mail.get(&leases[1]).await.body, armoured.as_bytes());
        assert_eq!(mail.read(&leases[1]).await, payload(1, 2000));
        assert_eq!(mail.read(&leases[2]).await, mime.as_bytes());
    });
}

#[test]
fn a_repeated_delivery_is_recognised_even_after_processing() {
    run_test(async {
        let (server, mail) = Mail::start(&quick()).await;
        let message = payload(1, 1000);
        assert_eq!(mail.put("m", &message).await.status, 201);
        assert_eq!(mail.put("m", &message).await.status, 204);
        mail.put("m", &payload(2, 1000)).await.expect_problem(409, "message-conflict");
        let lease = mail.reserve_one().await;
        assert_eq!(mail.set(&lease, "processed").await.status, 204);
        assert_eq!(mail.delete(&lease).await.status, 204);

        assert_eq!((mail.used().await, contents(server.folder())), (0, 0));
        server.server().sweep(Sweep::Uploads).await;
        assert_eq!(mail.put("m", &message).await.status, 204, "its service never got the first answer");
        mail.put("m", &payload(2, 1000)).await.expect_problem(409, "message-conflict");
        assert!(mail.list("").await.is_empty() && mail.reserve(1).await.is_empty());

        // Two weeks later nobody hands it over any more, and the name is free.
        let database = rusqlite::Connection::open(TestServer::database_of(server.folder(), 1)).unwrap();
        database.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
        assert_eq!(database.execute("UPDATE imprints SET forget = forget - 14 * 24 * 60 * 60", []).unwrap(), 1);
        server.server().sweep(Sweep::Uploads).await;
        assert_eq!(mail.put("m", &payload(2, 1000)).await.status, 201);
    });
}

#[test]
fn the_content_can_be_fetched_in_ranges() {
    run_test(async {
        let (_server, mail) = Mail::start(&quick()).await;
        mail.put("m", &payload(1, 1000)).await;
        let lease = mail.reserve_one().await;
        let whole = mail.get(&lease).await.body;
        let path = mail.path(&format!("incoming/m?fence={}", lease.fence));
        let part = mail.http.of(&mail.account, "GET", &path, "Range: bytes=10-\r\n", b"").await;
        assert_eq!((part.status, &part.body[..]), (206, &whole[10..]));
        let known = format!("If-None-Match: \"{}\"\r\n", String::from(lease.digest));
        assert_eq!(mail.http.of(&mail.account, "GET", &path, &known, b"").await.status, 304);
        let beyond = mail.http.of(&mail.account, "GET", &path, "Range: bytes=99999-\r\n", b"").await;
        beyond.expect_problem(416, "range-not-satisfiable");
    });
}

#[test]
fn without_a_key_or_a_user_no_message_is_accepted() {
    run_test(async {
        let (server, mail) = Mail::start(&quick()).await;
        let eve = server.user("eve").await;
        let to_eve = Mail { account: eve, ..mail.at(&server) };
        to_eve.put("m", b"hello").await.expect_problem(409, "no-key");
        let encrypted = mail.key.public().encrypt(b"hello").unwrap();
        to_eve.put("m", &encrypted).await.expect_problem(409, "no-key");
        let mut to_nobody = mail.at(&server);
        to_nobody.account.name = "nobody".parse().unwrap();
        to_nobody.put("m", b"hello").await.expect_problem(404, "not-found");

        let key = mail.key.public().to_bytes();
        assert_eq!(to_eve.register("If-None-Match: *\r\n", &key).await.status, 201);
        assert_eq!(to_eve.put("m", b"hello").await.status, 201);
        assert_eq!(contents(server.folder()), 1);
    });
}

#[test]
fn too_large_empty_or_misnamed_messages_store_nothing() {
    run_test(async {
        let mut config = quick();
        config.incoming.message_bytes = 10_000;
        let (server, mail) = Mail::start(&config).await;
        mail.put("m", &payload(1, 10_001)).await.expect_problem(413, "too-large");
        mail.put("m", b"").await.expect_problem(400, "malformed");
        let head = format!(
            "PUT /v1/incoming/ana/m HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\
             Authorization: Bearer {}\r\n\r\n",
            mail.service.as_str()
        );
        let chunk = |size: usize| [format!("{size:x}\r\n").as_bytes(), &payload(1, size), b"\r\n"].concat();
        let chunks = [head.as_bytes(), &chunk(6000), &chunk(6000), b"0\r\n\r\n"].concat();
        mail.services.raw(&chunks).await.expect_problem(413, "too-large");
        for bad in ["..", "%2e%2e", "a%2fb", "-a", ".a", "a%00", "%ff", "leases", &"x".repeat(256)] {
            let answer = mail.put(bad, b"hello").await;
            assert!(matches!(answer.status, 400 | 404), "{bad}: {}", answer.status);
        }
        mail.ask("GET", "/-a?fence=1", b"").await.expect_problem(400, "malformed");
        mail.ask("GET", "/a?fence=-1", b"").await.expect_problem(400, "malformed");
        mail.ask("GET", "/a", b"").await.expect_problem(400, "malformed");
        mail.ask("GET", "/a?fence=1", b"").await.expect_problem(404, "not-found");
        for bad in ["?limit=0", "?limit=101", "?limit=x", "?state=lost", "?after=..", "?x=1"] {
            mail.ask("GET", bad, b"").await.expect_problem(400, "malformed");
        }
        for bad in ["?limit=0", "?limit=101", "?x=1"] {
            mail.ask("POST", &format!("/leases{bad}"), b"").await.expect_problem(400, "malformed");
        }
        assert_eq!((contents(server.folder()), mail.list("").await.len()), (0, 0));

        // A chunked one that fits, for comparison.
        let chunks = [head.as_bytes(), &chunk(5000), b"0\r\n\r\n"].concat();
        assert_eq!(mail.services.raw(&chunks).await.status, 201);
    });
}

#[test]
fn a_stalled_body_times_out_and_stores_nothing() {
    run_test(async {
        let mut config = quick();
        config.server.body_seconds = 1;
        let (server, mail) = Mail::start(&config).await;
        let mut stream = TcpStream::connect(server.incoming.trim_start_matches("http://")).await.unwrap();
        let head = format!(
            "PUT /v1/incoming/ana/m HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nConnection: close\r\n\
             Authorization: Bearer {}\r\n\r\nconfidential-mark",
            mail.service.as_str()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&answer));
        assert_eq!((contents(server.folder()), mail.list("").await.len(), mail.used().await), (0, 0, 0));
        assert_eq!(mail.put("m", &payload(1, 1000)).await.status, 201, "the name is still free");
    });
}

#[test]
fn forty_concurrent_messages_never_exceed_the_quota() {
    run_test(async {
        for config in both_layouts() {
            let (server, mail) = Mail::start(&config).await;
            // The quota is set to what ten take, encrypted: as much as the first one, ten times, and a little more.
            mail.put("first", &payload(0, 5000)).await;
            let each = mail.used().await;
            let quota = each * 10 + each / 2;
            server.server().accounts().set_quota(&mail.account.name, Some(quota)).await.unwrap();
            let put = async |n: usize| mail.put(&n.to_string(), &payload(n, 5000)).await.status;
            let statuses = join_all((0..40).map(put)).await;
            let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
            assert_eq!((count(201), count(507)), (9, 31), "{statuses:?}");
            assert_eq!((mail.used().await, contents(server.folder())), (each * 10, 10));
            assert!(mail.list("?limit=50").await.iter().all(|entry| entry.state == MessageState::Pending));
            assert_eq!(mail.put("first", &payload(0, 5000)).await.status, 204, "known, though there is no room");
            let metrics = String::from_utf8(mail.http.request("GET", "/metrics", "", b"").await.body).unwrap();
            assert!(metrics.contains("benchline_incoming_messages_total{state=\"pending\"} 10\n"), "{metrics}");
        }
    });
}
