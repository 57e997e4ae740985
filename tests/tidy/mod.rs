//! Rules of the house, proved from the sources themselves: which room may import which, that every file says what it
//! is for, and that nothing is left lying about. A rule that is not proved here does not exist.
//!
//! `layers` holds the tables, `rights` finds entries of theirs that nobody needs, `circles` files that import each other,
//! `dependencies` crates that nobody uses, `linked` what cargo links, `glossary` names with words that are not defined,
//! `styles` files in the wrong place. `reader` finds what a file imports and leaves behind, `tree` collects the files.

mod circles;
mod dependencies;
mod glossary;
mod layers;
mod linked;
mod reader;
mod rights;
mod styles;
mod tree;

use std::collections::BTreeSet;

use reader::Contents;
use tree::SourceFile;

/// The longest file, in lines.
const LINE_LIMIT: usize = 500;

#[test]
fn the_tree_keeps_the_rules() {
    let files = tree::read().unwrap();
    assert!(files.iter().any(|file| file.path == "src/lib.rs"), "the tree was not found");
    let mut violations = violations(&files);
    violations.extend(rights::violations(&read_all(&files, &mut Vec::new())));
    violations.extend(dependencies::violations(&files));
    violations.extend(glossary::violations(&files));
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
}

/// Every breach of a rule that files break by themselves or together, as `path:line: what is wrong`.
fn violations(files: &[SourceFile]) -> Vec<String> {
    let mut found: Vec<String> = files.iter().flat_map(text_violations).collect();
    let contents = read_all(files, &mut found);
    let test_modules: BTreeSet<String> = contents.iter().flat_map(|(_, read)| read.test_modules.clone()).collect();
    for (file, read) in &contents {
        found.extend(import_violations(file, read));
        found.extend(leftover_violations(file, read, &test_modules));
    }
    found.extend(styles::violations(files));
    found.extend(circles::violations(&contents, &test_modules));
    found
}

/// What each Rust file holds. Files that cannot be read are reported.
fn read_all<'f>(files: &'f [SourceFile], found: &mut Vec<String>) -> Vec<(&'f SourceFile, Contents)> {
    let mut contents = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        match reader::read(file) {
            Ok(read) => contents.push((file, read)),
            Err(error) => found.push(format!("{}: is not Rust: {error}", file.path)),
        }
    }
    contents
}

/// Rules on the text of any file.
fn text_violations(file: &SourceFile) -> Vec<String> {
    // Put together here, so that this file does not hold them.
    let forbidden = [["../", "shared"].concat(), ["/wo", "rk/"].concat(), ["/ro", "ot/"].concat()];
    let mut found = Vec::new();
    for (number, line) in (1..).zip(file.text.lines()) {
        for word in forbidden.iter().filter(|word| line.contains(word.as_str())) {
            found.push(format!("{}:{number}: `{word}` is a path of one machine", file.path));
        }
    }
    if file.is_rust() {
        if !file.text.starts_with("//!") {
            found.push(format!("{}:1: does not open with a `//!` line that says what it is for", file.path));
        }
        let lines = file.text.lines().count();
        if lines > LINE_LIMIT {
            found.push(format!("{}: has {lines} lines, more than {LINE_LIMIT}: split it", file.path));
        }
    }
    found
}

fn import_violations(file: &SourceFile, read: &Contents) -> Vec<String> {
    let Some((package, room)) = file.room() else { return Vec::new() };
    let complaint = |import: &reader::Import| {
        let reason = layers::refusal(package, room, &import.path)?;
        Some(format!("{}:{}: `{}`: {reason}", file.path, import.line, import.path.join("::")))
    };
    read.imports.iter().filter_map(complaint).collect()
}

fn leftover_violations(file: &SourceFile, read: &Contents, test_modules: &BTreeSet<String>) -> Vec<String> {
    let all_tests = file.is_test() || test_modules.iter().any(|module| file.belongs_to(module));
    let complaint = |leftover: &reader::Leftover| {
        let in_test = leftover.in_test || all_tests;
        let refused = match leftover.what.as_str() {
            "dbg!" | "todo!" | "unimplemented!" => true,
            "println!" | "print!" => !in_test && !file.may_print(),
            _ => !in_test,
        };
        refused.then(|| format!("{}:{}: `{}` is left over", file.path, leftover.line, leftover.what))
    };
    read.leftovers.iter().filter_map(complaint).collect()
}

fn planted_file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: format!("//! Planted.\n{text}") }
}

/// The rules applied to planted files.
fn planted(files: &[(&str, &str)]) -> Vec<String> {
    violations(&files.iter().map(|(path, text)| planted_file(path, text)).collect::<Vec<_>>())
}

#[track_caller]
fn assert_tree_reported(files: &[(&str, &str)], expected: &str) {
    let found = planted(files);
    assert!(found.len() == 1 && found[0].contains(expected), "{files:?} give {found:#?}, not `{expected}`");
}

#[track_caller]
fn assert_clean_tree(files: &[(&str, &str)]) {
    assert_eq!(planted(files), Vec::<String>::new(), "{files:?}");
}

#[track_caller]
fn assert_reported(path: &str, text: &str, expected: &str) {
    assert_tree_reported(&[(path, text)], expected);
}

#[track_caller]
fn assert_clean(path: &str, text: &str) {
    assert_clean_tree(&[(path, text)]);
}

#[test]
fn an_upward_import_is_reported_however_it_is_written() {
    for text in [
        "use crate::judge::grade;",
        "use crate::{model::Case, judge};",
        "use super::super::judge::grade;",
        "use {crate::judge::grade as g};",
        "pub use crate::judge::*;",
        "fn f() { crate::judge::grade(); }",
        "fn f(x: &crate::judge::Grade) {}",
        "fn f() { println_like!(\"{}\", crate::judge::grade()); }",
        "fn f() { m!({ use crate::{judge::grade}; }); }",
        "macro_rules! m { () => { $crate::judge::grade() }; }",
        "#[serde(with = \"crate::judge::text\")] struct S;",
        "mod tests { use super::super::super::judge::grade; }",
        "fn f() { benchline::judge::grade(); }",
    ] {
        assert_reported("src/history/query.rs", text, "`history` may not import `judge`");
    }
    assert_reported("src/stats/mod.rs", "use crate::model::Case;", "`stats` may not import `model`");
    assert_reported("src/site.rs", "use crate::runner::Runner;", "`site` may not import `runner`");
    assert_reported("src/main.rs", "use benchline::history::open;", "`main` may not import `history`");
}

#[test]
fn a_sideways_import_is_reported() {
    assert_reported("src/probe/cpu.rs", "use crate::history::Db;", "`probe` may not import `history`");
    assert_reported("src/units/mod.rs", "use crate::stats::median;", "`units` may not import `stats`");
    assert_reported("engine/src/client/mod.rs", "use crate::server::app;", "`client` may not import `server`");
}

#[test]
fn the_engine_s_rooms_and_the_packages_keep_their_walls() {
    assert_reported("engine/src/crypto/keys.rs", "use crate::store::Replica;", "`crypto` may not import `store`");
    assert_clean("engine/src/server/mod.rs", "use crate::{protocol::Frame, store::Replica};");
    let none = "imports no other one of the workspace";
    assert_reported("engine/src/lib.rs", "use benchline_contract::Role;", none);
    assert_reported("contract/src/lib.rs", "use benchline_engine::config::Config;", none);
    assert_reported("contract/src/lines.rs", "use benchline::units::Unit;", none);
    assert_reported(
        "subject/src/serve.rs",
        "use benchline::model::Case;",
        "benchline_contract and benchline_engine alone",
    );
    assert_clean("subject/src/serve.rs", "use benchline_engine::crypto::Keys; use benchline_contract::Role;");
    assert_reported("engine-cli/src/output.rs", "use benchline::units::Unit;", "benchline_engine alone");
    assert_reported("engine-cli/src/output.rs", "use benchline_contract::Role;", "benchline_engine alone");
    assert_clean("engine-cli/src/device.rs", "use benchline_engine::crypto::Keys;");
    assert_reported("engine-cli/src/device.rs", "use crate::commands::Cli;", "`device` may not import `commands`");
    assert_reported("subject/src/clock.rs", "use crate::meter::Meter;", "`clock` may not import `meter`");
    for path in ["src/runner/pipe.rs", "src/cli/mod.rs"] {
        assert_reported(path, "use benchline_subject::serve::run;", "benchline_contract alone");
        assert_reported(path, "use benchline_subject as s;", "benchline_contract alone");
        assert_reported(path, "use benchline_engine::crypto::Keys;", "benchline_contract alone");
        assert_clean(path, "use benchline_contract::{Request, Reply};");
    }
}

#[test]
fn imports_that_hide_their_room_are_reported() {
    assert_reported("src/runner/mod.rs", "use crate::*;", "names no room");
    assert_reported("src/runner/mod.rs", "use crate as c;", "names no room");
    assert_reported("src/runner/mod.rs", "use crate::attic::Box;", "not a room of the table");
    assert_reported("src/attic/mod.rs", "use crate::units::Unit;", "not a room of the table");
}

#[test]
fn allowed_imports_are_not_reported() {
    assert_clean("src/judge/mod.rs", "use crate::{model::{self, Case}, stats::*, units::Unit};\nuse super::judge::x;");
    assert_clean("src/judge/check.rs", "pub(crate) fn f() {}\npub(in crate::judge) fn g() {}\nuse std::fmt;");
    assert_clean("src/history/mod.rs", "/// See [`crate::judge::grade`].\nfn f() -> &'static str { \"crate::judge\" }");
    assert_clean("tests/site.rs", "use benchline::runner::Runner;");
}

#[test]
fn leftovers_are_reported() {
    let unwrap = "fn f() { Some(1).unwrap(); }";
    assert_reported("src/units/mod.rs", unwrap, "`.unwrap()` is left over");
    assert_reported("engine/src/store/mod.rs", "fn f() { m!(Some(1).unwrap()); }", "`.unwrap()` is left over");
    assert_reported("src/units/mod.rs", "#[cfg(not(test))] mod m { fn f() { Some(1).unwrap(); } }", "`.unwrap()`");
    for inside in [
        format!("#[cfg(test)] mod tests {{ {unwrap} }}"),
        format!("#[test] {unwrap}"),
        format!("#[cfg(test)] {unwrap}"),
    ] {
        assert_clean("src/units/mod.rs", &inside);
    }
    assert_clean("subject/tests/pipe.rs", unwrap);
    assert_clean("src/units/mod.rs", "/// Some(1).unwrap()\nfn f() { Some(1).unwrap_or(2); }");

    assert_reported("src/units/mod.rs", "#[cfg(test)] mod tests { fn f() { dbg!(1); } }", "`dbg!` is left over");
    assert_reported("tests/site.rs", "fn f() { todo!() }", "`todo!` is left over");
    assert_reported("src/units/mod.rs", "fn f() { std::unimplemented!() }", "`unimplemented!` is left over");
    assert_reported("src/units/mod.rs", "fn f() { m!(println!(\"x\")); }", "`println!` is left over");
    assert_clean("src/cli/list.rs", "fn f() { println!(\"x\"); }");
    assert_clean("src/main.rs", "fn main() { println!(\"x\"); }");
}

#[test]
fn a_module_file_declared_for_tests_is_a_test() {
    let file = |path: &str, text: &str| SourceFile { path: path.into(), text: format!("//! Planted.\n{text}") };
    let unwrap = "fn f() { Some(1).unwrap(); }";
    let declared = file("src/stats/mod.rs", "#[cfg(test)] mod noise;\nmod rank;");
    let found = violations(&[declared, file("src/stats/noise.rs", unwrap), file("src/stats/rank.rs", unwrap)]);
    assert_eq!(found, ["src/stats/rank.rs:2: `.unwrap()` is left over"]);
}

#[test]
fn rules_of_text_are_reported() {
    let silent = violations(&[SourceFile { path: "src/lib.rs".into(), text: "pub mod units;\n".into() }]);
    assert!(silent.len() == 1 && silent[0].contains("does not open with"), "{silent:?}");
    assert_reported("src/units/mod.rs", &"//\n".repeat(LINE_LIMIT), "split it");
    let path = ["//! See /wo", "rk/notes"].concat();
    assert_reported("src/units/mod.rs", &path, "is a path of one machine");
    let guide = SourceFile { path: "docs/GUIDE.md".into(), text: ["Read ..", "/shared."].concat() };
    assert_eq!(violations(&[guide]).len(), 1);
    assert_reported("src/units/mod.rs", "fn (", "is not Rust");
}
