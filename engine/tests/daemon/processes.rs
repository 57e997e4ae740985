//! Two processes on one folder and one port: whatever one does holds for the other, and what one leaves behind when it is
//! killed, the other clears away.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use benchline_engine::config::Config;
use benchline_engine::protocol::BlobUsage;
use benchline_engine::server::{BoundServer, PlainHttp, ServeOptions, Server, Shutdown};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::process::{ProcessOptions, ServerProcess};
use super::talk::{Talk, announcing, head};
use super::{until, user_in};
use crate::support::{Account, Answer, Http, id, payload, quick, run_test};

/// Two processes that share a port, each with another port of its own behind it.
struct Pair {
    folder: TempDir,
    config: Config,
    shared: String,
    one: ServerProcess,
    two: ServerProcess,
}

impl Pair {
    async fn start(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = quick();
        config.server.processes = 2.try_into().unwrap();
        change(&mut config);
        let folder = tempfile::tempdir().unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        // The two begin at the same moment, on data that nobody has made yet.
        let port = free_port();
        let options = ProcessOptions { listen: vec![port, any], ..ProcessOptions::new(folder.path(), &config) };
        let (one, two) = tokio::join!(ServerProcess::start(&options), ServerProcess::start(&options));
        assert_eq!(one.address(), two.address());
        Self { shared: one.address().to_owned(), folder, config, one, two }
    }

    async fn user(&self, name: &str) -> Account {
        user_in(self.folder.path(), &self.config, name).await
    }

    fn addresses(&self) -> [&str; 2] {
        [&self.one.addresses[1], &self.two.addresses[1]]
    }
}

/// A port that nobody has. Only what asks for any port could take it before it is used, and the system gives out others first.
fn free_port() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn path(rest: &str) -> String {
    format!("/v1/users/ana/blobs{rest}")
}

async fn ask(address: &str, ana: &Account, method: &str, rest: &str, headers: &str, body: &[u8]) -> Answer {
    Http::to(address).of(ana, method, &path(rest), headers, body).await
}

async fn put(address: &str, ana: &Account, rest: &str, content: &[u8]) -> u16 {
    Http::to(address).request("PUT", &path(rest), &announcing(ana, content), content).await.status
}

async fn used(address: &str, ana: &Account) -> u64 {
    let answer = ask(address, ana, "GET", "", "", b"").await;
    serde_json::from_slice::<BlobUsage>(&answer.body).unwrap().used
}

async fn append(address: &str, ana: &Account, rest: &str, offset: usize, body: &[u8]) -> Answer {
    let headers =
        format!("Content-Type: application/partial-upload\r\nUpload-Offset: {offset}\r\nUpload-Complete: ?1\r\n");
    ask(address, ana, "PATCH", &format!("{rest}/upload"), &headers, body).await
}

/// A count of requests in the text of `/metrics`.
async fn puts(address: &str) -> u64 {
    let metrics = Http::to(address).request("GET", "/metrics", "", b"").await;
    let text = String::from_utf8(metrics.body).unwrap();
    let lines = text.lines().filter(|line| line.starts_with("benchline_requests_total{") && line.contains("\"PUT\""));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[test]
fn the_quota_is_exact_under_fifty_writers_at_both_processes() {
    run_test(async {
        let size = |n: usize| if n.is_multiple_of(2) { 1000 } else { 100_000 };
        let all: u64 = (0..50).map(|n| size(n) as u64).sum();
        let quota = all - 20 * 100_000;
        let pair = Pair::start(|config| {
            config.blobs.quota = quota;
            config.server.user_blob_writes = 64;
        })
        .await;
        let ana = pair.user("ana").await;
        let mut writers = JoinSet::new();
        for n in 0..50 {
            let (ana, shared) = (ana.clone(), pair.shared.clone());
            writers.spawn(async move { (n, put(&shared, &ana, &format!("/mail/b{n}"), &payload(n, size(n))).await) });
        }
        let outcomes = writers.join_all().await;
        let stored: Vec<usize> = outcomes.iter().filter(|(_, status)| *status == 201).map(|(n, _)| *n).collect();
        assert!(outcomes.iter().all(|(_, status)| matches!(status, 201 | 507)), "{outcomes:?}");
        let bytes: u64 = stored.iter().map(|n| size(*n) as u64).sum();
        assert!(bytes <= quota);
        for address in pair.addresses() {
            assert_eq!(used(address, &ana).await, bytes);
        }
        // As much as fits was let in: what was refused does not fit now either.
        for (n, status) in &outcomes {
            if *status == 507 && size(*n) as u64 + bytes > quota {
                let rest = format!("/mail/b{n}");
                assert_eq!(put(&pair.shared, &ana, &rest, &payload(*n, size(*n))).await, 507);
            }
        }
        assert!(bytes + 100_000 > quota, "{bytes} of {quota}");
        let counts = [puts(pair.addresses()[0]).await, puts(pair.addresses()[1]).await];
        assert!(counts.iter().all(|count| *count > 0), "both took part: {counts:?}");
    });
}

#[test]
fn a_revoked_token_is_invalid_everywhere_after_a_second() {
    run_test(async {
        let pair = Pair::start(|_| {}).await;
        let ana = pair.user("ana").await;
        for address in pair.addresses() {
            assert_eq!(ask(address, &ana, "GET", "", "", b"").await.status, 200);
        }
        let elsewhere = Server::open(pair.folder.path(), &pair.config).await.unwrap();
        assert!(elsewhere.accounts().revoke(ana.token.as_str()).await.unwrap());
        // The wait is the promise, not a measure.
        tokio::time::sleep(Duration::from_secs(1)).await;
        for address in pair.addresses() {
            assert_eq!(ask(address, &ana, "GET", "", "", b"").await.status, 401);
        }
        elsewhere.close().await;
    });
}

#[test]
fn an_upload_resumes_at_the_other_process() {
    run_test(async {
        let pair = Pair::start(|config| config.server.body_seconds = 1).await;
        let ana = pair.user("ana").await;
        let [one, two] = pair.addresses();
        let content = payload(1, 300_000);
        let begin = format!("{}Upload-Length: 300000\r\nUpload-Complete: ?0\r\n", announcing(&ana, &content));
        let begun = Http::to(one).request("PUT", &path("/mail/a"), &begin, &content[..100_000]).await;
        assert_eq!(begun.status, 201);

        // The first process is in the middle of more: the other one cannot know how much will have come.
        let more = "Content-Type: application/partial-upload\r\nUpload-Offset: 100000\r\nUpload-Complete: ?1\r\n";
        let mut stalled = Talk::to(one).await;
        let more = head("PATCH", &path("/mail/a/upload"), &format!("{}{more}", ana.bearer()), 200_000);
        stalled.send(&more).await;
        stalled.send(&content[100_000..150_000]).await;
        until("the first process writes", || async {
            ask(two, &ana, "HEAD", "/mail/a/upload", "", b"").await.status == 503
        })
        .await;
        let busy = append(two, &ana, "/mail/a", 100_000, &content[100_000..]).await;
        busy.expect_problem(503, "busy");
        assert!(busy.head.to_lowercase().contains("retry-after: 1"));

        // Its client says nothing for too long, so it lets go; what came stays.
        assert_eq!(stalled.answer().await.status, 408);
        until("the first process has let go", || async {
            ask(two, &ana, "HEAD", "/mail/a/upload", "", b"").await.status == 204
        })
        .await;
        let wrong = append(two, &ana, "/mail/a", 100_000, &content[100_000..]).await;
        wrong.expect_problem(409, "offset-mismatch");
        assert!(wrong.head.to_lowercase().contains("upload-offset: 150000"), "{}", wrong.head);
        assert_eq!(append(two, &ana, "/mail/a", 150_000, &content[150_000..]).await.status, 201);
        for address in [one, two] {
            assert_eq!(ask(address, &ana, "GET", "/mail/a", "", b"").await.body, content);
        }
    });
}

fn parts(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let count = |path: &Path| usize::from(path.extension().is_some_and(|extension| extension == "part"));
    entries.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { parts(&path) } else { count(&path) }).sum()
}

#[test]
fn a_live_process_cleans_up_after_a_killed_one() {
    run_test(async {
        let pair = Pair::start(|_| {}).await;
        let ana = pair.user("ana").await;
        let [one, two] = pair.addresses().map(str::to_owned);
        let (lost, kept) = (payload(1, 6_000_000), payload(2, 300_000));
        let mut losing = Talk::to(&one).await;
        losing.send(&head("PUT", &path("/mail/lost"), &announcing(&ana, &lost), lost.len())).await;
        losing.send(&lost[..5_000_000]).await;
        let begin = format!("{}Upload-Length: 300000\r\nUpload-Complete: ?0\r\n", announcing(&ana, &kept));
        assert_eq!(Http::to(&one).request("PUT", &path("/mail/kept"), &begin, &kept[..100_000]).await.status, 201);
        until("both are under way", || async { used(&two, &ana).await == 6_300_000 && parts(pair.folder.path()) == 2 })
            .await;

        pair.one.signal(nix::sys::signal::Signal::SIGKILL);
        until("the lost one is gone", || async { used(&two, &ana).await == 300_000 && parts(pair.folder.path()) == 1 })
            .await;
        let stands = ask(&two, &ana, "HEAD", "/mail/kept/upload", "", b"").await;
        assert!(stands.head.to_lowercase().contains("upload-offset: 100000"), "{}", stands.head);
        assert_eq!(append(&two, &ana, "/mail/kept", 100_000, &kept[100_000..]).await.status, 201);
        assert_eq!(put(&two, &ana, "/mail/lost", &lost).await, 201);
        assert_eq!(ask(&two, &ana, "GET", "/mail/kept", "", b"").await.body, kept);
    });
}

#[test]
fn devices_of_one_user_synchronise_through_both() {
    run_test(async {
        let pair = Pair::start(|_| {}).await;
        let ana = pair.user("ana").await;
        let [one, two] = pair.addresses().map(|address| format!("http://{address}"));
        let (here, there) = (ana.device(&quick(), &one).await, ana.device(&quick(), &two).await);
        let mut tasks = JoinSet::new();
        for (device, name) in [(here, "here"), (there, "there")] {
            tasks.spawn(async move {
                for n in 0..20 {
                    device.create(&format!("{name}-{n}"), b"x").await;
                    device.sync().await;
                }
                device
            });
        }
        for device in tasks.join_all().await {
            device.sync().await;
            let found = [device.replica.get(&id("here-19")).await, device.replica.get(&id("there-19")).await];
            assert!(found.iter().all(|found| found.as_ref().unwrap().is_some()));
            assert_eq!(device.everything().await.len(), 40);
        }
    });
}

/// Runtimes share the data within a process as processes do between them.
#[test]
fn several_runtimes_answer_as_one_server() {
    run_test(async {
        let folder = tempfile::tempdir().unwrap();
        let mut config = quick();
        config.server.runtimes = 3.try_into().unwrap();
        // Fewer than there are sockets to listen on.
        config.server.connections = 2;
        let listen = vec!["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()];
        let options = ServeOptions {
            data: folder.path().to_owned(),
            listen,
            tls: None,
            incoming: None,
            plain: PlainHttp::Loopback,
            config,
        };
        let serving = BoundServer::open(options.clone()).await.unwrap();
        let addresses: Vec<String> = serving.addresses().iter().map(ToString::to_string).collect();
        // A second server that is started by mistake does not get half of the connections.
        let again = ServeOptions { listen: serving.addresses().to_vec(), ..options };
        assert!(BoundServer::open(again).await.is_err());

        let server = serving.server().clone();
        server.accounts().create_user(&"ana".parse().unwrap()).await.unwrap();
        let token = server.accounts().create_token(&"ana".parse().unwrap(), Duration::from_secs(60)).await.unwrap();
        let stop = Shutdown::new();
        let running = tokio::spawn(serving.run(stop.clone()));
        let header = format!("Authorization: Bearer {}\r\n", token.as_str());
        let mut askers = JoinSet::new();
        for n in 0..30_usize {
            let (address, header) = (addresses[n % 2].clone(), header.clone());
            askers.spawn(async move {
                let path = format!("/v1/users/ana/peers/{n:016x}?generation=0&transaction={}", "0".repeat(32));
                Http::to(&address).request("GET", &path, &header, b"").await.status
            });
        }
        assert!(askers.join_all().await.iter().all(|status| *status == 200));
        stop.begin();
        running.await.unwrap().unwrap();
        assert!(Talk::try_to(&addresses[0]).await.is_err());
    });
}
