//! What is injected shows where the kernel counts: the same operation, once plain and once with it.

use std::fs;

use benchline_subject::contract::{FailureKind, Injection, Prepare, Reply, Request, Role, Value};

use crate::pipe::{Subject, case, word};

/// A subject that seals, with something injected.
fn sealing(folder: &tempfile::TempDir, injection: Option<Injection>) -> Subject {
    let parameters = [("size", Value::Count(100_000)), ("cipher", word("aes-256-gcm")), ("form", word("blob"))];
    let mut subject = Subject::start();
    subject.prepare(Prepare { injection, ..case(Role::Client, "crypto/seal", &parameters, folder.path()) });
    subject
}

/// A figure from a file of the process in `/proc`: the number after `name`.
fn figure(subject: &Subject, file: &str, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/{file}", subject.pid())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn a_slowdown_shows_in_wall_and_cpu_time() {
    let folder = tempfile::tempdir().unwrap();
    // The least of many is near what the work takes, so that a busy machine does not decide.
    let least = |injection| {
        let mut subject = sealing(&folder, injection);
        let samples: Vec<_> = (0..20).map(|_| subject.iterate(1)).collect();
        subject.finish();
        (samples.iter().map(|s| s.wall_ns).min().unwrap(), samples.iter().map(|s| s.cpu_ns).min().unwrap())
    };
    let (wall, cpu) = least(None);
    let (slow_wall, slow_cpu) = least(Some(Injection { slowdown_ppm: 99_000_000, ..Injection::default() }));
    assert!(slow_wall > 10 * wall, "{slow_wall} against {wall}");
    assert!(slow_cpu > 5 * cpu, "{slow_cpu} against {cpu}");
}

#[test]
fn memory_shows_as_resident_and_its_peak() {
    const EXTRA: u64 = 48 << 20;
    let folder = tempfile::tempdir().unwrap();
    let resident = |memory_bytes| {
        let mut subject = sealing(&folder, Some(Injection { memory_bytes, ..Injection::default() }));
        subject.iterate(3);
        let found = ["VmRSS:", "VmHWM:"].map(|name| figure(&subject, "status", name) * 1024);
        subject.finish();
        found
    };
    let (plain, more) = (resident(0), resident(EXTRA));
    for (plain, more) in plain.into_iter().zip(more) {
        assert!(more.abs_diff(plain + EXTRA) < EXTRA / 16, "{more} against {plain}");
    }
}

#[test]
fn writes_show_as_bytes_written_once_an_iteration() {
    const EXTRA: u64 = 300_000;
    let folder = tempfile::tempdir().unwrap();
    let mut subject = sealing(&folder, Some(Injection { write_bytes: EXTRA, ..Injection::default() }));
    let before = figure(&subject, "io", "wchar:");
    for count in [1, 7, 1] {
        subject.iterate(count);
    }
    let written = figure(&subject, "io", "wchar:") - before;
    // The answers are written as well.
    assert!((3 * EXTRA..3 * EXTRA + 3000).contains(&written), "{written}");
    subject.finish();
}

#[test]
fn what_cannot_be_injected_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |role, injection| {
        let prepare = Prepare { injection: Some(injection), ..case(role, "sync/upload", &[], folder.path()) };
        match Subject::start().ask(&Request::Prepare(prepare)) {
            Reply::Failed(failed) => failed,
            other => panic!("{other:?}"),
        }
    };
    let failed = refused(Role::Server, Injection::default());
    assert_eq!(failed.kind, FailureKind::Unsupported);
    assert_eq!(failed.message, "role of an injection `server` is unknown here; known: client");
    let failed = refused(Role::Client, Injection { memory_bytes: u64::MAX, ..Injection::default() });
    assert_eq!(failed.message, "at most 4294967296 bytes are injected");
}
