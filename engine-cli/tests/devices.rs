//! Blobs and documents of two devices of one user.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::{
    process::eventually,
    support::{World, checked, noise, signal},
};

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
    assert!(world.says(&["put", "other", "film.bin", "--home", "a"], 1).contains("blobs cannot be changed"));
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
    assert!(said.contains("expired") && said.contains("benchline-engine login"), "{said}");
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
    assert!(said.contains("on this device, but not sent") && said.contains("benchline-engine sync"), "{said}");
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
    let blobs_are_open = || {
        let lock = fs::File::open(world.path("a/blobs/blobs.lock")).ok()?;
        lock.try_lock().is_err().then_some(())
    };
    let mut syncing = world.start(&["sync", "--limit", "200kB/s", "--home", "a"]);
    eventually("the blobs are open", blobs_are_open);
    signal(&syncing.0, Signal::SIGKILL);
    syncing.0.wait().unwrap();
    let mut syncing = world.start(&["sync", "--limit", "200kB/s", "--home", "a"]);
    eventually("the blobs are open", blobs_are_open);
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
        world.says(&["doc", "put", "note", "four", "--replaces", &stale, "--home", "a"], 1).contains("has changed")
    );
    world.run(&["doc", "rm", "note", "--home", "a"], 0);
    assert!(world.says(&["doc", "get", "note", "--home", "a"], 1).contains("no document note"));
    assert_eq!(world.json(&["doc", "ls", "--json", "--home", "a"], 0)["documents"], serde_json::json!([]));
}
