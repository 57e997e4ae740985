//! What an attacker sends over HTTP, as lists that read as a specification: each line is what is sent and the one answer
//! that it gets. The server is a process of its own; after all of it, it still serves, has failed at nothing and has not
//! grown. What broken clients do by accident is in `refusing` and `blobs`.

mod fields;
mod framing;
mod paths;
mod tokens;

use benchline_engine::config::Config;
use benchline_engine::protocol::Problem;
use futures_util::StreamExt;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::process::{ServerProcess, users};
use crate::support::{Account, quick, run_test};

/// A header for the SHA-256 of `abc`.
const ABC: &str = "Repr-Digest: sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:\r\n";

/// A server to attack, with two users and a blob `mail/kept` of the first.
struct Target {
    folder: TempDir,
    server: ServerProcess,
    ana: Account,
    bob: Account,
}

impl Target {
    async fn start(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = quick();
        change(&mut config);
        let mut users = users(folder.path(), &config, &["ana", "bob"]).await;
        let server = ServerProcess::start(folder.path(), &config, 0);
        let (bob, ana) = (users.pop().unwrap(), users.pop().unwrap());
        let target = Self { folder, server, ana, bob };
        let put = target.of_ana("PUT", "/v1/users/ana/blobs/mail/kept", ABC, b"abc");
        assert_eq!(target.send(&put).await.status(), 201);
        target
    }

    /// A request of Ana's with these header lines, each closed by CR LF.
    fn of_ana(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        self.unframed(method, path, &format!("Connection: close\r\n{length}{headers}"), body)
    }

    /// As [`Self::of_ana`], without any header that says where the request ends.
    fn unframed(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
        let token = self.ana.token.as_str();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{headers}\r\n");
        [head.as_bytes(), body].concat()
    }

    /// Sends bytes on a connection of their own, and reads until the server closes it.
    async fn send(&self, bytes: &[u8]) -> Answers {
        let mut stream = TcpStream::connect(self.server.address.trim_start_matches("http://")).await.unwrap();
        // The server may answer and close before it has read all.
        let _ = stream.write_all(bytes).await;
        let mut answers = Vec::new();
        let _ = stream.read_to_end(&mut answers).await;
        Answers(answers)
    }

    /// What holds after every attack: the server runs, has failed at nothing, and Ana's blob is as it was.
    async fn is_unharmed(&self) {
        let kept = self.send(&self.of_ana("GET", "/v1/users/ana/blobs/mail/kept", "", b"")).await;
        assert!(kept.0.ends_with(b"\r\n\r\nabc"), "{kept:?}");
        let metrics = self.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert!(!metrics.text().contains("status=\"500\""), "{metrics:?}");
    }
}

/// Everything that came back on one connection.
struct Answers(Vec<u8>);

impl Answers {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    /// The status of each answer, in order. Only for answers whose bodies say nothing that looks like another's head.
    fn statuses(&self) -> Vec<u16> {
        let text = self.text();
        text.split("HTTP/1.1 ").skip(1).map(|rest| rest[..3].parse().unwrap()).collect()
    }

    /// The status of the first answer; 0 where the server closed without one.
    fn status(&self) -> u16 {
        self.statuses().first().copied().unwrap_or(0)
    }

    /// Checks that this is one answer of this status, none where that is 0, and a problem of this name where one is given.
    #[track_caller]
    fn expect(&self, what: &str, status: u16, name: Option<&str>) {
        let expected = if status == 0 { vec![] } else { vec![status] };
        assert_eq!(self.statuses(), expected, "{what}: {self:?}");
        let Some(name) = name else { return };
        let text = self.text();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("content-type: application/problem+json"), "{what}: {self:?}");
        let problem: Problem = serde_json::from_str(body).unwrap();
        assert_eq!((problem.status, problem.uri.rsplit(':').next()), (status, Some(name)), "{what}: {self:?}");
    }
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text())
    }
}

/// Sends every attack of these tests again and again. What it did not need after the first hundred it does not need later.
#[test]
fn thousands_of_bad_requests_do_not_make_the_server_grow() {
    run_test(async {
        let target = Target::start(|config| config.server.head_seconds = 1).await;
        let mut attacks: Vec<Vec<u8>> = paths::attacks(&target);
        attacks.extend(tokens::attacks(&target).into_iter().map(|attack| attack.1));
        attacks.extend(framing::attacks(&target).into_iter().map(|attack| attack.1));
        attacks.extend(fields::attacks(&target));
        let round = async |count: usize| {
            // Many at once: after a refused body the server reads on for a moment.
            let attacks = (0..count).map(|n| target.send(&attacks[n % attacks.len()]));
            futures_util::stream::iter(attacks).buffer_unordered(64).for_each(async |_| ()).await;
        };
        round(attacks.len()).await;
        let before = target.server.process.memory("VmHWM");
        round(4000).await;
        let grown = target.server.process.memory("VmHWM") - before;
        assert!(grown < 8 << 20, "{} KiB more than before", grown >> 10);
        target.is_unharmed().await;
    });
}
