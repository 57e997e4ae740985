//! Calls of fsync as the subject counts them, against strace, which sees them in the kernel.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use benchline_contract::{Prepare, Reply, Request, Role, Value};

use crate::pipe::{Subject, case};

/// Whether this machine has strace and lets it trace.
fn can_trace() -> bool {
    let tried = Command::new("strace").args(["-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}

/// A subject whose every call is written to a log, with its time.
struct Traced {
    subject: Subject,
    log: PathBuf,
}

impl Traced {
    fn start(log: &Path) -> Traced {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-ttt", "-e", "trace=fsync,fdatasync", "-o"]).arg(log);
        Traced { subject: Subject::start_under(&mut strace), log: log.to_owned() }
    }

    /// Ends the subject and counts the calls that began in a span of time.
    fn calls_in(self, (from, to): (f64, f64)) -> u64 {
        self.subject.finish();
        let log = fs::read_to_string(self.log).unwrap();
        // `1234 1700000000.123456 fsync(7) = 0`; a call that was interrupted goes on in a line without the parenthesis.
        let calls = log.lines().filter(|line| line.contains("fsync(") || line.contains("fdatasync("));
        let times = calls.map(|line| line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap());
        times.filter(|time| (from..to).contains(time)).count() as u64
    }
}

/// The same clock as that of strace.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

#[test]
fn both_roles_count_the_fsyncs_that_strace_sees() {
    if !can_trace() {
        eprintln!("skipped: strace is missing, or may not trace here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [server_folder, client_folder] = ["server", "client"].map(|name| folder.path().join(name));
    for folder in [&server_folder, &client_folder] {
        fs::create_dir(folder).unwrap();
    }
    let parameters = [("documents", Value::Count(20)), ("size", Value::Count(1000))];
    let mut server = Traced::start(&folder.path().join("server.log"));
    let mut client = Traced::start(&folder.path().join("client.log"));
    // So that SQLite makes calls of its own, and not only the standard library.
    let configuration = [("store.synchronous".to_owned(), Value::Text("full".to_owned()))];
    let prepare = |role, folder: &Path| Prepare {
        configuration: configuration.clone().into(),
        ..case(role, "sync/upload", &parameters, folder)
    };
    let access = server.subject.prepare(prepare(Role::Server, &server_folder));
    client.subject.prepare(Prepare { server: access, ..prepare(Role::Client, &client_folder) });

    let access = server.subject.reset(None);
    let reset = now();
    client.subject.reset(access);
    let begun = now();
    let sample = client.subject.iterate(1);
    let ended = now();
    let Reply::Observed(observed) = server.subject.ask(&Request::Observe) else { panic!("nothing observed") };
    let observed_at = now();

    let (sent, received) = (sample.counters["fsyncs"], observed.counters["fsyncs"]);
    assert!(sent > 0 && received > 0, "{sent} by the client, {received} by the server");
    assert_eq!(sent, client.calls_in((begun, ended)));
    assert_eq!(received, server.calls_in((reset, observed_at)));
}
