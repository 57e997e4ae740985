//! `benchline role load` as the runner starts it, at the other end of a pipe, against a server of plain threads.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::server::{Request, Server, say};

/// A load at the other end of a pipe.
struct Role {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Role {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_benchline"));
        let mut child = command.args(["role", "load"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut role = Self { child, input, output };
        let hello = role.read();
        assert_eq!((&hello["type"], &hello["contract"]), (&json!("hello"), &json!(1)));
        role
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.input, "{request}").unwrap();
        self.read()
    }

    fn prepare(&mut self, server: &Server, parameters: &Value, workload: &Value) -> Value {
        let access = json!({"address": format!("http://{}", server.address), "credential": workload.to_string()});
        let values: serde_json::Map<String, Value> = parameters
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| {
                let kind = if value.is_u64() { "count" } else { "text" };
                (name.clone(), json!({ kind: value }))
            })
            .collect();
        self.ask(&json!({"type": "prepare", "role": "load", "operation": "scale/clients", "parameters": values,
            "configuration": {}, "seed": 1, "folder": "/", "server": access}))
    }

    fn iterate(&mut self) -> Value {
        assert_eq!(self.ask(&json!({"type": "reset"}))["type"], "ready");
        self.ask(&json!({"type": "iterate", "count": 1}))
    }

    fn finish(mut self) {
        assert_eq!(self.ask(&json!({"type": "finish"}))["type"], "finished");
        assert!(self.child.wait().unwrap().success());
    }
}

/// Keeps what is put, as a server should; where `forgets` is set, it says so and does not.
fn keeping(forgets: Arc<AtomicBool>) -> Server {
    let kept: Mutex<std::collections::BTreeMap<String, Vec<u8>>> = Mutex::default();
    Server::start(move |Request { method, path, body, .. }, stream| {
        let mut kept = kept.lock().unwrap();
        let answer = match (method.as_str(), kept.contains_key(path)) {
            ("PUT", false) => {
                if !forgets.load(Ordering::SeqCst) {
                    kept.insert(path.clone(), body.clone());
                }
                (201, Vec::new())
            }
            ("GET", true) => (200, kept[path].clone()),
            ("DELETE", true) => (204, kept.remove(path).map(|_| Vec::new()).unwrap()),
            ("PUT", true) => (409, Vec::new()),
            _ => (404, Vec::new()),
        };
        drop(kept);
        say(stream, answer.0, &answer.1)
    })
}

fn workload() -> Value {
    let message = |method, status| json!({"method": method, "path": "/${who}/${k}", "status": status});
    let mut put = message("PUT", 201);
    put["body"] = json!({"text": "content"});
    let mut get = message("GET", 200);
    get["answer"] = json!({"text": "content"});
    json!({"parameters": ["size"], "clients": [{"who": "a"}, {"who": "b"}, {"who": "c"}],
        "timed": [put], "after": [get, message("DELETE", 204)]})
}

#[test]
fn a_load_drives_its_case_and_proves_every_answer() {
    let server = keeping(Arc::default());
    let mut role = Role::start();
    let prepared = role.prepare(&server, &json!({"each": 4, "size": 7}), &workload());
    assert_eq!(prepared, json!({"type": "prepared"}));
    for _ in 0..2 {
        let sample = role.iterate();
        assert_eq!((&sample["items"], &sample["bytes"]), (&json!(12), &json!(84)), "{sample}");
        assert_eq!(
            sample["counters"],
            json!({"requests": 12, "errors": 0, "dropped": 0, "wire_sent": 84, "wire_received": 0})
        );
        let latencies: u64 = sample["latency"].as_array().unwrap().iter().map(|pair| pair[1].as_u64().unwrap()).sum();
        assert_eq!(latencies, 12);
        // Of `12 PUT 201 -`, `12 GET 200 SHA256("content")` and `12 DELETE 204 -`, each with a line end, by sha256sum.
        let digest = "0a138aa46f0cb1a44159140d7730306fae419c195d99563903baaf1aa4032682";
        assert_eq!(role.ask(&json!({"type": "verify"})), json!({"type": "verified", "digest": digest}));
    }
    role.finish();
}

#[test]
fn an_open_loop_has_lateness_and_all_that_was_planned() {
    let server = keeping(Arc::default());
    let mut role = Role::start();
    role.prepare(&server, &json!({"rate": 100, "seconds": 1, "arrivals": "poisson", "size": 7}), &workload());
    let sample = role.iterate();
    assert_eq!(sample["items"], json!(100), "{sample}");
    let lateness: u64 = sample["lateness"].as_array().unwrap().iter().map(|pair| pair[1].as_u64().unwrap()).sum();
    assert_eq!(lateness, 100);
    assert_eq!(role.ask(&json!({"type": "verify"}))["type"], "verified");
    role.finish();
}

#[test]
fn a_server_that_lies_is_found_out() {
    let forgets = Arc::new(AtomicBool::new(false));
    let server = keeping(Arc::clone(&forgets));
    let mut role = Role::start();
    role.prepare(&server, &json!({"each": 2, "size": 7}), &workload());
    forgets.store(true, Ordering::SeqCst);
    assert_eq!(role.iterate()["items"], json!(6), "it says that it has kept them");
    let answer = role.ask(&json!({"type": "verify"}));
    assert_eq!((&answer["type"], &answer["kind"]), (&json!("failed"), &json!("error")));
    assert!(answer["message"].as_str().unwrap().contains("6 status"), "{answer}");
    role.finish();
}

#[test]
fn nothing_is_ignored() {
    let server = keeping(Arc::default());
    let mut role = Role::start();
    let refused = |answer: &Value, kind: &str, word: &str| {
        assert_eq!((&answer["type"], &answer["kind"]), (&json!("failed"), &json!(kind)), "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(word), "{answer}");
    };
    refused(&role.prepare(&server, &json!({"each": 2, "colour": "red"}), &workload()), "unsupported", "colour");
    refused(&role.prepare(&server, &json!({"rate": 2}), &workload()), "error", "seconds");
    refused(&role.prepare(&server, &json!({"each": 2}), &json!({"clients": []})), "error", "timed");
    refused(&role.ask(&json!({"type": "iterate", "count": 1})), "error", "prepared");
    refused(&role.ask(&json!({"type": "dance"})), "error", "dance");
    role.finish();
}
