//! The inputs of a build, and a key over all of them: equal keys mean equal binaries.

use std::{
    env::consts,
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::AtomicBool,
    time::Duration,
};

use super::{
    Recipe, Repository, RevisionError,
    build_env::BuildEnv,
    digest::Digest,
    supervise::{self, Ending, Pipe},
};

/// The version of what a key covers and of what is kept under it. A change of either starts the cache afresh.
/// 1: the first.
pub(super) const KEY_VERSION: u32 = 1;

/// Files that choose the toolchain, each an input of every recipe.
const TOOLCHAIN_FILES: [&str; 2] = ["rust-toolchain.toml", "rust-toolchain"];

/// Cargo's configuration in the tree, an input of every recipe.
const CARGO_FOLDER: &str = ".cargo";

/// Long enough for rustup to fetch a toolchain that the tree names.
const TOOLCHAIN_LIMIT: Duration = Duration::from_secs(600);

/// One input in a tree.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    path: PathBuf,
    /// Mode, type and object name, as `git ls-tree` gives them.
    object: String,
}

/// The inputs of a recipe in one tree.
#[derive(Debug)]
pub(super) struct Inputs {
    entries: Vec<Entry>,
}

impl Inputs {
    /// Looks the inputs of a recipe up. A tree that has none of them is the other outcome, with what it lacks. One that has some
    /// is built: projects move their code, and their history shall not end there.
    pub(super) fn read(
        repository: &Repository,
        recipe: &Recipe,
        tree: &str,
    ) -> Result<Result<Inputs, Vec<PathBuf>>, RevisionError> {
        let (whole, named): (Vec<_>, Vec<_>) = recipe.inputs().iter().partition(|path| path.as_os_str().is_empty());
        let always = TOOLCHAIN_FILES.iter().chain([&CARGO_FOLDER]).map(Path::new);
        let wanted = named.iter().map(|path| path.as_path()).chain(always);
        let listed = repository.git("ls-tree").args(["-z", "--full-tree", tree, "--"]).args(wanted).bytes()?;
        let mut entries = parse_listing(&listed)?;
        let has = |path: &&PathBuf| entries.iter().any(|entry| entry.path == **path);
        if whole.is_empty() && !named.iter().any(has) {
            return Ok(Err(named.into_iter().cloned().collect()));
        }
        if !whole.is_empty() {
            entries.push(Entry { path: PathBuf::new(), object: format!("tree {tree}") });
        }
        Ok(Ok(Inputs { entries }))
    }

    /// Whether the tree names the toolchain that builds it.
    pub(super) fn name_toolchain(&self) -> bool {
        self.toolchain_files().next().is_some()
    }

    /// The output of `rustc -vV` for this tree, or `None` where rustc does not answer (a project in another language need
    /// not have one). It runs in a folder that holds the tree's toolchain files and nothing else.
    pub(super) fn toolchain(
        &self,
        repository: &Repository,
        build_env: &BuildEnv,
        stop: &AtomicBool,
    ) -> Result<Option<String>, RevisionError> {
        let folder = tempfile::tempdir_in(repository.scratch())
            .map_err(RevisionError::io("make a folder in", repository.scratch()))?;
        for (name, object) in self.toolchain_files() {
            let path = folder.path().join(name);
            let text = repository.git("cat-file").args(["blob", object]).bytes()?;
            fs::write(&path, text).map_err(RevisionError::io("write", &path))?;
        }
        let mut command = Command::new("rustc");
        command.arg("-vV").current_dir(folder.path()).stdin(Stdio::null());
        command.env_clear().envs(build_env.variables());
        let mut answer = String::new();
        let mut keep = |pipe, line: &str| {
            if pipe == Pipe::Output {
                answer.push_str(line);
                answer.push('\n');
            }
        };
        match supervise::run(&mut command, TOOLCHAIN_LIMIT, stop, &mut keep) {
            Ok(Ending::Done(status)) if status.success() => Ok(Some(answer)),
            _ => Ok(None),
        }
    }

    /// The key: 64 hex digits.
    pub(super) fn key(
        &self,
        recipe: &Recipe,
        toolchain: Option<&str>,
        build_env: &BuildEnv,
    ) -> Result<String, RevisionError> {
        let mut key = Digest::new();
        key.field(format!("benchline build {KEY_VERSION} {} {}", consts::OS, consts::ARCH));
        key.field(toolchain.unwrap_or_default());
        key.field((recipe.command().len() as u64).to_le_bytes());
        for argument in recipe.command() {
            key.field(argument);
        }
        key.field(recipe.binary().as_os_str().as_bytes());
        key.field((self.entries.len() as u64).to_le_bytes());
        for entry in &self.entries {
            key.field(entry.path.as_os_str().as_bytes());
            key.field(&entry.object);
        }
        build_env.describe(&mut key)?;
        Ok(key.hex())
    }

    fn toolchain_files(&self) -> impl Iterator<Item = (&Path, &str)> {
        let files =
            self.entries.iter().filter(|entry| TOOLCHAIN_FILES.iter().any(|name| entry.path == Path::new(name)));
        // A blob only: a folder of that name chooses nothing.
        files.filter_map(|entry| Some((entry.path.as_path(), entry.object.split_once(" blob ")?.1)))
    }
}

/// The short name of a toolchain: `rustc 1.95.0` of the first line `rustc 1.95.0 (59807616e 2026-04-14)`.
pub(super) fn toolchain_name(answer: Option<&str>) -> String {
    let first = answer.and_then(|answer| answer.lines().next());
    let name = first.map(|line| line.split(" (").next().unwrap_or(line).trim());
    name.filter(|name| !name.is_empty()).unwrap_or("no rustc").to_owned()
}

/// Records of `git ls-tree -z`: `mode SP type SP object TAB path NUL`, sorted by path here.
fn parse_listing(listed: &[u8]) -> Result<Vec<Entry>, RevisionError> {
    let wrong =
        || RevisionError::UnexpectedOutput { command: "ls-tree".to_owned(), why: "it is not a listing".to_owned() };
    let records = listed.split(|byte| *byte == 0).filter(|record| !record.is_empty());
    let parsed = records.map(|record| {
        let tab = record.iter().position(|byte| *byte == b'\t')?;
        let object = String::from_utf8(record[..tab].to_vec()).ok()?;
        Some(Entry { path: PathBuf::from(OsStr::from_bytes(&record[tab + 1..])), object })
    });
    let mut entries = parsed.collect::<Option<Vec<_>>>().ok_or_else(wrong)?;
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read_whatever_the_names_are() {
        let listed = b"100644 blob aa\tz\n\ty\x00040000 tree bb\ta b\0";
        let entries = parse_listing(listed).unwrap();
        let found: Vec<_> = entries.iter().map(|entry| (entry.path.to_str().unwrap(), entry.object.as_str())).collect();
        assert_eq!(found, [("a b", "040000 tree bb"), ("z\n\ty", "100644 blob aa")]);
        assert!(parse_listing(b"nonsense\0").is_err());
        assert!(parse_listing(b"").unwrap().is_empty());
    }

    #[test]
    fn toolchains_have_short_names() {
        assert_eq!(toolchain_name(Some("rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\n")), "rustc 1.95.0");
        assert_eq!(toolchain_name(Some("rustc 1.97.0-nightly (1 2026-04-14)\n")), "rustc 1.97.0-nightly");
        assert_eq!(toolchain_name(None), "no rustc");
    }
}
