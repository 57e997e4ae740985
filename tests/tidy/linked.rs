//! What the platform links, as cargo tells it: of the workspace the contract alone, and no cryptography of the engine's.

use std::process::Command;

/// Packages that reach the platform through the engine or the subject only.
const ABSENT: [&str; 7] =
    ["benchline-engine", "benchline-subject", "pgp", "argon2", "object_store", "openssl-src", "openssl-sys"];

#[test]
fn the_platform_links_nothing_of_engine_and_subject() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = "tree --locked --offline --package benchline --edges normal --prefix none --format {p}";
    let output =
        Command::new(cargo).current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let linked: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(linked.contains(&"benchline-contract") && linked.contains(&"libsqlite3-sys"), "{tree}");
    let found: Vec<&&str> = ABSENT.iter().filter(|name| linked.contains(*name)).collect();
    assert!(found.is_empty(), "the platform links {found:?}; `cargo tree -p benchline -e normal -i NAME` shows why");
}
