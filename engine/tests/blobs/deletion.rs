//! A deletion is final for everything that began to come before it, however it comes and to whichever process, and for
//! nothing that begins after.

use benchline_engine::config::Config;
use benchline_engine::protocol::{BUNDLE, Bundled};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::bundles::{bundle, item};
use super::{Blobs, repr_digest};
use crate::support::process::files;
use crate::support::{Answer, TestServer, payload, quick, run_test};

/// A request whose body stands still half-way, after the server has begun to read it.
struct Stalled {
    stream: TcpStream,
    rest: Vec<u8>,
}

impl Stalled {
    async fn begin(blobs: &Blobs<'_>, method: &str, path: &str, headers: &str, body: &[u8]) -> Self {
        let mut stream = blobs.start(method, path, headers, body.len()).await;
        let (first, rest) = body.split_at(body.len() / 2);
        stream.write_all(first).await.unwrap();
        Self { stream, rest: rest.to_vec() }
    }

    /// Sends the rest, whether or not the answer came before it.
    async fn go_on(mut self) -> Answer {
        let _ = self.stream.write_all(&self.rest).await;
        Answer::read(self.stream).await
    }
}

/// How a blob comes.
#[derive(Debug, Clone, Copy)]
enum Way {
    Whole(usize),
    Resumable,
    Part,
    Bundle,
}

const WAYS: [Way; 5] = [Way::Whole(1000), Way::Whole(200_000), Way::Resumable, Way::Part, Way::Bundle];

impl Way {
    fn content(self) -> Vec<u8> {
        payload(
            1,
            if let Self::Whole(size) = self {
                size
            } else if let Self::Bundle = self {
                3000
            } else {
                200_000
            },
        )
    }

    async fn stall(self, blobs: &Blobs<'_>) -> Stalled {
        let (content, path) = (self.content(), blobs.path("mail/a"));
        let announced = repr_digest(&content);
        match self {
            Self::Whole(_) => Stalled::begin(blobs, "PUT", &path, &announced, &content).await,
            Self::Resumable => {
                let headers = format!("{announced}Upload-Complete: ?1\r\n");
                Stalled::begin(blobs, "PUT", &path, &headers, &content).await
            }
            Self::Part => {
                assert_eq!(blobs.begin("mail/a", &content, 50_000).await.status, 201);
                let headers =
                    "Content-Type: application/partial-upload\r\nUpload-Offset: 50000\r\nUpload-Complete: ?1\r\n";
                let path = format!("{path}/upload");
                Stalled::begin(blobs, "PATCH", &path, headers, &content[50_000..]).await
            }
            Self::Bundle => {
                let (path, headers) =
                    (path.replace("/blobs/mail/a", "/bundles/mail"), format!("Content-Type: {BUNDLE}\r\n"));
                let both = bundle([item("a", &content), item("other", b"other")]);
                Stalled::begin(blobs, "PUT", &path, &headers, &both).await
            }
        }
    }

    /// What the request says of the blob `a`; a bundle's other blob must be there.
    fn status(self, answer: &Answer) -> u16 {
        if !matches!(self, Self::Bundle) {
            return answer.status;
        }
        let answers: Vec<Bundled> = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answers[1].status, 201);
        answers[0].status
    }
}

fn both_ways() -> [Config; 2] {
    let mut in_files = quick();
    in_files.blobs.small_bytes = 0;
    [quick(), in_files]
}

/// Where the deletion goes: to the process that receives, or to another on the same folder.
async fn deleting_ends(way: Way, config: &Config, elsewhere: bool) {
    let server = TestServer::start(config).await;
    let ana = server.user("ana").await;
    let other = if elsewhere { Some(TestServer::beside(&server, config).await) } else { None };
    let blobs = Blobs::of(&ana, &server.address);
    let deleting = Blobs::of(&ana, &other.as_ref().unwrap_or(&server).address);
    let stalled = way.stall(&blobs).await;
    deleting.ask("DELETE", "mail/a", "", b"").await.expect_problem(404, "not-found");
    assert_eq!(deleting.usage().await.used, 0, "{way:?}: nothing is reserved any more");
    let answer = stalled.go_on().await;
    assert_eq!(way.status(&answer), 404, "{way:?}: {}", answer.head);
    blobs.get("mail/a").await.expect_problem(404, "not-found");
    assert_eq!(blobs.ask("HEAD", "mail/a/upload", "", b"").await.status, 404);
    let others = if let Way::Bundle = way { 1 } else { 0 };
    assert_eq!(blobs.usage().await.used, others * 5, "{way:?}");
    let here = server.folder().join("blobs");
    let contents = if here.exists() { files(&here).len() as u64 } else { 0 };
    assert_eq!(contents, if config.blobs.small_bytes == 0 { others } else { 0 }, "{way:?}: a content is left over");
    assert_eq!(blobs.put("mail/a", &way.content()).await.status, 201, "{way:?}: what begins after is not hit");
    assert!(blobs.get("mail/a").await.body == way.content());
}

#[test]
fn uploads_that_began_before_a_deletion_never_become_a_blob() {
    run_test(async {
        for config in both_ways() {
            for way in WAYS {
                deleting_ends(way, &config, false).await;
            }
        }
    });
}

#[test]
fn uploads_in_another_process_that_began_before_a_deletion_never_become_a_blob() {
    run_test(async {
        for way in WAYS {
            deleting_ends(way, &both_ways()[1], true).await;
        }
    });
}

#[test]
fn an_upload_that_begins_after_a_deletion_succeeds_while_an_earlier_one_still_arrives() {
    run_test(async {
        for way in WAYS {
            let server = TestServer::start(&quick()).await;
            let ana = server.user("ana").await;
            let blobs = Blobs::of(&ana, &server.address);
            let stalled = way.stall(&blobs).await;
            assert_eq!(blobs.ask("DELETE", "mail/a", "", b"").await.status, 404);
            let new = payload(2, 150_000);
            assert_eq!(blobs.begin("mail/a", &new, 1000).await.status, 201);
            let answer = stalled.go_on().await;
            assert_eq!(way.status(&answer), 404, "{way:?}");
            assert_eq!(blobs.append("mail/a", 1000, true, &new[1000..]).await.status, 201, "{way:?}");
            assert!(blobs.get("mail/a").await.body == new);
        }
    });
}

#[test]
fn a_deletion_affects_no_other_names_and_nothing_if_its_condition_fails() {
    run_test(async {
        for way in WAYS {
            let server = TestServer::start(&quick()).await;
            let ana = server.user("ana").await;
            let blobs = Blobs::of(&ana, &server.address);
            let stalled = way.stall(&blobs).await;
            let condition = "If-Match: \"sha-256=:AAAA:\"\r\n";
            blobs.ask("DELETE", "mail/a", condition, b"").await.expect_problem(412, "precondition-failed");
            for other in ["mail/b", "mail/aa", "drafts/a"] {
                assert_eq!(blobs.ask("DELETE", other, "", b"").await.status, 404);
            }
            let answer = stalled.go_on().await;
            assert_eq!(way.status(&answer), 201, "{way:?}");
            assert!(blobs.get("mail/a").await.body == way.content());
        }
    });
}
