//! What is injected shows where the kernel counts: the same operation, once plain and once with it.

use std::fs;

use benchline_contract::{FailureKind, Injection, Observed, Prepare, Reply, Request, Role, Value};

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

const BUSY_MS: u64 = 200;

/// The longest latency of a histogram, in milliseconds.
fn longest(latencies: &[(u64, u64)]) -> u64 {
    latencies.iter().map(|(latency, _)| *latency).max().unwrap_or(0) / 1_000_000
}

#[test]
fn a_clients_cpu_time_and_block_show_on_their_own_clocks_alone() {
    let folder = tempfile::tempdir().unwrap();
    // The least of some, so that a busy machine does not decide: the wall and CPU time, and the reactor's longest latency.
    let least = |injection| {
        let parameters = [("size", Value::Count(1000)), ("cipher", word("aes-256-gcm")), ("form", word("blob"))];
        let mut subject = Subject::start();
        let case = case(Role::Client, "crypto/seal", &parameters, folder.path());
        subject.prepare(Prepare { injection: Some(injection), reactor: true, ..case });
        let samples: Vec<_> = (0..4).map(|_| subject.iterate(1)).collect();
        subject.finish();
        let least = |figures: &dyn Fn(&benchline_contract::Sample) -> u64| samples.iter().map(figures).min();
        [
            least(&|sample| sample.wall_ns / 1_000_000),
            least(&|sample| sample.cpu_ns / 1_000_000),
            least(&|sample| longest(&sample.reactor)),
        ]
        .map(Option::unwrap)
    };
    let [wall, cpu, _] = least(Injection { cpu_ms: BUSY_MS, ..Injection::default() });
    assert!(wall < BUSY_MS / 4 && cpu >= BUSY_MS, "{wall} ms, {cpu} ms of CPU");
    let [wall, cpu, reactor] = least(Injection { reactor_block_ms: BUSY_MS, ..Injection::default() });
    assert!(wall < BUSY_MS / 4 && cpu < BUSY_MS / 4, "{wall} ms, {cpu} ms of CPU");
    assert!(reactor >= BUSY_MS / 2, "{reactor} ms");
}

#[test]
fn a_server_makes_its_injections_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let injection = Injection {
        role: Role::Server,
        cpu_ms: BUSY_MS,
        reactor_block_ms: BUSY_MS,
        write_bytes: 30_000_000,
        ..Injection::default()
    };
    let mut subject = Subject::start();
    let prepare = case(Role::Server, "sync/upload", &[], folder.path());
    subject.prepare(Prepare { injection: Some(injection), reactor: true, ..prepare });
    subject.reset(None);
    let before = figure(&subject, "io", "wchar:");
    assert_eq!(subject.ask(&Request::Disturb), Reply::Disturbed);
    let written = figure(&subject, "io", "wchar:") - before;
    // The server may still be busy with its account's database.
    assert!((30_000_000..31_000_000).contains(&written), "{written}");
    let Reply::Observed(Observed { reactor, .. }) = subject.ask(&Request::Observe) else { panic!("nothing observed") };
    assert!(longest(&reactor) >= BUSY_MS / 2, "{reactor:?}");
    subject.finish();
}

#[test]
fn invalid_injections_are_rejected() {
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
    assert_eq!(failed.message, "role of an injection into this process `client` is unknown here; known: server");
    let server = Injection { role: Role::Server, ..Injection::default() };
    let failed = refused(Role::Server, Injection { slowdown_ppm: 1, ..server });
    assert_eq!(failed.message, "a server times nothing, so it has nothing to slow down");
    let failed = refused(Role::Client, Injection { cpu_ms: 60_001, ..Injection::default() });
    assert_eq!(failed.message, "at most 60s are injected");
    let failed = refused(Role::Client, Injection { memory_bytes: u64::MAX, ..Injection::default() });
    assert_eq!(failed.message, "at most 4294967296 bytes are injected");
}
