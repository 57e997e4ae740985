//! What commands say about themselves, and how they reject bad input.

use std::fs;

use crate::support::World;

#[test]
fn commands_say_how_they_are_used_and_never_make_what_was_not_asked_for() {
    let world = World::new();
    for command in [
        "serve",
        "user",
        "token",
        "service",
        "backup",
        "restore",
        "verify",
        "init",
        "login",
        "passphrase",
        "status",
        "put",
        "get",
        "ls",
        "rm",
        "doc",
        "mail",
        "sync",
        "replicas",
        "purge",
        "watch",
    ] {
        let help = String::from_utf8(world.run(&[command, "--help"], 0).stdout).unwrap();
        assert!(help.contains("Examples:") && help.contains(&format!("benchline-engine {command}")), "{help}");
        assert!(!help.contains("--database") && !help.contains("--scenarios"), "{help}");
    }
    for command in [&["ls"][..], &["sync"], &["doc", "ls"], &["status"]] {
        assert!(world.says(&[command, &["--home", "nowhere"]].concat(), 1).contains("benchline-engine init"));
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
