//! A server in several processes, copies of its data, and what it keeps of devices and deletions.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::json;

use crate::support::{World, noise, signal};

#[test]
fn a_server_is_copied_while_it_runs_and_restored_elsewhere_unless_the_copy_is_damaged() {
    let world = World::new();
    let server = world.serve("127.0.0.1:0");
    world.init("a", &server);
    let content = noise(300_000);
    fs::write(world.path("film.bin"), &content).unwrap();
    world.run(&["put", "film.bin", "--home", "a"], 0);

    let first = world.json(&["backup", "copy", "--json"], 0);
    assert_eq!((&first["databases"], &first["blobs"], &first["lost"]), (&json!(1), &json!(1), &json!([])));
    assert!(first["bytes_copied"].as_u64().unwrap() >= content.len() as u64);
    assert_eq!(world.json(&["backup", "copy", "--json"], 0)["bytes_copied"], 0, "nothing is copied twice");
    for whole in [&["verify", "--json"][..], &["verify", "copy", "--json"]] {
        let verified = world.json(whole, 0);
        assert_eq!((&verified["blobs"], &verified["damage"]), (&json!(1), &json!([])));
    }
    drop(server);

    assert!(world.says(&["restore", "copy"], 1).contains("not empty"));
    assert!(world.says(&["restore", "nothing", "--data", "elsewhere"], 1).contains("holds a backup"));
    assert!(world.says(&["backup", "a"], 1).contains("holds no backup"));
    assert!(world.says(&["backup", "copy", "--data", "elsewhere"], 1).contains("accounts.db"));
    assert!(!world.path("elsewhere").exists());
    assert_eq!(world.json(&["restore", "copy", "--data", "restored", "--json"], 0)["blobs"], 1);
    fs::rename(world.path("server"), world.path("lost")).unwrap();
    fs::rename(world.path("restored"), world.path("server")).unwrap();
    let server = world.serve("127.0.0.1:0");
    world.init("b", &server);
    world.run(&["get", "film.bin", "got.bin", "--home", "b"], 0);
    assert!(fs::read(world.path("got.bin")).unwrap() == content);

    // One byte of the copy is another.
    let find = std::process::Command::new("find").arg(world.path("copy/blobs")).args(["-type", "f"]).output().unwrap();
    let file = String::from_utf8(find.stdout).unwrap().trim().to_owned();
    let mut sealed = fs::read(&file).unwrap();
    sealed[1000] ^= 1;
    fs::write(&file, sealed).unwrap();
    let said = world.says(&["verify", "copy"], 1);
    assert!(said.contains("is damaged") && said.contains("another backup"), "{said}");
    let said = world.says(&["restore", "copy", "--data", "elsewhere"], 1);
    assert!(said.contains("nothing was restored") && said.contains("benchline-engine verify"), "{said}");
    assert!(!world.path("elsewhere").exists());
}

#[test]
fn what_was_deleted_is_purged_when_every_device_that_counts_has_seen_it() {
    let world = World::new();
    let server = world.serve("127.0.0.1:0");
    world.init("a", &server);
    world.init("b", &server);
    for note in ["kept", "gone"] {
        world.fed(&["doc", "put", note, "--home", "a"], r#"{"n":1}"#);
    }
    world.run(&["sync", "--home", "a"], 0);

    // A device that asks for no contents has the names, and fetches what it reads or edits.
    world.run(&["sync", "--metadata", "--home", "b"], 0);
    let listed = world.json(&["doc", "ls", "--json", "--home", "b"], 0);
    let fetched = |listed: &serde_json::Value| -> Vec<bool> {
        listed["documents"].as_array().unwrap().iter().map(|entry| entry["fetched"].as_bool().unwrap()).collect()
    };
    assert_eq!(fetched(&listed), [false, false]);
    assert_eq!(world.json(&["doc", "get", "kept", "--json", "--home", "b"], 0)["json"]["n"], 1);
    assert_eq!(fetched(&world.json(&["doc", "ls", "--json", "--home", "b"], 0)), [false, true]);

    world.run(&["doc", "rm", "gone", "--home", "a"], 0);
    let waiting = world.json(&["purge", "--json", "--home", "a"], 0);
    assert_eq!((&waiting["purged"], &waiting["waiting"]), (&json!(0), &json!(1)), "the other device has not seen it");
    let known = world.json(&["replicas", "ls", "--json", "--home", "a"], 0);
    let known = known["replicas"].as_array().unwrap();
    let named = |this: bool| known.iter().find(|known| known["this"] == this).unwrap()["replica"].as_str().unwrap();
    assert_eq!(known.len(), 2);
    assert!(world.says(&["replicas", "forget", named(true), "--home", "a"], 1).contains("this device"));
    world.run(&["replicas", "forget", named(false), "--home", "a"], 0);
    assert_eq!(world.json(&["purge", "--json", "--home", "a"], 0)["purged"], 1);
    let said = world.says(&["sync", "--home", "b"], 1);
    assert!(said.contains("forgotten") && said.contains("benchline-engine init"), "{said}");
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
