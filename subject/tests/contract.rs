//! The contract's rules, whatever the operation.

use benchline_contract::{CONTRACT_VERSION, Failed, FailureKind, Iterate, LINE_LIMIT, Reply, Request, Role, Value};

use crate::pipe::{Subject, case, word};

#[track_caller]
fn failed(reply: Reply) -> Failed {
    match reply {
        Reply::Failed(failed) => failed,
        other => panic!("should have failed: {other:?}"),
    }
}

fn sealing(size: u64) -> [(&'static str, Value); 3] {
    [("size", Value::Count(size)), ("cipher", word("aes-256-gcm")), ("form", word("blob"))]
}

#[test]
fn hello_names_the_operations_and_each_is_documented() {
    let subject = Subject::start();
    assert_eq!(subject.hello.contract, CONTRACT_VERSION);
    let names: Vec<&str> = subject.hello.operations.iter().map(|operation| operation.name.as_str()).collect();
    for name in &names {
        let rows = include_str!("../../docs/SUBJECT.md").matches(&format!("| `{name}` | ")).count();
        let offers = names.iter().filter(|other| *other == name).count();
        assert_eq!((offers, rows), (1, 1), "{name} is offered so often, and has so many rows in docs/SUBJECT.md");
    }
    subject.finish();
}

#[test]
fn bad_lines_are_answered_and_the_next_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut subject = Subject::start();
    for line in [
        &b"\n"[..],
        b"hello\n",
        b"{}\n",
        b"[]\n",
        b"\xff\xfe\n",
        b"{\"type\":\"dance\"}\n",
        b"{\"type\":\"iterate\"}\n",
    ] {
        subject.send(line);
        let failed = failed(subject.receive());
        assert_eq!(failed.kind, FailureKind::Error);
        assert!(failed.message.starts_with("the line is not a request of this contract: "), "{}", failed.message);
    }
    subject.prepare(case(Role::Client, "crypto/seal", &sealing(10), folder.path()));
    subject.finish();
}

#[test]
fn a_line_over_the_limit_is_rejected_as_a_whole() {
    let mut subject = Subject::start();
    let mut long = vec![b' '; LINE_LIMIT + 1];
    long.extend_from_slice(b"{\"type\":\"finish\"}\n");
    subject.send(&long);
    assert_eq!(failed(subject.receive()).message, format!("the line is longer than {LINE_LIMIT} bytes"));
    // One that is exactly as long as allowed is read.
    let request = b"{\"type\":\"observe\"}";
    let mut longest = vec![b' '; LINE_LIMIT - request.len()];
    longest.extend_from_slice(request);
    longest.push(b'\n');
    subject.send(&longest);
    assert_eq!(failed(subject.receive()).message, "nothing is prepared yet");
    subject.finish();
}

#[test]
fn the_end_of_the_input_ends_the_subject_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let (rest, status) = Subject::start().hang_up();
    assert!(rest.is_empty() && status.success());

    let mut server = Subject::start();
    server.prepare(case(Role::Server, "sync/upload", &[], folder.path()));
    let (rest, status) = server.hang_up();
    assert!(rest.is_empty() && status.success());
}

#[test]
fn unknown_names_are_unsupported_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut with_setting = case(Role::Client, "crypto/seal", &sealing(10), folder);
    with_setting.configuration.insert("store.colour".to_owned(), word("red"));
    let mut with_value = case(Role::Client, "crypto/seal", &sealing(10), folder);
    with_value.configuration.insert("padding".to_owned(), word("feathers"));
    let mut extra = sealing(10).to_vec();
    extra.push(("depth", Value::Count(1)));
    let mut other_cipher = sealing(10);
    other_cipher[1].1 = word("rot13");
    let cases = [
        (case(Role::Client, "crypto/hash", &[], folder), ["crypto/hash", "crypto/seal"]),
        (case(Role::Client, "crypto/seal", &extra, folder), ["depth", "size"]),
        (case(Role::Client, "crypto/seal", &other_cipher, folder), ["rot13", "chacha20-poly1305"]),
        (case(Role::Server, "crypto/seal", &sealing(10), folder), ["server", "client"]),
        (case(Role::Load, "sync/upload", &[], folder), ["load", "server, client"]),
        (with_setting, ["colour", "journal"]),
        (with_value, ["feathers", "padme"]),
    ];
    let mut subject = Subject::start();
    for (prepare, [named, known]) in cases {
        let failed = failed(subject.ask(&Request::Prepare(prepare)));
        assert_eq!(failed.kind, FailureKind::Unsupported, "{}", failed.message);
        assert!(failed.message.contains(named) && failed.message.contains(known), "{}", failed.message);
    }
    subject.finish();
}

#[test]
fn requests_out_of_order_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let mut subject = Subject::start();
    for request in [Request::Iterate(Iterate { count: 1 }), Request::Verify, Request::Observe] {
        assert_eq!(failed(subject.ask(&request)).message, "nothing is prepared yet");
    }
    let mut prepare = case(Role::Client, "store/create", &[("documents", Value::Count(1))], folder.path());
    assert!(failed(subject.ask(&Request::Prepare(prepare.clone()))).message.contains("`size`"));
    prepare.parameters.insert("size".to_owned(), Value::Count(1));
    subject.prepare(prepare.clone());
    assert!(failed(subject.ask(&Request::Prepare(prepare))).message.contains("prepared once"));
    assert!(failed(subject.ask(&Request::Verify)).message.contains("needs an iteration first"));
    assert!(failed(subject.ask(&Request::Observe)).message.contains("client"));
    subject.reset(None);
    assert!(failed(subject.ask(&Request::Iterate(Iterate { count: 0 }))).message.contains("at least once"));
    subject.finish();
}
