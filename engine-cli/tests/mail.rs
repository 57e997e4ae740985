//! Messages on their way from a mail service to a user's devices.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::{Served, World, noise, signal};

/// Hands a message over, as any program that speaks HTTP may, and gives the status.
#[track_caller]
fn hand_over(server: &Served, token: &str, id: &str, content: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(server.incoming.as_deref().unwrap().trim_start_matches("http://")).unwrap();
    let length = content.len();
    write!(
        stream,
        "PUT /v1/incoming/ana/{id} HTTP/1.1\r\nHost: mail\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    stream.write_all(content).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn what_a_mail_service_hands_over_is_read_on_every_device_as_it_was() {
    let world = World::new();
    let server = world.serve_with(&["--listen", "127.0.0.1:0", "--incoming", "127.0.0.1:0"]);
    world.init("a", &server);
    let token = String::from_utf8(world.run(&["service", "add", "postfix"], 0).stdout).unwrap();
    let put = |id: &str, content: &[u8]| hand_over(&server, token.trim(), id, content);
    let short = "From: Ben <ben@example.org>\r\nSubject: Tea\r\n\r\nAt five.\r\n";
    let long = noise(200_000);

    assert_eq!(put("m-1", short.as_bytes()), 409, "there is no key yet");
    assert!(world.says(&["mail", "fetch", "--home", "a"], 1).contains("mail setup"));
    let setup = world.run(&["mail", "setup", "--owner", "Ana <ana@example.org>", "--home", "a"], 0);
    let grouped = String::from_utf8(setup.stdout).unwrap();
    assert!(grouped.trim().split(' ').all(|group| group.len() == 4), "{grouped}");
    assert_eq!((put("m-1", short.as_bytes()), put("m-2", &long)), (201, 201));

    let fetched = world.json(&["mail", "fetch", "--json", "--home", "a"], 0);
    assert_eq!((fetched["messages"].as_array().unwrap().len(), &fetched["troubles"]), (2, &json!([])));
    assert_eq!(world.json(&["mail", "fetch", "--json", "--home", "a"], 0)["messages"], json!([]), "each comes once");
    let listed = String::from_utf8(world.run(&["mail", "ls", "--home", "a"], 0).stdout).unwrap();
    assert!(listed.contains("Ben <ben@example.org>") && listed.contains("Tea") && listed.contains("m-2"), "{listed}");
    assert_eq!(world.run(&["mail", "read", "m-1", "--home", "a"], 0).stdout, short.as_bytes());
    assert!(world.run(&["mail", "read", "m-2", "--home", "a"], 0).stdout == long);
    assert!(world.says(&["mail", "read", "m-3", "--home", "a"], 1).contains("mail fetch"));

    // A device that has only headers fetches what is read, and has the same key.
    world.init("b", &server);
    world.run(&["sync", "--metadata", "--home", "b"], 0);
    assert!(world.run(&["mail", "read", "m-2", "--home", "b"], 0).stdout == long);
    let again = world.json(&["mail", "setup", "--json", "--home", "b"], 0);
    assert_eq!(again["fingerprint"], grouped.trim().replace(' ', "").to_lowercase());

    let mut watching = world.start(&["mail", "fetch", "--watch", "--every", "200ms", "--json", "--home", "b"]);
    assert_eq!(put("m-4", b"Subject: again\n\n"), 201);
    let mut lines = BufReader::new(watching.0.stdout.take().unwrap()).lines();
    let seen: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!((&seen["message"], &seen["subject"]), (&"m-4".into(), &"again".into()));
    signal(&watching.0, Signal::SIGINT);
    assert_eq!(watching.0.wait().unwrap().code(), Some(0));
}
