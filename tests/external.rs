//! Programs that do not speak the contract: commands through the whole line, and a service held by the adapter alone.
//! What they use is known beforehand: `head`, `tail` and `wc` move bytes that can be counted.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};

use crate::support::{Project, eventually, processes_of, scenario::ScenarioFile};

/// SHA-256 of "50000000\n".
const FIFTY_MILLION: &str = "6cb7cb92efabf18562614cd07c294ed7d36370c0c2bb60d61237943f2e730adb";

/// A project with scenarios of commands: `(name, the table, the digest)`.
#[track_caller]
fn project(commands: &[(&str, &str, &str)], timeout: &str) -> Project {
    let project = Project::new();
    project.git(&["rm", "-rq", "scenarios"]);
    for (name, table, digest) in commands {
        let text = ScenarioFile {
            name,
            more: &format!("[command]\n{table}"),
            warmup: 1,
            timeout,
            point: "n = 50000000",
            expect: (1, 9),
            digest,
            ..ScenarioFile::default()
        };
        project.write(&format!("scenarios/{name}.toml"), &text.text());
    }
    project.commit("Commands");
    project
}

#[test]
fn a_command_is_measured_with_all_of_its_processes() {
    let table = r#"setup = [["sh", "-c", "head -c {n} /dev/zero >zeros"]]
prepare = [["cp", "zeros", "fresh"]]
run = ["sh", "-c", "cat fresh | tail | wc -c && rm fresh"]
cleanup = [["rm", "zeros"]]"#;
    let project = project(&[("toy/count", table, FIFTY_MILLION)], "20 s");
    let result = project.json(&["run", "--profile", "quick", "--json", "-"], 0);
    assert_eq!(result["failures"], json!([]));
    let measurements = result["measurements"].as_array().unwrap();
    let find = |metric: &str| measurements.iter().find(|m| m["metric"] == metric);
    let of = |metric: &str| find(metric).unwrap_or_else(|| panic!("no {metric}"))["estimate"].as_f64().unwrap();
    // `cat` writes what it reads, and `tail`, which finds no line, writes it again; `wc` writes 9 bytes.
    let moved = of("client.bytes_written") - 100_000_009.0;
    assert!((0.0..1000.0).contains(&moved), "{moved} bytes more than are known of were written");
    // `tail` holds all of it, the others little.
    let peak = of("client.rss_peak");
    assert!((50e6..90e6).contains(&peak), "{peak}");
    assert!(of("client.cpu_time") > 1e6 && of("wall_time") > 1e6);
    for absent in ["client.fsyncs", "client.wire_sent", "client.rss_before", "client.cpu_total"] {
        assert!(find(absent).is_none(), "{absent} cannot be known of an external program");
    }
}

#[test]
fn what_goes_wrong_with_a_command_is_told_as_what_it_is() {
    let some = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let project = project(
        &[
            ("toy/code", "run = [\"sh\", \"-c\", \"echo it is broken >&2; exit 3\"]", some),
            (
                "toy/expected",
                "run = [\"sh\", \"-c\", \"wc -c <{binary} >/dev/null; echo {n}; exit 3\"]\nexit_code = 3",
                FIFTY_MILLION,
            ),
            ("toy/hook", "setup = [[\"false\"]]\nrun = [\"true\"]", some),
            ("toy/killed", "run = [\"sh\", \"-c\", \"kill -9 $$\"]", some),
            ("toy/missing", "run = [\"no-such-program\", \"x\"]", some),
            ("toy/nofile", "run = [\"true\"]\noutput = \"result\"", some),
            ("toy/unavailable", "setup = [[\"sh\", \"-c\", \"echo no network >&2; exit 69\"]]\nrun = [\"true\"]", some),
            ("toy/verify", "run = [\"true\"]\nverify = [\"echo\", \"{n}\"]", FIFTY_MILLION),
            ("toy/wrong", "run = [\"echo\", \"{n}\"]", some),
        ],
        "20 s",
    );
    let result = project.json(&["run", "--profile", "quick", "--json", "-"], 1);
    let failures = result["failures"].as_array().unwrap();
    for (scenario, kind, said) in [
        ("toy/code", "reported", "ended with exit status: 3, where 0 is right"),
        ("toy/hook", "reported", "`false` ended with exit status: 1"),
        ("toy/killed", "reported", "signal: 9"),
        ("toy/missing", "unsupported", "`no-such-program` is not installed here"),
        ("toy/nofile", "reported", "result cannot be read"),
        ("toy/unavailable", "unsupported", "not available here"),
        ("toy/wrong", "wrong_result", FIFTY_MILLION),
    ] {
        let of_it = |failure: &&Value| failure["case"]["scenario"] == scenario;
        let failure = failures.iter().find(of_it).unwrap_or_else(|| panic!("{scenario} did not fail"));
        assert_eq!(failure["kind"], kind, "{failure}");
        assert!(failure["message"].as_str().unwrap().contains(said), "{failure}");
    }
    let logged = |scenario: &str, text: &str| {
        failures.iter().any(|f| f["case"]["scenario"] == scenario && f["log"].as_str().unwrap().contains(text))
    };
    assert!(logged("toy/code", "it is broken") && logged("toy/unavailable", "no network"));
    for good in ["toy/expected", "toy/verify"] {
        assert!(!failures.iter().any(|failure| failure["case"]["scenario"] == good), "{good}");
    }
}

#[test]
fn a_command_that_hangs_is_ended_with_what_left_its_group() {
    let table = "run = [\"sh\", \"-c\", \"setsid sleep 6107.5 & sleep 6107.25\"]";
    let project = project(&[("toy/hangs", table, FIFTY_MILLION)], "700 ms");
    let result = project.json(&["run", "--profile", "quick", "--json", "-"], 1);
    assert_eq!(result["failures"][0]["kind"], "timed_out");
    for left in ["6107.5", "6107.25"] {
        eventually("the process is gone", || processes_of(Path::new(left)).is_empty().then_some(()));
    }
}

#[test]
fn a_command_ends_when_its_runner_is_killed() {
    let table = "run = [\"sh\", \"-c\", \"setsid sleep 6108.5 & sleep 6108.25\"]";
    let project = project(&[("toy/hangs", table, FIFTY_MILLION)], "60 s");
    let mut running = project.start(&["run", "--profile", "quick"]);
    eventually("both run", || (processes_of(Path::new("sleep\x006108")).len() == 2).then_some(()));
    kill(Pid::from_raw(running.0.id().cast_signed()), Signal::SIGKILL).unwrap();
    running.0.wait().unwrap();
    eventually("both are gone", || processes_of(Path::new("sleep\x006108")).is_empty().then_some(()));
}

/// The adapter, spoken to as the runner does.
struct Adapter(Child, Option<ChildStdin>, BufReader<ChildStdout>, tempfile::TempDir);

impl Adapter {
    #[track_caller]
    fn start(service: &Value) -> Adapter {
        let order = json!({ "operation": "toy/serve", "external": { "service": service }, "places": {}, "items": 1, "bytes": 1 });
        let mut command = Command::new(env!("CARGO_BIN_EXE_benchline"));
        command.args(["role", "external", &order.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut adapter = Adapter(child, input, output, tempfile::tempdir().unwrap());
        assert_eq!(adapter.hears()["operations"][0], json!({ "name": "toy/serve", "version": 1, "roles": ["server"] }));
        adapter
    }

    fn hears(&mut self) -> Value {
        let mut line = String::new();
        self.2.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn asks(&mut self, request: &Value) -> Value {
        writeln!(self.1.as_mut().unwrap(), "{request}").unwrap();
        self.hears()
    }

    fn prepares(&mut self) -> Value {
        let folder = self.3.path().to_str().unwrap().to_owned();
        self.asks(&json!({ "type": "prepare", "role": "server", "operation": "toy/serve", "seed": 1, "folder": folder,
            "parameters": { "n": { "count": 3 } }, "configuration": {} }))
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        self.1.take();
        let _ = self.0.wait();
    }
}

fn service(ready: &Value) -> Value {
    json!({ "setup": [["sh", "-c", "echo before >log.txt"]], "ready": ready, "cleanup": [],
        "start": ["sh", "-c", "python3 -u -m http.server --bind 127.0.0.1 {port} & wait"],
        "fill": [["sh", "-c", "echo {n} at {address} >filled"]],
        "clients": "{n}", "requests": [{ "path": "/log.txt", "headers": {}, "status": 200, "answer": "log.txt" }],
        "stop": { "signal": "SIGTERM", "grace_ms": 200 } })
}

/// The status line and the body of an answer.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address.strip_prefix("http://").unwrap()).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_service_is_started_filled_and_stopped_with_all_of_its_processes() {
    for ready in [json!("port"), json!({ "http": "/log.txt" }), json!({ "log": "Serving HTTP on" })] {
        let mut adapter = Adapter::start(&service(&ready));
        let prepared = adapter.prepares();
        assert_eq!(prepared["type"], "prepared", "{prepared}");
        let address = prepared["server"]["address"].as_str().unwrap().to_owned();
        let workload: Value = serde_json::from_str(prepared["server"]["credential"].as_str().unwrap()).unwrap();
        assert_eq!(workload["clients"].as_array().unwrap().len(), 3);
        assert_eq!((&workload["parameters"], &workload["timed"][0]["path"]), (&json!(["n"]), &json!("/log.txt")));
        assert!(get(&address, "/filled").ends_with(&format!("3 at {address}\n")));
        assert_eq!(adapter.asks(&json!({ "type": "reset" }))["server"]["address"], address);
        assert_eq!(adapter.asks(&json!({ "type": "observe" }))["type"], "observed");
        assert_eq!(adapter.asks(&json!({ "type": "iterate", "count": 1 }))["type"], "failed");
        // The shell ends at the signal and leaves the server behind: it is ended all the same.
        assert_eq!(adapter.asks(&json!({ "type": "finish" }))["type"], "finished");
        assert!(TcpStream::connect(address.strip_prefix("http://").unwrap()).is_err(), "{ready}");
    }
}

#[test]
fn a_service_that_dies_is_told_and_one_whose_runner_goes_is_ended() {
    let mut spec = service(&json!("port"));
    spec["start"] = json!(["sh", "-c", "exit 7"]);
    let told = Adapter::start(&spec).prepares();
    assert_eq!(told["message"], "the service ended with exit status: 7");
    spec["start"] = json!(["no-such-server"]);
    let told = Adapter::start(&spec).prepares();
    assert_eq!(
        (&told["kind"], &told["message"]),
        (&json!("unsupported"), &json!("`no-such-server` is not installed here"))
    );

    let mut adapter = Adapter::start(&service(&json!({ "http": "/" })));
    let address = adapter.prepares()["server"]["address"].as_str().unwrap().to_owned();
    adapter.1.take();
    assert_eq!(adapter.0.wait().unwrap().code(), Some(0), "it ends quietly");
    eventually("nothing listens", || {
        TcpStream::connect(address.strip_prefix("http://").unwrap()).is_err().then_some(())
    });
}
