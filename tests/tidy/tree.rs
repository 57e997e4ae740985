//! The files of the work tree that the rules are about.

use std::path::Path;
use std::{fs, io};

use super::layers::Package;

/// Folders that hold no sources: version control, build products, and what runs produce.
const SKIPPED: [&str; 4] = [".git", "target", "results", "node_modules"];

/// The largest file read, in bytes. Larger ones are data.
const SIZE_LIMIT: u64 = 1 << 20;

/// A file, with its path below the root of the workspace, `/` between its parts.
pub(super) struct SourceFile {
    pub(super) path: String,
    pub(super) text: String,
}

/// Every text file of the work tree.
pub(super) fn read() -> io::Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    collect(Path::new(env!("CARGO_MANIFEST_DIR")), "", &mut files)?;
    Ok(files)
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<SourceFile>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if SKIPPED.contains(&name.as_str()) {
            continue;
        }
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file() && entry.metadata()?.len() <= SIZE_LIMIT {
            // What is not text is an image or a fixture, and has no rules.
            files.extend(fs::read_to_string(entry.path()).ok().map(|text| SourceFile { path, text }));
        }
    }
    Ok(())
}

impl SourceFile {
    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether it is part of an integration test or a bench.
    pub(super) fn is_test(&self) -> bool {
        self.path.split('/').any(|part| part == "tests" || part == "benches")
    }

    /// Whether it may write to standard output: the command line, and a program's entry.
    pub(super) fn may_print(&self) -> bool {
        self.path.starts_with("src/cli/") || self.path == "src/cli.rs" || self.path.ends_with("src/main.rs")
    }

    /// The folder of the package whose crate a source file belongs to: empty for the platform.
    pub(super) fn crate_folder(&self) -> Option<&str> {
        self.path.strip_prefix("src/").map_or_else(|| Some(self.path.split_once("/src/")?.0), |_| Some(""))
    }

    /// The package and the room that a source file belongs to. Tests and benches belong to none: they may use all.
    pub(super) fn room(&self) -> Option<(Package, &str)> {
        const SOURCES: [(&str, Package); 5] = [
            ("src/", Package::Platform),
            ("contract/src/", Package::Contract),
            ("engine/src/", Package::Engine),
            ("engine-cli/src/", Package::EngineCli),
            ("subject/src/", Package::Subject),
        ];
        let inside = |(prefix, package): &(&str, Package)| Some((*package, self.path.strip_prefix(prefix)?));
        let (package, inside) = SOURCES.iter().find_map(inside)?;
        let first = inside.split('/').next()?;
        Some((package, first.strip_suffix(".rs").unwrap_or(first)))
    }

    /// The path of its module within its crate: `["stats", "sorted"]`.
    pub(super) fn module(&self) -> Vec<String> {
        let inside = self.path.split_once("src/").map_or(self.path.as_str(), |(_, inside)| inside);
        let mut parts: Vec<String> = inside.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if parts.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
            parts.pop();
        }
        parts
    }

    /// The path, without `.rs` or `/mod.rs`, of a module declared in this file's outermost module.
    pub(super) fn child(&self, name: &str) -> String {
        let stem = self.path.trim_end_matches(".rs");
        let owner = ["/mod", "/lib", "/main"].iter().find_map(|end| stem.strip_suffix(end)).unwrap_or(stem);
        format!("{owner}/{name}")
    }

    /// Whether this is the file of a module as named by [`SourceFile::child`], or lies below it.
    pub(super) fn belongs_to(&self, module: &str) -> bool {
        self.path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    }
}
