//! The operations on blobs and on incoming messages end to end, at small sizes: the real program, client and server as
//! processes of their own, and digests that another implementation computed.

use std::path::Path;

use benchline_contract::{FailureKind, Iterate, Observed, Prepare, Reply, Request, Role, Sample, Value};
use serde::Deserialize;

use crate::pipe::{Subject, case, word};

/// What `vectors/contents.py` computed.
#[derive(Deserialize)]
struct Vectors {
    blobs: Vec<Contents>,
    messages: Vec<Contents>,
    wanted: Vec<Contents>,
}

#[derive(Deserialize)]
struct Contents {
    seed: u64,
    count: u64,
    /// Bytes, or a word.
    size: serde_json::Value,
    bytes: u64,
    digest: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("vectors/contents.json")).unwrap()
}

fn prepare(operation: &str, contents: &Contents, more: &[(&str, Value)], folder: &Path) -> Prepare {
    let things = if operation.ends_with("legacy") || operation.starts_with("incoming") { "messages" } else { "blobs" };
    let size = contents.size.as_u64().map_or_else(|| word(contents.size.as_str().unwrap()), Value::Count);
    let mut parameters = vec![(things, Value::Count(contents.count)), ("size", size)];
    parameters.extend_from_slice(more);
    let mut prepare = Prepare { seed: contents.seed, ..case(Role::Client, operation, &parameters, folder) };
    if operation.ends_with("flaky") {
        prepare.configuration.insert("http.keep_alive".to_owned(), Value::Flag(false));
    }
    prepare
}

fn holds_no_file(folder: &Path) -> bool {
    folder.read_dir().unwrap().all(|entry| {
        let path = entry.unwrap().path();
        path.is_dir() && holds_no_file(&path)
    })
}

/// Performs an operation without a server twice, and holds the results against the vector.
#[track_caller]
fn without_server(operation: &str, contents: &Contents, parameters: &[(&str, Value)], backend: Option<&str>) {
    let folder = tempfile::tempdir().unwrap();
    let mut request = prepare(operation, contents, parameters, folder.path());
    if let Some(backend) = backend {
        request.configuration.insert("blobs.client_backend".to_owned(), word(backend));
    }
    let mut subject = Subject::start();
    subject.prepare(request);
    for _ in 0..2 {
        subject.reset(None);
        let sample = subject.iterate(1);
        assert_eq!((sample.items, sample.bytes), (contents.count, contents.bytes));
        assert_eq!(subject.verify(), contents.digest, "{operation} {parameters:?}");
    }
    subject.finish();
    assert!(holds_no_file(folder.path()), "blobs are left behind");
}

/// Performs an operation against a server, in two iterations, and holds the results against the vector.
#[track_caller]
fn with_server(
    operation: &str,
    contents: &Contents,
    parameters: &[(&str, Value)],
    items: u64,
) -> Vec<(Sample, Observed)> {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (mut server, mut client) = (Subject::start(), Subject::start());
    let mut request = prepare(operation, contents, parameters, folders[1].path());
    let folder = folders[0].path().to_str().unwrap().to_owned();
    let access = server.prepare(Prepare { role: Role::Server, folder, ..request.clone() });
    request.server = access;
    client.prepare(request);
    let mut seen = Vec::new();
    for _ in 0..2 {
        let access = server.reset(None);
        client.reset(access);
        let sample = client.iterate(1);
        let Reply::Observed(observed) = server.ask(&Request::Observe) else { panic!("not observed") };
        assert_eq!((sample.items, sample.bytes), (items, contents.bytes));
        assert_eq!(client.verify(), contents.digest, "{operation} {parameters:?}");
        seen.push((sample, observed));
    }
    client.finish();
    server.finish();
    assert!(holds_no_file(folders[1].path()), "blobs are left behind");
    seen
}

#[test]
fn every_backend_returns_the_blobs_that_were_put() {
    for contents in &vectors().blobs {
        for backend in ["sqlcipher", "files"] {
            for direction in ["put", "get"] {
                without_server("blobs/store", contents, &[("direction", word(direction))], Some(backend));
            }
        }
    }
}

#[test]
fn the_setting_decides_where_blobs_are_stored() {
    let contents = &vectors().blobs[2];
    let folder = tempfile::tempdir().unwrap();
    let mut request = prepare("blobs/store", contents, &[("direction", word("put"))], folder.path());
    request.configuration.insert("blobs.client_backend".to_owned(), word("files"));
    let mut subject = Subject::start();
    subject.prepare(request);
    subject.reset(None);
    subject.iterate(1);
    assert!(!holds_no_file(&folder.path().join("device/1/blobs")), "no blob is a file");
    subject.finish();
}

#[test]
fn contents_are_written_and_read_by_both_backends() {
    for contents in &vectors().blobs {
        for backend in ["files", "object-store"] {
            for direction in ["write", "read"] {
                let parameters = [("direction", word(direction)), ("backend", word(backend))];
                without_server("blobs/server_store", contents, &parameters, None);
            }
        }
    }
}

#[test]
fn uploads_and_downloads_carry_every_blob() {
    for contents in vectors().blobs.iter().filter(|contents| contents.count > 0) {
        for operation in ["blobs/upload", "blobs/download"] {
            for (sample, observed) in with_server(operation, contents, &[], contents.count) {
                let (there, back) = (sample.counters["wire_sent"], sample.counters["wire_received"]);
                let (carried, idle) = if operation == "blobs/upload" { (there, back) } else { (back, there) };
                // Padding adds at most 12%; each blob has a header.
                let most = contents.bytes * 112 / 100 + 1000 * contents.count + 1000;
                assert!((contents.bytes..=most).contains(&carried), "{carried} of {}", contents.bytes);
                assert_eq!(idle, 0);
                // Each blob may take three, and the list one.
                assert!((2..=3 * contents.count + 1).contains(&observed.counters["requests"]));
            }
        }
    }
}

#[test]
fn a_transfer_that_was_cut_resumes_where_it_stopped() {
    let contents = &vectors().blobs[3];
    for direction in ["upload", "download"] {
        let parameters = [("direction", word(direction)), ("cut", Value::Count(50))];
        for (sample, _) in with_server("blobs/resume", contents, &parameters, contents.count) {
            let carried = sample.counters["wire_sent"] + sample.counters["wire_received"];
            // Half of them are missing, of each perhaps a chunk more, and what is small is sent again as a whole.
            let least = contents.bytes / 2 - 10_000;
            assert!((least..contents.bytes * 9 / 10).contains(&carried), "{direction} {carried}");
        }
    }
}

#[test]
fn an_urgent_blob_arrives_before_the_rest() {
    for contents in &vectors().wanted {
        for priority in ["urgent", "normal"] {
            let parameters =
                [("priority", word(priority)), ("wanted", Value::Count(1000)), ("bandwidth", Value::Count(4_000_000))];
            for (sample, _) in with_server("blobs/priority", contents, &parameters, contents.count + 1) {
                assert!(sample.counters["first_result"] < sample.wall_ns);
            }
        }
    }
}

#[test]
fn all_blobs_arrive_over_a_failing_network() {
    let contents = &vectors().blobs[5];
    for failing in [0, 30] {
        let seen = with_server("blobs/flaky", contents, &[("failing", Value::Count(failing))], contents.count);
        let requests: Vec<u64> = seen.iter().map(|(sample, _)| sample.counters["requests"]).collect();
        // The same ones fail each time.
        assert_eq!(requests[0], requests[1]);
        // A list, and for each blob one request.
        assert_eq!(requests[0] > contents.count + 1, failing > 0, "{requests:?}");
    }
}

#[test]
fn a_flaky_network_needs_a_connection_for_each_request() {
    let folder = tempfile::tempdir().unwrap();
    let contents = &vectors().blobs[2];
    let mut request = prepare("blobs/flaky", contents, &[("failing", Value::Count(10))], folder.path());
    request.configuration.clear();
    match Subject::start().ask(&Request::Prepare(request)) {
        Reply::Failed(failed) => assert!(failed.message.contains("http.keep_alive"), "{}", failed.message),
        other => panic!("should have failed: {other:?}"),
    }
}

#[test]
fn mailboxes_are_the_same_with_bodies_in_documents_and_in_blobs() {
    for contents in &vectors().messages {
        for bodies in ["documents", "blobs"] {
            for (sample, _) in with_server("blobs/legacy", contents, &[("bodies", word(bodies))], contents.count) {
                assert!(sample.counters["first_result"] <= sample.wall_ns);
            }
        }
    }
}

#[test]
fn messages_are_encrypted_opened_and_stored() {
    let contents = &vectors().messages[1];
    for (_, observed) in with_server("incoming/pipeline", contents, &[], contents.count) {
        // Each is handed over, fetched, marked and deleted.
        assert!(observed.counters["requests"] >= 4 * contents.count);
    }
}

#[test]
fn unknown_words_and_left_over_parameters_are_unsupported() {
    let contents = &vectors().blobs[2];
    for (operation, parameters) in [
        ("blobs/store", vec![("direction", word("sideways"))]),
        ("blobs/store", vec![("direction", word("put")), ("colour", word("red"))]),
        ("blobs/server_store", vec![("direction", word("read")), ("backend", word("tape"))]),
        ("blobs/upload", vec![("direction", word("upload"))]),
        ("blobs/priority", vec![("priority", word("whenever"))]),
        ("blobs/legacy", vec![("bodies", word("attachments"))]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        match Subject::start().ask(&Request::Prepare(prepare(operation, contents, &parameters, folder.path()))) {
            Reply::Failed(failed) => assert_eq!(failed.kind, FailureKind::Unsupported, "{}", failed.message),
            other => panic!("{operation} {parameters:?} should have failed: {other:?}"),
        }
    }
}

#[test]
fn an_operation_that_uses_up_its_state_runs_once_an_iteration() {
    let folder = tempfile::tempdir().unwrap();
    let mut subject = Subject::start();
    subject.prepare(prepare("blobs/store", &vectors().blobs[2], &[("direction", word("put"))], folder.path()));
    subject.reset(None);
    match subject.ask(&Request::Iterate(Iterate { count: 2 })) {
        Reply::Failed(failed) => assert!(failed.message.contains("once an iteration"), "{}", failed.message),
        other => panic!("should have failed: {other:?}"),
    }
    subject.finish();
}
