//! Incoming messages over HTTP: mail services that hand them over, clients that work on them, and the defects of an
//! earlier server that must not come back.

mod concurrency;
mod defects;
mod delivery;
mod keys;
mod kills;
mod leases;
mod tokens;

use std::path::Path;
use std::time::Duration;

use benchline_engine::config::Config;
use benchline_engine::crypto::OpenPgpKey;
use benchline_engine::protocol::{Lease, LeaseList, MessageEntry, MessageId, MessageList, MessageState};
use benchline_engine::server::{Server, Token};

use crate::support::{Account, Answer, Http, TestServer};

/// A user with a registered key, a mail service, and their ways to a server.
struct Mail {
    http: Http,
    services: Http,
    account: Account,
    key: OpenPgpKey,
    service: Token,
}

impl Mail {
    /// The user `ana` at a new server.
    async fn start(config: &Config) -> (TestServer, Self) {
        let server = TestServer::start(config).await;
        let mail = Self::of(&server, "ana").await;
        (server, mail)
    }

    async fn of(server: &TestServer, name: &str) -> Self {
        let account = server.user(name).await;
        let key = OpenPgpKey::generate(&format!("{name} <{name}@example.org>")).unwrap();
        let service = service_token(server.server(), &format!("for-{name}")).await;
        let mail =
            Self { http: Http::to(&server.address), services: Http::to(&server.incoming), account, key, service };
        let registered = mail.register("If-None-Match: *\r\n", &mail.key.public().to_bytes()).await;
        assert_eq!(registered.status, 201);
        mail
    }

    /// The same at another process on the same data, or after a restart.
    fn at(&self, server: &TestServer) -> Self {
        let Self { account, key, service, .. } = self;
        let key = OpenPgpKey::from_bytes(&key.to_bytes()).unwrap();
        let (account, service) = (account.clone(), service.clone());
        Self { http: Http::to(&server.address), services: Http::to(&server.incoming), account, key, service }
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/users/{}/{rest}", self.account.name)
    }

    async fn register(&self, headers: &str, key: &[u8]) -> Answer {
        self.http.of(&self.account, "PUT", &self.path("openpgp-key"), headers, key).await
    }

    /// Hands over a message.
    async fn put(&self, id: &str, message: &[u8]) -> Answer {
        let bearer = format!("Authorization: Bearer {}\r\n", self.service.as_str());
        self.services.request("PUT", &format!("/v1/incoming/{}/{id}", self.account.name), &bearer, message).await
    }

    /// What a client asks.
    async fn ask(&self, method: &str, rest: &str, body: &[u8]) -> Answer {
        self.http.of(&self.account, method, &self.path(&format!("incoming{rest}")), "", body).await
    }

    async fn reserve(&self, limit: usize) -> Vec<Lease> {
        let answer = self.ask("POST", &format!("/leases?limit={limit}"), b"").await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        serde_json::from_slice::<LeaseList>(&answer.body).unwrap().leases
    }

    /// The one lease that there is to have.
    async fn reserve_one(&self) -> Lease {
        let mut leases = self.reserve(10).await;
        assert_eq!(leases.len(), 1, "{leases:?}");
        leases.remove(0)
    }

    async fn set(&self, lease: &Lease, state: &str) -> Answer {
        let body = format!(r#"{{"state":"{state}"}}"#);
        self.ask("PUT", &format!("/{}/state?fence={}", lease.id, lease.fence), body.as_bytes()).await
    }

    async fn delete(&self, lease: &Lease) -> Answer {
        self.ask("DELETE", &format!("/{}?fence={}", lease.id, lease.fence), b"").await
    }

    async fn get(&self, lease: &Lease) -> Answer {
        self.ask("GET", &format!("/{}?fence={}", lease.id, lease.fence), b"").await
    }

    async fn renew(&self, lease: &Lease) -> Answer {
        self.ask("POST", &format!("/{}/lease?fence={}", lease.id, lease.fence), b"").await
    }

    /// What a message says.
    async fn read(&self, lease: &Lease) -> Vec<u8> {
        let answer = self.get(lease).await;
        assert_eq!((answer.status, answer.body.len() as u64), (200, lease.length));
        self.key.decrypt(&answer.body, 1 << 30).unwrap().content.to_vec()
    }

    async fn list(&self, query: &str) -> Vec<MessageEntry> {
        let answer = self.ask("GET", query, b"").await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        serde_json::from_slice::<MessageList>(&answer.body).unwrap().messages
    }

    async fn states(&self) -> Vec<(String, MessageState)> {
        self.list("").await.into_iter().map(|entry| (entry.id.to_string(), entry.state)).collect()
    }

    /// Bytes that count against the quota.
    async fn used(&self) -> u64 {
        let answer = self.http.of(&self.account, "GET", &self.path("blobs"), "", b"").await;
        serde_json::from_slice::<benchline_engine::protocol::BlobUsage>(&answer.body).unwrap().used
    }
}

async fn service_token(server: &Server, name: &str) -> Token {
    server.accounts().services().create_token(&name.parse().unwrap(), Duration::from_secs(3600)).await.unwrap()
}

fn id(text: &str) -> MessageId {
    text.parse().unwrap()
}

/// Makes all leases of the first user end, whatever the time is.
fn end_leases(folder: &Path) {
    let database = rusqlite::Connection::open(TestServer::database_of(folder, 1)).unwrap();
    database.busy_timeout(Duration::from_secs(5)).unwrap();
    database.execute("UPDATE incoming SET expires = 0", []).unwrap();
}

/// How many contents there are, of whatever kind, whole or not.
fn contents(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder.join("blobs")) else { return 0 };
    let below =
        |path: &Path| -> Vec<_> { std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect() };
    let users = entries.map(|entry| entry.unwrap().path());
    users.flat_map(|user| below(&user)).flat_map(|shard| below(&shard)).count()
}
