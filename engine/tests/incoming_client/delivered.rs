//! End to end with the real server: a mail service delivers messages, two devices process them concurrently under leases
//! that expire at once, and both end with every message exactly once.

use std::collections::BTreeMap;
use std::time::Duration;

use benchline_engine::client::{BLOB_NAMESPACE, BlobClient, StoredBody, StoredMessage};
use benchline_engine::config::Config;
use benchline_engine::server::{Token, incoming_app};
use tokio::net::TcpListener;

use super::device::{MailDevice, OWNER};
use super::gpg::Gpg;
use crate::support::{MARK, TestServer, is_in_files, payload, quick, run_test};

/// A mail service: its address and token.
struct Service {
    address: String,
    token: Token,
}

impl Service {
    async fn of(server: &TestServer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let app = incoming_app(server.server().clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let services = server.server().accounts().services();
        let token = services.create_token(&"mx".parse().unwrap(), Duration::from_secs(3600)).await.unwrap();
        Self { address, token }
    }

    async fn deliver(&self, id: &str, message: &[u8]) -> u16 {
        let path = format!("{}/v1/incoming/ana/{id}", self.address);
        let request = reqwest::Client::new().put(path).bearer_auth(self.token.as_str()).body(message.to_vec());
        request.send().await.unwrap().status().as_u16()
    }
}

/// Leases that expire at once and may be renewed often.
fn contested() -> Config {
    let mut config = quick();
    config.incoming.lease_seconds = 0;
    config.incoming.max_tries = 1_000_000.try_into().unwrap();
    config
}

#[test]
fn delivered_messages_are_stored_once_on_every_device() {
    run_test(async {
        let server = TestServer::start(&contested()).await;
        let ana = server.user("ana").await;
        let service = Service::of(&server).await;
        let one = MailDevice::new(&ana, &server.address, &server.address).await;
        let other = MailDevice::new(&ana, &server.address, &server.address).await;
        assert_eq!(service.deliver("early", b"x").await, 409, "there is no key yet");

        let fingerprint = one.mail.ring().establish(OWNER).await.unwrap();
        assert_eq!(one.mail.register().await.unwrap(), fingerprint);
        one.device.sync().await;
        other.device.sync().await;
        assert_eq!(other.mail.register().await.unwrap(), fingerprint);

        let short = |n| [MARK, format!(" {n}").as_bytes()].concat();
        let mut messages: BTreeMap<String, Vec<u8>> =
            (0..12).map(|n| (format!("m{n}"), if n % 4 == 0 { payload(n, 100_000) } else { short(n) })).collect();
        for (id, content) in &messages {
            assert_eq!(service.deliver(id, content).await, 201);
            assert_eq!(service.deliver(id, content).await, 204);
        }
        if let Some(gpg) = Gpg::new() {
            let key = one.mail.ring().unlocked().await.unwrap();
            gpg.run(&["--import"], key.current().public().armoured().as_bytes());
            let message = gpg.run(&["--armor", "--recipient", "ana@example.org", "--encrypt"], MARK);
            assert_eq!(service.deliver("from-gpg", &message).await, 201);
            messages.insert("from-gpg".to_owned(), MARK.to_vec());
        }
        assert!(!is_in_files(server.folder(), MARK), "the server wrote a message down that nobody encrypted");

        let work = async |device: &MailDevice| {
            let mut done = 0;
            loop {
                let report = device.mail.process_once(100).await.unwrap();
                assert!(report.failed.is_empty(), "{report:?}");
                done += report.stored + report.known;
                if report.reserved == 0 {
                    return done;
                }
            }
        };
        let (here, there) = tokio::join!(work(&one), work(&other));
        assert_eq!(here + there, messages.len(), "each was said to be processed once");

        let mut clients = Vec::new();
        for device in [&one, &other] {
            clients.push(BlobClient::new(&quick(), &device.blobs, &server.address, ana.token.as_str()).unwrap());
        }
        for (device, client) in [(&one, &clients[0]), (&other, &clients[1]), (&one, &clients[0])] {
            device.device.sync().await;
            client.sync(BLOB_NAMESPACE).await.unwrap();
        }
        for device in [&one, &other] {
            assert!(device.device.replica.conflicted().await.unwrap().is_empty());
            assert_eq!(device.device.replica.list("M-", None, 1000).await.unwrap().len(), messages.len());
            for (id, content) in &messages {
                let (stored, read) = device.read(id).await.unwrap();
                assert!(read.as_ref() == Some(content), "{id}");
                assert_eq!(matches!(stored.body, StoredBody::Blob(_)), content.len() > 1000, "{id}");
                assert_eq!(stored.message.as_str(), id);
            }
        }
        // Deleted here, it does not come again from there.
        let id = StoredMessage::document_id(&"m1".parse().unwrap());
        let revision = one.device.replica.get(&id).await.unwrap().unwrap().revision;
        one.device.replica.delete(&id, &revision).await.unwrap();
        assert_eq!(service.deliver("m1", &messages["m1"]).await, 204);
        assert_eq!(one.mail.process_once(100).await.unwrap().reserved, 0);
    });
}
