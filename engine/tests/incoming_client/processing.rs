//! Processing of messages into documents: each is stored exactly once, wherever one device stops and another continues.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use benchline_engine::client::{IncomingReport, StoredBody, StoredMessage};
use benchline_engine::crypto::{OpenPgpKey, PublicKey};
use benchline_engine::protocol::MessageState;
use tokio::sync::oneshot;

use super::device::{MailDevice, OWNER};
use super::stub::{MailStub, Step};
use crate::support::{TestServer, payload, quick, run_test};

/// Two devices with one key ring, the server they synchronise with, and the one that has their mail.
struct Mail {
    one: MailDevice,
    other: MailDevice,
    stub: MailStub,
    key: PublicKey,
    _server: TestServer,
}

impl Mail {
    async fn new() -> Self {
        let (server, stub) = (TestServer::start(&quick()).await, MailStub::start().await);
        let ana = server.user("ana").await;
        let one = MailDevice::new(&ana, &server.address, &stub.address).await;
        let other = MailDevice::new(&ana, &server.address, &stub.address).await;
        one.mail.ring().establish(OWNER).await.unwrap();
        one.device.sync().await;
        other.device.sync().await;
        one.mail.register().await.unwrap();
        let key = stub.registered().unwrap();
        Self { one, other, stub, key, _server: server }
    }

    fn deliver(&self, id: &str, content: &[u8]) {
        self.stub.deliver(id, self.key.encrypt(content).unwrap());
    }

    /// Synchronises the devices, and checks that each message is one document without conflicts, with this content on every
    /// device that has it.
    async fn check(&self, messages: &[(String, Vec<u8>)]) {
        for device in [&self.one, &self.other, &self.one] {
            device.device.sync().await;
        }
        for device in [&self.one, &self.other] {
            assert!(device.device.replica.conflicted().await.unwrap().is_empty());
            assert_eq!(device.device.replica.list("M-", None, 10_000).await.unwrap().len(), messages.len());
        }
        for (id, content) in messages {
            assert!(matches!(self.stub.state(id), None | Some(MessageState::Processed)), "{id}");
            let (stored, here) = self.one.read(id).await.unwrap();
            let (_, there) = self.other.read(id).await.unwrap();
            assert_eq!(stored.length, content.len() as u64);
            assert!(here.is_some() || there.is_some(), "{id} is nowhere");
            assert!([here, there].into_iter().flatten().all(|read| read == *content), "{id} is another");
        }
    }
}

/// Polls a future until it is ready, at most `times` times, and drops it.
async fn polled(future: impl Future, times: usize) {
    let mut future = pin!(future);
    let mut remaining = times;
    poll_fn(|context| {
        if remaining == 0 {
            return Poll::Ready(());
        }
        remaining -= 1;
        future.as_mut().poll(context).map(drop)
    })
    .await;
}

#[test]
fn messages_become_documents_and_are_deleted_at_the_server() {
    run_test(async {
        let mail = Mail::new().await;
        let contents =
            [b"Subject: short\r\n\r\n\xc3\xa4".to_vec(), b"not \xff UTF-8".to_vec(), payload(1, 300_000), Vec::new()];
        let messages: Vec<(String, Vec<u8>)> = (0..).map(|n| format!("m{n}")).zip(contents).collect();
        for (id, content) in &messages {
            mail.deliver(id, content);
        }
        let report = mail.one.mail.process_once(3).await.unwrap();
        assert_eq!((report.reserved, report.stored), (3, 3));
        let report = mail.one.mail.process_once(100).await.unwrap();
        assert_eq!((report.reserved, report.stored), (1, 1));
        assert_eq!(mail.one.mail.process_once(100).await.unwrap(), IncomingReport::default());
        assert!(messages.iter().all(|(id, _)| mail.stub.state(id).is_none()));
        mail.check(&messages).await;
        let (first, _) = mail.one.read("m0").await.unwrap();
        assert!(matches!(first.body, StoredBody::Text(_)) && !first.signed);
        assert!(matches!(mail.one.read("m1").await.unwrap().0.body, StoredBody::Blob(_)));
    });
}

/// Most polls of the work in the next test: more than it has await points.
const MAX_POLLS: usize = 32;

/// The work stops once at every await point; then the other device continues.
#[test]
fn a_device_that_stops_at_any_await_loses_and_duplicates_nothing() {
    run_test(async {
        let mail = Mail::new().await;
        let mut messages = Vec::new();
        for times in 1..=MAX_POLLS {
            for size in [100, 100_000] {
                let (id, content) = (format!("m{times}-{size}"), payload(times, size));
                mail.deliver(&id, &content);
                messages.push((id, content));
            }
            // The devices alternate.
            let (stops, continues) = if times % 2 == 0 { (&mail.one, &mail.other) } else { (&mail.other, &mail.one) };
            polled(stops.mail.process_once(10), times).await;
            mail.stub.expire();
            continues.mail.process_once(10).await.unwrap();
        }
        mail.check(&messages).await;
    });
}

#[test]
fn a_device_that_stops_at_any_request_loses_and_duplicates_nothing() {
    run_test(async {
        let mail = Mail::new().await;
        let mut messages = Vec::new();
        for step in [Step::Reserve, Step::Fetch, Step::Report, Step::Delete] {
            for acted in [false, true] {
                let (id, content) = (format!("{step:?}-{acted}"), payload(messages.len(), 100));
                mail.deliver(&id, &content);
                mail.stub.stop_at((step, acted));
                tokio::select! {
                    report = mail.one.mail.process_once(1) => panic!("it was not stopped: {report:?}"),
                    () = mail.stub.stopped() => {}
                }
                mail.stub.expire();
                let stored = mail.one.read(&id).await.is_some();
                assert_eq!(stored, matches!(step, Step::Report | Step::Delete), "{step:?}");
                assert!(
                    stored || mail.stub.state(&id) == Some(MessageState::Pending),
                    "it reported the message before it stored it"
                );
                mail.other.mail.process_once(10).await.unwrap();
                messages.push((id, content));
            }
        }
        mail.check(&messages).await;
    });
}

#[test]
fn a_device_that_lost_its_lease_changes_nothing() {
    run_test(async {
        let mail = Mail::new().await;
        mail.deliver("slow", b"Subject: slow");
        mail.stub.stop_at((Step::Report, false));
        let (slow, ()) = tokio::join!(mail.one.mail.process_once(1), async {
            mail.stub.stopped().await;
            mail.stub.expire();
            mail.stub.stop_at((Step::Report, false));
            let (quick, ()) = tokio::join!(mail.other.mail.process_once(1), async {
                mail.stub.stopped().await;
                // Both have stored it and are about to report it, the slow one with the older fencing token.
                mail.stub.resume();
                mail.stub.resume();
            });
            let quick = quick.unwrap();
            assert_eq!((quick.stored, quick.lost), (1, 0));
        });
        let slow = slow.unwrap();
        assert_eq!((slow.stored, slow.lost), (0, 1));
        mail.check(&[("slow".to_owned(), b"Subject: slow".to_vec())]).await;
    });
}

#[test]
fn a_deleted_message_does_not_come_back() {
    run_test(async {
        let mail = Mail::new().await;
        mail.deliver("read", b"Subject: read");
        mail.stub.stop_at((Step::Report, false));
        tokio::select! {
            _ = mail.one.mail.process_once(1) => panic!("it was not stopped"),
            () = mail.stub.stopped() => {}
        }
        let id = StoredMessage::document_id(&"read".parse().unwrap());
        let document = mail.one.device.replica.get(&id).await.unwrap().unwrap();
        mail.one.device.replica.delete(&id, &document.revision).await.unwrap();
        mail.stub.expire();
        let report = mail.one.mail.process_once(10).await.unwrap();
        assert_eq!((report.known, report.stored), (1, 0));
        assert!(mail.one.read("read").await.is_none() && mail.stub.state("read").is_none());
    });
}

#[test]
fn undecryptable_messages_fail_and_others_are_postponed() {
    run_test(async {
        let mail = Mail::new().await;
        mail.deliver("good", b"Subject: good");
        mail.stub.deliver("plain", b"Subject: plain".to_vec());
        let mut altered = mail.key.encrypt(b"Subject: altered").unwrap();
        *altered.last_mut().unwrap() ^= 1;
        mail.stub.deliver("altered", altered);
        let unknown = OpenPgpKey::generate("Someone else").unwrap();
        mail.stub.deliver("misdirected", unknown.public().encrypt(b"Subject: misdirected").unwrap());
        for round in 1..=5 {
            let report = mail.one.mail.process_once(10).await.unwrap();
            assert_eq!((report.stored, report.failed.len()), [(1, 2), (0, 0), (0, 0), (0, 0), (0, 1)][round - 1]);
            assert_eq!(report.postponed.len(), usize::from(round < 5), "{report:?}");
            let text = format!("{report:?}");
            assert!(!text.contains("Subject") && !text.contains("misdirected"), "{text}");
            mail.stub.expire();
        }
        for id in ["plain", "altered", "misdirected"] {
            assert_eq!(mail.stub.state(id), Some(MessageState::Failed), "{id}");
            assert!(mail.one.read(id).await.is_none());
        }
    });
}

#[test]
fn a_lease_is_renewed_during_slow_processing() {
    run_test(async {
        let mail = Mail::new().await;
        mail.deliver("long", b"Subject: long");
        mail.stub.stop_at((Step::Fetch, true));
        let (report, ()) = tokio::join!(mail.one.mail.process_once(1), async {
            mail.stub.stopped().await;
            mail.stub.wait_until(|stub| stub.renewals() > 0).await;
            mail.stub.resume();
        });
        assert_eq!(report.unwrap().stored, 1);
    });
}

#[test]
fn rounds_continue_until_they_are_stopped() {
    run_test(async {
        let mail = Mail::new().await;
        let (stop, stopped) = oneshot::channel::<()>();
        let every = Duration::from_millis(5);
        let rounds = mail.one.mail.run(every, async move { drop(stopped.await) });
        tokio::join!(rounds, async {
            for n in 0..3 {
                let id = format!("m{n}");
                mail.deliver(&id, b"Subject: again");
                mail.stub.wait_until(|stub| stub.state(&id).is_none()).await;
            }
            stop.send(()).unwrap();
        });
        assert_eq!(mail.one.device.replica.list("M-", None, 10).await.unwrap().len(), 3);
    });
}
