//! The sync engine as people use it by hand: real processes, real sockets, a server and two devices of one user.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Running, eventually};

const PASSPHRASE: &str = "a horse on the roof";

/// A folder with a server's data and the homes of devices, all of a user called ana.
struct World {
    folder: TempDir,
}

/// A server that listens.
struct Served {
    process: Running,
    address: String,
}

impl World {
    #[track_caller]
    fn new() -> World {
        let world = World { folder: tempfile::tempdir().unwrap() };
        world.run(&["user", "add", "ana"], 0);
        world.token("ana.token", "1d");
        world
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// `benchline engine` in the folder, with nothing of the caller's environment that it obeys.
    fn engine(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_benchline"));
        command.arg("engine").args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        for variable in ["TOKEN", "NAMESPACE", "HOME"] {
            command.env_remove(format!("BENCHLINE_ENGINE_{variable}"));
        }
        command.env_remove("BENCHLINE_LISTEN").env_remove("BENCHLINE_LOG");
        command.env("BENCHLINE_ENGINE_DATA", self.path("server")).env("BENCHLINE_ENGINE_PASSPHRASE", PASSPHRASE);
        command
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], code: i32) -> Output {
        checked(&mut self.engine(arguments), code)
    }

    /// What it says to people.
    #[track_caller]
    fn says(&self, arguments: &[&str], code: i32) -> String {
        String::from_utf8(self.run(arguments, code).stderr).unwrap()
    }

    #[track_caller]
    fn json(&self, arguments: &[&str], code: i32) -> Value {
        serde_json::from_slice(&self.run(arguments, code).stdout).unwrap()
    }

    /// It with text on its standard input; gives its standard output.
    #[track_caller]
    fn fed(&self, arguments: &[&str], input: &str) -> String {
        let mut child = self.engine(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A token of ana's, in a file.
    #[track_caller]
    fn token(&self, file: &str, lifetime: &str) {
        let made = self.run(&["token", "ana", "--for", lifetime], 0);
        assert!(made.stdout.starts_with(b"bls_"));
        fs::write(self.path(file), made.stdout).unwrap();
    }

    #[track_caller]
    fn serve(&self, listen: &str) -> Served {
        let mut child = self.engine(&["serve", "--listen", listen]).stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        let mut lines = said.lines();
        let announced = lines.by_ref().map_while(Result::ok).find(|line| line.contains("http://")).unwrap();
        // Somebody has to read on, or the server's log fills the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let address = announced.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
        Served { process: Running(child), address }
    }

    #[track_caller]
    fn init(&self, home: &str, server: &Served) {
        let server = server.address.as_str();
        self.run(&["init", "--server", server, "--user", "ana", "--token-file", "ana.token", "--home", home], 0);
    }

    /// How many blobs of a device are in each state.
    #[track_caller]
    fn states(&self, home: &str) -> Value {
        self.json(&["status", "--json", "--home", home], 0)["blobs"].clone()
    }

    #[track_caller]
    fn start(&self, arguments: &[&str]) -> Running {
        Running(self.engine(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }
}

#[track_caller]
fn checked(command: &mut Command, code: i32) -> Output {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(output.status.code(), Some(code), "{command:?}\n{}{}", text(&output.stdout), text(&output.stderr));
    output
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
}

/// Bytes without a pattern, the same every time.
fn noise(length: usize) -> Vec<u8> {
    let step = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Some((*state >> 33) as u8)
    };
    std::iter::repeat_n((), length).scan(7, |state, ()| step(state)).collect()
}

#[test]
fn what_one_device_puts_another_gets_and_what_is_wrong_is_told() {
    let world = World::new();
    let server = world.serve("127.0.0.1:0");
    world.init("a", &server);
    let at = ["--server", &server.address, "--user", "ana", "--token-file", "ana.token"];
    let mut wrong = world.engine(&["init", "--home", "b"]);
    wrong.args(at).env("BENCHLINE_ENGINE_PASSPHRASE", "a horse on the hoof");
    let said = String::from_utf8(checked(&mut wrong, 1).stderr).unwrap();
    assert!(said.contains("wrong passphrase"), "{said}");
    world.init("b", &server);

    // The root secret is at home only wrapped, and nobody else may look.
    let wrapped = fs::read(world.path("a/recovery")).unwrap();
    assert_eq!(wrapped, fs::read(world.path("b/recovery")).unwrap(), "both have the one in the slot");
    for file in ["a/recovery", "a/token", "a/device.toml"] {
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(world.path(file)).unwrap());
        assert_eq!(mode & 0o077, 0, "{file}");
    }

    let content = noise(3_000_000);
    fs::write(world.path("film.bin"), &content).unwrap();
    let put = world.json(&["put", "film.bin", "--json", "--home", "a"], 0);
    assert_eq!((&put["length"], &put["state"]), (&content.len().into(), &"synced".into()));
    world.run(&["put", "film.bin", "--home", "a"], 0);
    fs::write(world.path("other"), "other").unwrap();
    assert!(world.says(&["put", "other", "film.bin", "--home", "a"], 1).contains("blobs do not change"));
    assert!(world.says(&["put", "other", "film.bin", "--home", "b"], 1).contains("from another device"));
    assert!(world.says(&["put", "other", "no/name", "--home", "a"], 1).contains("A-Z a-z"));
    world.fed(&["put", "-", "piped", "--home", "a"], "from a pipe");

    assert!(world.says(&["get", "nothing", "--home", "b"], 1).contains("ls --remote"));
    world.run(&["get", "film.bin", "there.bin", "--home", "b"], 0);
    assert!(fs::read(world.path("there.bin")).unwrap() == content);
    assert!(world.says(&["get", "film.bin", "there.bin", "--home", "b"], 1).contains("--force"));
    let synced = world.json(&["sync", "--json", "--home", "b"], 0);
    assert_eq!((&synced["schema"], &synced["blobs"]["fetched"]), (&1.into(), &1.into()));
    assert_eq!(world.run(&["get", "piped", "-", "--home", "b"], 0).stdout, b"from a pipe");
    let listed = world.json(&["ls", "--remote", "--json", "--home", "b"], 0);
    let names: Vec<&str> =
        listed["blobs"].as_array().unwrap().iter().map(|blob| blob["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["film.bin", "piped"]);

    world.run(&["rm", "piped", "--home", "b"], 0);
    assert_eq!(world.json(&["ls", "--remote", "--json", "--home", "a"], 0)["blobs"].as_array().unwrap().len(), 1);

    // A token that has expired, then one that counts.
    world.token("old.token", "0s");
    let mut late = world.engine(&["sync", "--home", "a"]);
    late.env("BENCHLINE_ENGINE_TOKEN", fs::read_to_string(world.path("old.token")).unwrap().trim());
    let said = String::from_utf8(checked(&mut late, 1).stderr).unwrap();
    assert!(said.contains("expired") && said.contains("benchline engine login"), "{said}");
    world.run(&["token", "ana", "--revoke"], 0);
    world.token("new.token", "1h");
    eventually("the revocation counts", || {
        (world.engine(&["status", "--home", "a"]).output().unwrap().status.code() == Some(1)).then_some(())
    });
    world.run(&["login", "--token-file", "new.token", "--home", "a"], 0);
    world.run(&["status", "--home", "a"], 0);

    // A server that is gone: what is put stays here, and the next sync sends it.
    let address = server.address.trim_start_matches("http://").to_owned();
    let mut process = server.process;
    signal(&process.0, Signal::SIGTERM);
    assert_eq!(process.0.wait().unwrap().code(), Some(0));
    let said = world.says(&["put", "other", "--home", "a"], 1);
    assert!(said.contains("on this device, but not sent") && said.contains("benchline engine sync"), "{said}");
    let _server = world.serve(&address);
    assert_eq!(world.json(&["sync", "--json", "--home", "a"], 0)["blobs"]["sent"], 1);
}

#[test]
fn killed_half_way_a_sync_goes_on_and_nothing_is_lost_or_sent_twice() {
    let world = World::new();
    let server = world.serve("127.0.0.1:0");
    world.init("a", &server);
    let content = noise(6_000_000);
    fs::write(world.path("big.bin"), &content).unwrap();

    // Killed while it sends: the transfer is slow enough that it cannot be over before it was seen.
    let mut putting = world.start(&["put", "big.bin", "--limit", "200kB/s", "--home", "a"]);
    eventually("the upload has begun", || fs::read_dir(world.path("server/blobs")).ok()?.next().map(drop));
    signal(&putting.0, Signal::SIGKILL);
    putting.0.wait().unwrap();
    assert_eq!(world.states("a"), serde_json::json!({ "pending_upload": 1 }));

    // A sync that is killed, one that is interrupted, one that is left alone.
    let mut syncing = world.start(&["sync", "--limit", "200kB/s", "--home", "a"]);
    std::thread::sleep(std::time::Duration::from_millis(300));
    signal(&syncing.0, Signal::SIGKILL);
    syncing.0.wait().unwrap();
    let mut syncing = world.start(&["sync", "--limit", "200kB/s", "--home", "a"]);
    eventually("the blobs are open", || {
        let lock = fs::File::open(world.path("a/blobs/blobs.lock")).ok()?;
        lock.try_lock().is_err().then_some(())
    });
    signal(&syncing.0, Signal::SIGINT);
    assert_eq!(syncing.0.wait().unwrap().code(), Some(1));
    let mut said = String::new();
    syncing.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("interrupted") && said.contains("goes on"), "{said}");
    assert_eq!(world.json(&["sync", "--json", "--home", "a"], 0)["blobs"]["sent"], 1);
    assert_eq!(world.states("a"), serde_json::json!({ "synced": 1 }));

    world.init("b", &server);
    let mut fetching = world.start(&["sync", "--limit", "200kB/s", "--home", "b"]);
    eventually("the download has begun", || world.path("b/blobs/blobs.db").exists().then_some(()));
    signal(&fetching.0, Signal::SIGKILL);
    fetching.0.wait().unwrap();
    world.run(&["sync", "--home", "b"], 0);
    world.run(&["get", "big.bin", "got.bin", "--home", "b"], 0);
    assert!(fs::read(world.path("got.bin")).unwrap() == content);
}

#[test]
fn documents_edited_in_two_places_are_kept_twice_until_somebody_decides() {
    let world = World::new();
    let server = world.serve("127.0.0.1:0");
    world.init("a", &server);
    world.init("b", &server);
    world.fed(&["doc", "put", "note", "--home", "a"], r#"{"n":1}"#);
    world.run(&["sync", "--home", "a"], 0);

    // Somebody watches the other device meanwhile.
    let mut watching = world.start(&["watch", "--every", "200ms", "--json", "--home", "b"]);
    let mut lines = BufReader::new(watching.0.stdout.take().unwrap()).lines();
    let seen: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!((&seen["document"], &seen["change"]), (&"note".into(), &"changed".into()));
    signal(&watching.0, Signal::SIGINT);
    assert_eq!(watching.0.wait().unwrap().code(), Some(0));

    assert_eq!(world.json(&["doc", "get", "note", "--json", "--home", "b"], 0)["json"]["n"], 1);
    let stale = world.fed(&["doc", "put", "note", "--home", "a"], r#"{"n":2}"#);
    world.fed(&["doc", "put", "note", "--home", "b"], r#"{"n":3}"#);
    world.run(&["sync", "--home", "a"], 0);
    assert_eq!(world.json(&["sync", "--json", "--home", "b"], 0)["documents"]["conflicts"], 1);
    assert_eq!(world.json(&["doc", "conflicts", "--json", "--home", "b"], 0)["documents"], serde_json::json!(["note"]));
    let shown = world.json(&["doc", "conflicts", "note", "--json", "--home", "b"], 0);
    let versions = shown["versions"].as_array().unwrap();
    let mut contents: Vec<i64> = versions.iter().map(|version| version["json"]["n"].as_i64().unwrap()).collect();
    let kept = contents[1];
    contents.sort_unstable();
    assert_eq!(contents, [2, 3]);
    fs::write(world.path("four"), r#"{"n":4}"#).unwrap();
    let said = world.says(&["doc", "put", "note", "four", "--home", "b"], 1);
    assert!(said.contains("doc resolve"), "{said}");

    world.run(&["doc", "resolve", "note", "--keep", "2", "--home", "b"], 0);
    world.run(&["sync", "--home", "b"], 0);
    world.run(&["sync", "--home", "a"], 0);
    for home in ["a", "b"] {
        assert_eq!(world.json(&["doc", "get", "note", "--json", "--home", home], 0)["json"]["n"], kept);
        assert_eq!(world.json(&["doc", "conflicts", "--json", "--home", home], 0)["documents"], serde_json::json!([]));
    }
    assert!(
        world.says(&["doc", "put", "note", "four", "--replaces", &stale, "--home", "a"], 1).contains("as expected")
    );
    world.run(&["doc", "rm", "note", "--home", "a"], 0);
    assert!(world.says(&["doc", "get", "note", "--home", "a"], 1).contains("no document note"));
    assert_eq!(world.json(&["doc", "ls", "--json", "--home", "a"], 0)["documents"], serde_json::json!([]));
}

#[test]
fn commands_say_how_they_are_used_and_never_make_what_was_not_asked_for() {
    let world = World::new();
    for command in [
        "serve",
        "user",
        "token",
        "service",
        "init",
        "login",
        "passphrase",
        "status",
        "put",
        "get",
        "ls",
        "rm",
        "doc",
        "sync",
        "watch",
    ] {
        let help = String::from_utf8(world.run(&[command, "--help"], 0).stdout).unwrap();
        assert!(help.contains("Examples:") && help.contains(&format!("benchline engine {command}")), "{help}");
        assert!(!help.contains("--database") && !help.contains("--scenarios"), "{help}");
    }
    for command in [&["ls"][..], &["sync"], &["doc", "ls"], &["status"]] {
        assert!(world.says(&[command, &["--home", "nowhere"]].concat(), 1).contains("benchline engine init"));
    }
    assert!(!world.path("nowhere").exists());
    assert!(world.says(&["user", "list", "--data", "elsewhere"], 1).contains("--data"));
    assert!(!world.path("elsewhere").exists());
    assert!(world.says(&["user", "add", "ana"], 1).contains("already"));
    assert!(world.says(&["token", "ben"], 1).contains("user add"));
    world.says(&["user", "add", "Ana Maria"], 2);
    world.says(&["put", "x", "--limit", "fast", "--home", "a"], 2);
    let users = world.json(&["user", "list", "--json"], 0);
    assert_eq!(users["users"], serde_json::json!([{ "name": "ana", "quota": null, "tokens": 1 }]));
    assert!(world.says(&["serve", "--listen", "0.0.0.0:0"], 1).contains("TLS"));
    fs::write(world.path("knobs.toml"), "[blobs]\ntranfers = 3\n").unwrap();
    assert!(world.says(&["serve", "--config-file", "knobs.toml"], 1).contains("tranfers"));
    let service = world.run(&["service", "add", "postfix"], 0);
    assert!(service.stdout.starts_with(b"blm_"));
    assert_eq!(world.json(&["service", "list", "--json"], 0)["services"][0]["name"], "postfix");
    world.run(&["service", "remove", "postfix"], 0);
    world.run(&["service", "remove", "postfix"], 1);
}

#[test]
fn several_processes_share_a_port_and_end_together() {
    let world = World::new();
    fs::write(world.path("server/config.toml"), "[server]\nprocesses = 2\n").unwrap();
    let server = world.serve("127.0.0.1:0");
    world.init("a", &server);
    world.fed(&["put", "-", "piped", "--home", "a"], "from a pipe");
    let mut process = server.process;
    signal(&process.0, Signal::SIGTERM);
    assert_eq!(process.0.wait().unwrap().code(), Some(0));
}

#[test]
fn every_knob_has_its_row_in_the_guide_with_its_default() {
    fn leaves(path: &str, value: &Value, found: &mut Vec<(String, Value)>) {
        // What has one lower-case name inside is a choice with a value, not a table of knobs.
        let choice = ["crypto.pool", "blobs.server_backend"].contains(&path);
        match value {
            Value::Object(fields) if !choice => {
                for (name, value) in fields {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    leaves(&path, value, found);
                }
            }
            value => found.push((path.to_owned(), value.clone())),
        }
    }
    let guide = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ENGINE.md")).unwrap();
    let mut knobs = Vec::new();
    leaves("", &serde_json::to_value(benchline_engine::config::Config::default()).unwrap(), &mut knobs);
    for (knob, default) in &knobs {
        let default = match default {
            Value::Null => "none".to_owned(),
            Value::String(text) => format!("`{text}`"),
            Value::Object(choice) => {
                let (name, value) = choice.iter().next().unwrap();
                format!("`{{ {name} = {value} }}`")
            }
            other => format!("`{other}`"),
        };
        let row = format!("| `{knob}` | {default} | ");
        assert!(guide.contains(&row), "docs/ENGINE.md lacks the row: {row}");
    }
    let rows =
        guide.lines().skip_while(|line| !line.starts_with("| knob |")).skip(2).take_while(|line| line.starts_with('|'));
    assert_eq!(rows.count(), knobs.len(), "docs/ENGINE.md has rows of knobs that are not there");
}
