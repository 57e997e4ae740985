//! The server role under load: what it says is to be sent is sent here by hand, with a socket, and answered as it says.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use benchline_contract::workload::{Content, Message, Workload};
use benchline_contract::{Access, FailureKind, Prepare, Reply, Request, Role, Value};

use crate::pipe::{Subject, case, word};

fn scale(operation: &str, action: &str, more: &[(&str, Value)], folder: &Path) -> Prepare {
    let own = [("clients", Value::Count(2)), ("size", Value::Count(1000)), ("action", word(action))];
    case(Role::Server, operation, &[&own[..], more].concat(), folder)
}

/// Does one message of the second client, and says what was not as the workload says it is.
fn send(access: &Access, workload: &Workload, message: &Message, turn: u64) -> Result<(), String> {
    let fill = |text: &str| {
        let own = workload.clients[1].iter();
        let text = own.fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value));
        text.replace("${k}", &turn.to_string()).replace("${k%4}", &(turn % 4).to_string())
    };
    let content = |content: &Option<Content>| match content {
        None => Vec::new(),
        Some(Content::Text(text)) => text.clone().into_bytes(),
        Some(Content::File(file)) => std::fs::read(file).unwrap(),
    };
    let body = content(&message.body);
    let mut head = format!("{} {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", message.method, fill(&message.path));
    for (name, value) in &message.headers {
        head += &format!("{name}: {}\r\n", fill(value));
    }
    if message.body.is_some() {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    let mut stream = TcpStream::connect(access.address.strip_prefix("http://").unwrap()).unwrap();
    stream.write_all(&[head.as_bytes(), b"\r\n", &body].concat()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let text = String::from_utf8_lossy(&answer);
    let right = text.starts_with(&format!("HTTP/1.1 {} ", message.status))
        && (message.answer.is_none() || answer.ends_with(&content(&message.answer)));
    if right { Ok(()) } else { Err(format!("{head}{text}")) }
}

#[test]
fn every_action_gets_the_answer_that_the_workload_names() {
    for action in ["up", "down", "list", "flag", "delete"] {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Subject::start();
        let access = server.prepare(scale("scale/clients", action, &[], folder.path())).unwrap();
        let workload: Workload = serde_json::from_str(&access.credential).unwrap();
        assert_eq!(
            (workload.clients.len(), workload.parameters.as_slice()),
            (2, &["clients", "size", "action"].map(str::to_owned)[..])
        );
        let send = |message: &Message, turn| send(&access, &workload, message, turn).unwrap();
        (0..workload.stock_count).for_each(|turn| send(workload.stock.as_ref().unwrap(), turn));
        assert_eq!(server.reset(None), None);
        for turn in 0..2 {
            workload
                .before
                .iter()
                .chain(&workload.timed)
                .chain(&workload.after)
                .for_each(|message| send(message, turn));
        }
        assert!(matches!(server.ask(&Request::Observe), Reply::Observed(_)));
        server.finish();
    }
}

#[test]
fn several_processes_share_the_port_and_the_accounts() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Subject::start();
    let more = [("processes", Value::Count(2)), ("runtimes", Value::Count(2))];
    let access = server.prepare(scale("scale/processes", "up", &more, folder.path())).unwrap();
    let workload: Workload = serde_json::from_str(&access.credential).unwrap();
    for turn in 0..8 {
        for message in workload.timed.iter().chain(&workload.after) {
            send(&access, &workload, message, turn).unwrap();
        }
    }
    // The kernel lists them by the thread that started them.
    let threads = std::fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    let children: usize = threads
        .map(|thread| std::fs::read_to_string(thread.unwrap().path().join("children")).unwrap_or_default())
        .map(|children| children.split_whitespace().count())
        .sum();
    assert_eq!(children, 2);
    server.finish();
}

#[test]
fn bad_parameters_of_a_load_are_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Subject::start();
    for (prepare, kind, named) in [
        (scale("scale/clients", "dance", &[], folder.path()), FailureKind::Unsupported, "dance"),
        (scale("scale/processes", "up", &[], folder.path()), FailureKind::Error, "processes"),
        (
            scale("scale/processes", "up", &[("processes", Value::Count(0))], folder.path()),
            FailureKind::Error,
            "1 to 64",
        ),
        (
            Prepare { role: Role::Load, ..scale("scale/clients", "up", &[], folder.path()) },
            FailureKind::Unsupported,
            "server",
        ),
    ] {
        match server.ask(&Request::Prepare(prepare)) {
            Reply::Failed(failed) => assert!(failed.kind == kind && failed.message.contains(named), "{failed:?}"),
            other => panic!("should have failed: {other:?}"),
        }
    }
    server.finish();
}
