//! Dependencies that nobody uses: each one in a manifest of the workspace is named by a source file of its package.

use super::tree::SourceFile;

/// Dependencies that no source file names: the manifest, the crates, and the reason.
const UNNAMED: [(&str, &[&str], &str); 1] = [(
    "subject/Cargo.toml",
    &["log", "num-traits", "rustix", "tracing-core"],
    "pins: with the features that the platform asks for, so that what both use is compiled once",
)];

/// The tables of a manifest that hold dependencies, and whether tests alone may name what they hold.
const TABLES: [(&str, bool); 3] = [("dependencies", false), ("build-dependencies", false), ("dev-dependencies", true)];

/// Every dependency that no file of its package names, and every shared one that no package takes.
pub(super) fn violations(files: &[SourceFile]) -> Vec<String> {
    let manifests: Vec<(&SourceFile, toml::Table)> = files
        .iter()
        .filter(|file| file.path == "Cargo.toml" || file.path.ends_with("/Cargo.toml"))
        .filter_map(|file| Some((file, file.text.parse().ok()?)))
        .collect();
    let is_member = |manifest: &SourceFile, table: &toml::Table| {
        table.contains_key("package") && (manifest.path == "Cargo.toml" || !table.contains_key("workspace"))
    };
    let mut found = Vec::new();
    for (manifest, table) in manifests.iter().filter(|(manifest, table)| is_member(manifest, table)) {
        let folder = manifest.path.trim_end_matches("Cargo.toml");
        let sources: Vec<&SourceFile> = files.iter().filter(|file| is_source(file, folder)).collect();
        for (name, in_tests) in dependencies(table) {
            let names = |file: &&SourceFile| (in_tests || !file.is_test()) && uses(&file.text, &name.replace('-', "_"));
            let unnamed = UNNAMED.iter().any(|(path, crates, _)| *path == manifest.path && crates.contains(&&*name));
            if !unnamed && !sources.iter().any(names) {
                let where_ = if in_tests { "file" } else { "file outside tests" };
                found.push(format!("{}: no {where_} of the package uses `{name}`", manifest.path));
            }
        }
    }
    found.extend(untaken(&manifests));
    found
}

/// The names of a package's dependencies, and whether tests alone may use them.
fn dependencies(manifest: &toml::Table) -> Vec<(String, bool)> {
    let targets = manifest.get("target").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::values);
    let owners = std::iter::once(manifest).chain(targets.filter_map(toml::Value::as_table));
    let of = |owner: &toml::Table, (table, in_tests): (&str, bool)| -> Vec<(String, bool)> {
        let names = owner.get(table).and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::keys);
        names.map(|name| (name.clone(), in_tests)).collect()
    };
    owners.flat_map(|owner| TABLES.into_iter().flat_map(move |table| of(owner, table))).collect()
}

/// Dependencies of the workspace that no package takes.
fn untaken(manifests: &[(&SourceFile, toml::Table)]) -> Vec<String> {
    let shared = manifests
        .iter()
        .filter_map(|(file, table)| Some((file, table.get("workspace")?.get("dependencies")?.as_table()?)));
    let taken = |name: &String| manifests.iter().any(|(_, table)| dependencies(table).iter().any(|(n, _)| n == name));
    shared
        .flat_map(|(file, names)| names.keys().filter(|name| !taken(name)).map(move |name| (file, name)))
        .map(|(file, name)| format!("{}: no package takes the shared dependency `{name}`", file.path))
        .collect()
}

/// Whether a file is a source of the package in `folder`, which ends with `/` or is empty.
fn is_source(file: &SourceFile, folder: &str) -> bool {
    let inside = |path: &str| {
        let first = path.split('/').next().unwrap_or_default();
        ["src", "tests", "benches", "examples", "build.rs"].contains(&first)
    };
    file.is_rust() && file.path.strip_prefix(folder).is_some_and(inside)
}

/// Whether code names a crate: `name::`, `use name`, or `extern crate name`.
fn uses(text: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let named = |line: &str| {
        line.match_indices(name).any(|(at, _)| {
            let (before, after) = (&line[..at], &line[at + name.len()..]);
            let whole = !before.ends_with(is_word) && !before.ends_with("::") && !after.starts_with(is_word);
            whole && (after.starts_with("::") || before.ends_with("use ") || before.ends_with("crate "))
        })
    };
    text.lines().filter(|line| !line.trim_start().starts_with("//")).any(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(manifest: &str, path: &str, text: &str) -> Vec<String> {
        let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
        violations(&[file("engine/Cargo.toml", manifest), file(path, text)])
    }

    #[test]
    fn a_dependency_that_nobody_uses_is_reported() {
        let manifest = "[package]\nname = \"a\"\n[dependencies]\nsome-crate = \"1\"";
        let unused = ["engine/Cargo.toml: no file outside tests of the package uses `some-crate`"];
        for text in ["use some_crate::A;", "fn f() { some_crate::g(); }", "extern crate some_crate;"] {
            assert_eq!(found(manifest, "engine/src/lib.rs", text), [""; 0], "{text}");
            assert_eq!(found(manifest, "engine/tests/a.rs", text), unused, "{text}");
            assert_eq!(found(manifest, "subject/src/lib.rs", text), unused, "{text}");
        }
        for text in ["// some_crate::A", "use other::some_crate::A;", "use awesome_crate::A;"] {
            assert_eq!(found(manifest, "engine/src/lib.rs", text), unused, "{text}");
        }
        let dev = manifest.replace("[dep", "[dev-dep");
        assert_eq!(found(&dev, "engine/tests/a.rs", "use some_crate::A;"), [""; 0]);
        assert_eq!(
            found(&dev, "engine/tests/a.rs", ""),
            ["engine/Cargo.toml: no file of the package uses `some-crate`"]
        );
    }

    #[test]
    fn a_shared_dependency_that_nobody_takes_is_reported() {
        let manifest = "[workspace.dependencies]\nsome-crate = \"1\"";
        let expected = "engine/Cargo.toml: no package takes the shared dependency `some-crate`";
        assert_eq!(found(manifest, "engine/src/lib.rs", "use some_crate::A;"), [expected]);
    }
}
