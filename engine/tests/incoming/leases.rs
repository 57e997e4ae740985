//! Who may work on a message: for how long, how often, and who may not any more.

use benchline_engine::protocol::{Lease, MessageState};

use super::{Mail, contents, end_leases, id};
use crate::support::{both_layouts, payload, quick, run_test};

#[test]
fn an_expired_lease_returns_the_message_and_its_fence_is_rejected_on_every_request() {
    run_test(async {
        for config in both_layouts() {
            let (server, mail) = Mail::start(&config).await;
            mail.put("m", b"hello").await;
            let stale = mail.reserve_one().await;
            assert!(mail.reserve(10).await.is_empty(), "it is taken");
            assert_eq!(mail.states().await, [("m".to_owned(), MessageState::Reserved)]);
            end_leases(server.folder());
            assert_eq!(mail.states().await, [("m".to_owned(), MessageState::Pending)]);
            let present = mail.reserve_one().await;
            assert!(present.fence > stale.fence && (stale.tries, present.tries) == (1, 2));

            for fence in [stale.fence, 0, present.fence + 1, u64::MAX] {
                let lease = Lease { fence, ..stale.clone() };
                mail.get(&lease).await.expect_problem(409, "lease-lost");
                mail.renew(&lease).await.expect_problem(409, "lease-lost");
                mail.delete(&lease).await.expect_problem(409, "lease-lost");
                for state in ["processed", "failed", "pending"] {
                    mail.set(&lease, state).await.expect_problem(409, "lease-lost");
                }
            }
            assert_eq!(mail.states().await, [("m".to_owned(), MessageState::Reserved)], "nothing was changed");
            assert_eq!(mail.read(&present).await, b"hello");
            assert_eq!(mail.set(&present, "processed").await.status, 204);
            mail.delete(&stale).await.expect_problem(409, "lease-lost");
            assert_eq!(mail.delete(&present).await.status, 204);
            mail.delete(&present).await.expect_problem(404, "not-found");
            assert_eq!((contents(server.folder()), mail.used().await), (0, 0));
        }
    });
}

/// With a lease of one second: it comes back by itself. How long that takes decides nothing.
#[test]
fn only_expiry_ends_a_lease_and_renewing_postpones_it() {
    run_test(async {
        let mut config = quick();
        config.incoming.lease_seconds = 1;
        let (_server, mail) = Mail::start(&config).await;
        mail.put("m", b"hello").await;
        let first = mail.reserve_one().await;
        let renewed: Lease = serde_json::from_slice(&mail.renew(&first).await.body).unwrap();
        assert_eq!(Lease { expires: first.expires, ..renewed.clone() }, first);
        assert!(renewed.expires >= first.expires);
        let second = loop {
            if let Some(lease) = mail.reserve(1).await.pop() {
                break lease;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        };
        assert!(second.expires > renewed.expires && second.fence > first.fence);
        mail.set(&first, "processed").await.expect_problem(409, "lease-lost");
    });
}

#[test]
fn a_slow_client_may_finish_until_another_reserves_the_message() {
    run_test(async {
        let (server, mail) = Mail::start(&quick()).await;
        mail.put("m", b"hello").await;
        let lease = mail.reserve_one().await;
        end_leases(server.folder());
        assert_eq!(mail.renew(&lease).await.status, 200);
        assert!(mail.reserve(1).await.is_empty(), "it is a lease again");
        end_leases(server.folder());
        assert_eq!(mail.set(&lease, "processed").await.status, 204);
        assert_eq!(mail.delete(&lease).await.status, 204);
    });
}

#[test]
fn the_oldest_messages_are_reserved_first_and_no_more_than_requested() {
    run_test(async {
        let (_server, mail) = Mail::start(&quick()).await;
        for name in ["c", "a", "d", "b"] {
            mail.put(name, name.as_bytes()).await;
        }
        let ids = |leases: Vec<Lease>| leases.into_iter().map(|lease| lease.id.to_string()).collect::<String>();
        let first = mail.reserve(2).await;
        assert!(first[0].fence < first[1].fence);
        let given_back = first[0].clone();
        assert_eq!(ids(first), "ca");
        assert_eq!(mail.set(&given_back, "pending").await.status, 204);
        mail.set(&given_back, "processed").await.expect_problem(409, "lease-lost");
        assert_eq!(ids(mail.reserve(2).await), "cd", "given back, it is the oldest again");

        assert_eq!(mail.list("?limit=2").await.iter().map(|entry| entry.id.to_string()).collect::<String>(), "ab");
        let rest = mail.list("?after=b&state=reserved").await;
        assert_eq!(
            rest.iter().map(|entry| (entry.id.clone(), entry.tries)).collect::<Vec<_>>(),
            [(id("c"), 2), (id("d"), 1)]
        );
        assert_eq!(mail.list("?state=pending").await.len(), 1);
    });
}

#[test]
fn a_message_that_exceeds_its_tries_fails_and_can_be_retried() {
    run_test(async {
        let mut config = quick();
        config.incoming.max_tries = 2.try_into().unwrap();
        let (server, mail) = Mail::start(&config).await;
        mail.put("m", b"hello").await;
        mail.put("n", b"hello").await;
        for tries in 1..=2 {
            let leases = mail.reserve(2).await;
            assert!(leases.len() == 2 && leases.iter().all(|lease| lease.tries == tries));
            mail.set(&leases[1], "pending").await;
            end_leases(server.folder());
        }
        assert!(mail.reserve(2).await.is_empty());
        let failed = |name: &str| (name.to_owned(), MessageState::Failed);
        assert_eq!(mail.states().await, [failed("m"), failed("n")]);
        let metrics = String::from_utf8(mail.http.request("GET", "/metrics", "", b"").await.body).unwrap();
        assert!(metrics.contains("benchline_incoming_messages_total{state=\"failed\"} 2\n"), "{metrics}");
        let pending = br#"{"state":"pending"}"#;
        assert_eq!(mail.ask("PUT", "/m/state", pending).await.status, 204);
        mail.ask("PUT", "/m/state", pending).await.expect_problem(409, "lease-lost");
        mail.ask("PUT", "/x/state", pending).await.expect_problem(404, "not-found");
        mail.ask("PUT", "/n/state", br#"{"state":"processed"}"#).await.expect_problem(400, "malformed");
        mail.ask("PUT", "/n/state", br#"{"state":"lost"}"#).await.expect_problem(400, "malformed");
        let lease = mail.reserve_one().await;
        assert_eq!((lease.id.as_str(), lease.tries), ("m", 1));
        assert_eq!(mail.set(&lease, "failed").await.status, 204);
        assert_eq!(mail.states().await, [failed("m"), failed("n")]);
    });
}

#[test]
fn a_processed_message_is_deleted_when_its_lease_expires() {
    run_test(async {
        let (server, mail) = Mail::start(&quick()).await;
        for name in ["a", "b"] {
            mail.put(name, &payload(1, 1000)).await;
            let lease = mail.reserve_one().await;
            assert_eq!(mail.set(&lease, "processed").await.status, 204);
        }
        assert!(mail.reserve(10).await.is_empty());
        assert_eq!(server.server().sweep(benchline_engine::server::blobs::Sweep::Uploads).await.messages, 0);
        assert_eq!(contents(server.folder()), 2, "their client may still delete them");
        end_leases(server.folder());
        assert_eq!(server.server().sweep(benchline_engine::server::blobs::Sweep::Uploads).await.messages, 2);
        assert_eq!((contents(server.folder()), mail.used().await), (0, 0));

        mail.put("c", &payload(1, 1000)).await;
        let lease = mail.reserve_one().await;
        assert_eq!(mail.set(&lease, "processed").await.status, 204);
        end_leases(server.folder());
        assert!(mail.reserve(10).await.is_empty());
        assert_eq!((contents(server.folder()), mail.list("").await.len()), (0, 0), "who reserves clears away, too");
    });
}
