//! Defects of an earlier server that must not come back: the `pending` flag that was set after the write; no reservation,
//! so that two clients processed one message; `processed` that was said before the message was stored.

use std::sync::atomic::{AtomicBool, Ordering};

use benchline_engine::protocol::MessageState;
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Mail, contents};
use crate::support::{payload, quick, run_test};

/// Whoever sees a message sees it pending, and whole: half of one is not there at all.
#[test]
fn a_message_becomes_visible_together_with_its_pending_state() {
    run_test(async {
        let (server, mail) = Mail::start(&quick()).await;
        let message = payload(1, 100_000);
        let mut stream = TcpStream::connect(server.incoming.trim_start_matches("http://")).await.unwrap();
        let head = format!(
            "PUT /v1/incoming/ana/slow HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nConnection: close\r\n\
             Authorization: Bearer {}\r\n\r\n",
            message.len(),
            mail.service.as_str()
        );
        stream.write_all(&[head.as_bytes(), &message[..50_000]].concat()).await.unwrap();
        assert!(mail.list("").await.is_empty() && mail.reserve(1).await.is_empty());
        stream.write_all(&message[50_000..]).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 201 "));
        assert_eq!(mail.states().await, [("slow".to_owned(), MessageState::Pending)]);

        // While thirty come, one looks all the time: whatever there is has its state, can be had, and is whole.
        let over = AtomicBool::new(false);
        let coming = async {
            let put = async |n: usize| mail.put(&n.to_string(), &payload(n, 20_000)).await.status;
            assert!(join_all((0..30).map(put)).await.iter().all(|status| *status == 201));
            over.store(true, Ordering::Relaxed);
        };
        let looking = async {
            let mut seen = 0;
            loop {
                let last = over.load(Ordering::Relaxed);
                assert!(mail.list("?state=processed").await.is_empty() && mail.list("?state=failed").await.is_empty());
                for lease in mail.reserve(100).await {
                    let expected = match lease.id.as_str() {
                        "slow" => message.clone(),
                        number => payload(number.parse().unwrap(), 20_000),
                    };
                    assert_eq!(mail.read(&lease).await, expected);
                    seen += 1;
                }
                if last {
                    return seen;
                }
            }
        };
        assert_eq!(tokio::join!(coming, looking).1, 31);
    });
}

/// A reservation is the server's decision: a second client gets another message or none, and can do nothing without.
#[test]
fn two_clients_do_not_process_one_message() {
    run_test(async {
        let (_server, mail) = Mail::start(&quick()).await;
        mail.put("m", b"hello").await;
        let both = join_all((0..2).map(|_| mail.reserve(1))).await;
        let leases: Vec<_> = both.into_iter().flatten().collect();
        assert_eq!(leases.len(), 1, "{leases:?}");
        mail.ask("GET", "/m", b"").await.expect_problem(400, "malformed");
        mail.ask("GET", "/m?fence=0", b"").await.expect_problem(409, "lease-lost");
    });
}

/// A message is gone only after its holder said that it is stored, and only that holder can say so.
#[test]
fn a_message_is_not_deleted_before_it_is_processed() {
    run_test(async {
        let (server, mail) = Mail::start(&quick()).await;
        mail.put("m", b"hello").await;
        mail.ask("DELETE", "/m", b"").await.expect_problem(400, "malformed");
        mail.ask("DELETE", "/m?fence=1", b"").await.expect_problem(409, "lease-lost");
        let lease = mail.reserve_one().await;
        mail.delete(&lease).await.expect_problem(409, "not-processed");
        // A client that stops here, its message not stored yet, has lost nothing.
        super::end_leases(server.folder());
        let lease = mail.reserve_one().await;
        assert_eq!(mail.read(&lease).await, b"hello");
        assert_eq!(mail.set(&lease, "failed").await.status, 204);
        mail.delete(&lease).await.expect_problem(409, "lease-lost");
        assert_eq!(mail.ask("PUT", "/m/state", br#"{"state":"pending"}"#).await.status, 204);
        let lease = mail.reserve_one().await;
        assert_eq!(mail.set(&lease, "processed").await.status, 204);
        assert_eq!(mail.set(&lease, "processed").await.status, 204, "said again, because the answer was lost");
        assert_eq!(mail.delete(&lease).await.status, 204);
        assert_eq!(contents(server.folder()), 0);
    });
}
