//! The sync engine by hand: copies of a server's data.

use std::fs;

use serde_json::json;

use crate::support::engine::{World, noise};

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
    assert!(said.contains("nothing was restored") && said.contains("engine verify"), "{said}");
    assert!(!world.path("elsewhere").exists());
}
