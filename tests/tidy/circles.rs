//! Circles among files: files that import each other, directly or through others, cannot be understood one at a time.
//!
//! An import leads to the file that defines what it names, wherever that is re-exported. A re-export is an import too: a
//! `mod.rs` that re-exports items of its children must define nothing that its children need.

use std::collections::{BTreeMap, BTreeSet};

use super::{reader::Contents, tree::SourceFile};

/// The longest chain of re-exports that is followed.
const CHAIN_LIMIT: usize = 16;

/// The files of one crate by the path of their module.
type Modules<'f> = BTreeMap<Vec<String>, (&'f SourceFile, &'f Contents)>;

/// Files, each with the files that it imports from and one path that it takes from there.
type Graph<'f> = BTreeMap<&'f str, BTreeMap<&'f str, String>>;

/// Every circle, reported once, with the imports that close it. Tests are left out.
pub(super) fn violations(files: &[(&SourceFile, Contents)], test_modules: &BTreeSet<String>) -> Vec<String> {
    let mut crates: BTreeMap<&str, Modules> = BTreeMap::new();
    for (file, contents) in files {
        let for_tests = file.is_test() || test_modules.iter().any(|module| file.belongs_to(module));
        if let Some(folder) = file.crate_folder().filter(|_| !for_tests) {
            crates.entry(folder).or_default().insert(file.module(), (file, contents));
        }
    }
    crates.values().flat_map(|modules| circles(&graph(modules))).collect()
}

fn graph<'f>(modules: &Modules<'f>) -> Graph<'f> {
    let imported = |module: &[String], file: &SourceFile, contents: &Contents| {
        let mut found = BTreeMap::new();
        for import in contents.imports.iter().filter(|import| !import.in_test && import.path[0] == "crate") {
            let path = &import.path[1..];
            // Naming a child takes nothing from it.
            let names_child = path.len() == module.len() + 1 && path.starts_with(module);
            match definer(path, modules, CHAIN_LIMIT) {
                Some(definer) if definer.path != file.path && !names_child => {
                    found.entry(definer.path.as_str()).or_insert_with(|| path.join("::"));
                }
                _ => {}
            }
        }
        found
    };
    modules.iter().map(|(module, (file, contents))| (file.path.as_str(), imported(module, file, contents))).collect()
}

/// The file that defines what a path within the crate names; nothing for what another crate defines.
fn definer<'f>(path: &[String], modules: &Modules<'f>, limit: usize) -> Option<&'f SourceFile> {
    let depth = (0..=path.len()).rev().find(|depth| modules.contains_key(&path[..*depth]))?;
    let (file, contents) = modules[&path[..depth]];
    let name = path.get(depth);
    match contents.uses.iter().find(|(known, _)| Some(known) == name) {
        Some((_, target)) if target[0] == "crate" && limit > 0 => {
            definer(&[&target[1..], &path[depth + 1..]].concat(), modules, limit - 1)
        }
        Some(_) => None,
        None => Some(file),
    }
}

fn circles(graph: &Graph) -> Vec<String> {
    let reached: BTreeMap<&str, BTreeSet<&str>> = graph.keys().map(|file| (*file, reachable(file, graph))).collect();
    let mut reported = BTreeSet::new();
    let mut found = Vec::new();
    for (file, others) in &reached {
        let circle: BTreeSet<&str> = others.iter().copied().filter(|other| reached[other].contains(file)).collect();
        if circle.is_empty() || !reported.insert(circle.clone()) {
            continue;
        }
        let ties = circle.iter().flat_map(|from| {
            let inside = graph[from].iter().filter(|(to, _)| circle.contains(*to));
            inside.map(move |(to, path)| format!("\n  {from} -> {to}: {path}"))
        });
        found.push(format!("{} files import each other in a circle:{}", circle.len(), ties.collect::<String>()));
    }
    found
}

/// The files that can be reached from a file in one step or more.
fn reachable<'g>(from: &'g str, graph: &'g Graph) -> BTreeSet<&'g str> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(file) = waiting.pop() {
        waiting.extend(graph.get(file).into_iter().flat_map(BTreeMap::keys).filter(|file| found.insert(**file)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::{assert_clean_tree, assert_tree_reported};

    #[test]
    fn files_that_import_each_other_are_reported() {
        let reported = |files: &[(&str, &str)]| assert_tree_reported(files, "2 files import each other in a circle");
        reported(&[("src/units/a.rs", "use super::b::B;"), ("src/units/b.rs", "fn f() { super::a::g(); }")]);
        reported(&[("src/units/mod.rs", "mod a;\nuse a::A;\nstruct M;"), ("src/units/a.rs", "use super::M;")]);
        reported(&[("src/units/mod.rs", "mod a;\npub use a::A;\npub struct M;"), ("src/units/a.rs", "use super::M;")]);
        reported(&[
            ("engine/src/crypto/a.rs", "use crate::crypto::b::B;"),
            ("engine/src/crypto/b.rs", "use super::a;"),
        ]);
    }

    #[test]
    fn a_circle_of_three_is_one_circle() {
        let files = [
            ("src/units/a.rs", "use super::b::B;"),
            ("src/units/b.rs", "use super::c::C;"),
            ("src/units/c.rs", "use super::a::A;"),
            ("src/units/d.rs", "use super::a::A;"),
        ];
        assert_tree_reported(&files, "3 files import each other in a circle");
    }

    #[test]
    fn a_re_export_leads_to_its_file() {
        let root = ("src/units/mod.rs", "mod a;\nmod b;\npub use a::A;\npub use b::B;\npub use std::fmt::Debug;");
        assert_clean_tree(&[
            root,
            ("src/units/a.rs", "use super::B;\nuse super::Debug;"),
            ("src/units/b.rs", "pub struct B;"),
        ]);
        assert_tree_reported(
            &[root, ("src/units/a.rs", "use super::B;"), ("src/units/b.rs", "use super::A;")],
            "2 files import each other in a circle",
        );
    }

    #[test]
    fn tests_may_use_what_uses_them() {
        let root = (
            "src/units/mod.rs",
            "mod a;\n#[cfg(test)] mod fixture;\npub fn f() {}\n#[cfg(test)] mod tests { use super::a; }",
        );
        assert_clean_tree(&[
            root,
            ("src/units/fixture.rs", "use super::f;"),
            ("src/units/a.rs", "#[cfg(test)] mod tests { use super::super::f; }"),
        ]);
    }
}
