//! Where built binaries are kept: a folder per key, put in place whole or not at all, checked before each use.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::{RevisionError, digest};
use crate::model::SubjectBuild;

/// Beside each binary: what is known of it, as JSON. Its version is part of the key ([`super::inputs::KEY_VERSION`]).
const RECORD: &str = "build.json";

/// No record is longer.
const MAX_RECORD: u64 = 64 << 10;

/// Begins the name of a folder that is not whole yet.
const UNFINISHED: &str = ".new-";

/// The folder under which builds are cached: $BENCHLINE_CACHE, else $XDG_CACHE_HOME, else ~/.cache.
///
/// # Errors
/// Where none of them is set to an absolute path (BENCHLINE_CACHE may be relative to the current folder).
pub fn cache_root() -> Result<PathBuf, RevisionError> {
    choose_root(|name| env::var_os(name))
}

fn choose_root(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, RevisionError> {
    let folder = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(own) = folder("BENCHLINE_CACHE") {
        return std::path::absolute(&own).map_err(RevisionError::io("find", own));
    }
    // A relative XDG_CACHE_HOME is to be ignored (XDG Base Directory Specification).
    let xdg = folder("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let home = || folder("HOME").filter(|path| path.is_absolute()).map(|home| home.join(".cache"));
    xdg.or_else(home).ok_or(RevisionError::NoCache)
}

/// Makes a folder that only its owner can read, with those above it.
pub(super) fn make_folder(path: &Path) -> Result<(), RevisionError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(RevisionError::io("make the folder", path))
}

/// The binaries of one repository.
#[derive(Debug, Clone)]
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    /// In a folder, which need not exist yet.
    pub(super) fn new(folder: PathBuf) -> Store {
        Store { folder }
    }

    /// The binary with this key, unless there is none or its bytes are not those that were put there.
    pub(super) fn find(&self, key: &str, name: &OsStr) -> Option<(PathBuf, SubjectBuild)> {
        let folder = self.folder.join(key);
        let build = read_record(&folder.join(RECORD)).ok()?;
        let binary = folder.join(name);
        let sha256 = digest::copy(&binary, io::sink()).ok()?;
        (build.inputs == key && build.sha256 == sha256).then_some((binary, build))
    }

    /// Puts a binary in place. Only the holder of the build lock may do so: it sweeps what a killed one left.
    pub(super) fn keep(
        &self,
        key: &str,
        toolchain: &str,
        built: &Path,
        name: &OsStr,
    ) -> Result<(PathBuf, SubjectBuild), RevisionError> {
        make_folder(&self.folder)?;
        self.sweep();
        let in_folder = |doing| RevisionError::io(doing, &self.folder);
        let unfinished = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempdir_in(&self.folder)
            .map_err(in_folder("make a folder in"))?;
        let sha256 = write_binary(built, &unfinished.path().join(name)).map_err(RevisionError::io("copy", built))?;
        let build = SubjectBuild { sha256, inputs: key.to_owned(), toolchain: toolchain.to_owned() };
        write_record(&unfinished.path().join(RECORD), &build).map_err(in_folder("write a record in"))?;
        sync_folder(unfinished.path()).map_err(in_folder("sync"))?;
        let place = self.folder.join(key);
        if place.exists() {
            fs::remove_dir_all(&place).map_err(RevisionError::io("remove a damaged build at", &place))?;
        }
        fs::rename(unfinished.path(), &place).map_err(RevisionError::io("put a build at", &place))?;
        // Nothing is at its old path any more, so there is nothing left to clean up.
        let _ = unfinished.keep();
        sync_folder(&self.folder).map_err(in_folder("sync"))?;
        Ok((place.join(name), build))
    }

    /// Removes what a killed holder of the lock left. What cannot be removed does no harm.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

fn read_record(path: &Path) -> io::Result<SubjectBuild> {
    let mut text = Vec::new();
    File::open(path)?.take(MAX_RECORD).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

fn write_record(path: &Path, build: &SubjectBuild) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(&serde_json::to_vec_pretty(build)?)?;
    file.sync_all()
}

fn write_binary(from: &Path, to: &Path) -> io::Result<String> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(to)?;
    let sha256 = digest::copy(from, &mut file)?;
    file.set_permissions(Permissions::from_mode(0o755))?;
    file.sync_all()?;
    Ok(sha256)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(variables: &[(&str, &str)]) -> Option<PathBuf> {
        let of = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        choose_root(of).ok()
    }

    #[test]
    fn the_cache_is_where_the_specification_says() {
        assert_eq!(root(&[("HOME", "/home/a")]), Some("/home/a/.cache".into()));
        assert_eq!(root(&[("HOME", "/home/a"), ("XDG_CACHE_HOME", "/x")]), Some("/x".into()));
        assert_eq!(root(&[("HOME", "/home/a"), ("XDG_CACHE_HOME", "x")]), Some("/home/a/.cache".into()));
        assert_eq!(root(&[("BENCHLINE_CACHE", "/b"), ("XDG_CACHE_HOME", "/x")]), Some("/b".into()));
        assert!(root(&[("BENCHLINE_CACHE", "b")]).unwrap().is_absolute());
        assert_eq!(root(&[("HOME", "")]), None);
    }

    #[test]
    fn a_kept_binary_is_found_until_a_byte_of_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let built = folder.path().join("built");
        fs::write(&built, "abc").unwrap();
        let store = Store::new(folder.path().join("binaries"));
        let name = OsStr::new("subject");
        assert!(store.find("key", name).is_none());
        let kept = store.keep("key", "rustc 1", &built, name).unwrap();
        assert_eq!(kept.1.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(store.find("key", name).unwrap(), kept);
        assert_eq!(fs::metadata(&kept.0).unwrap().permissions().mode() & 0o777, 0o755);
        fs::write(&kept.0, "abd").unwrap();
        assert!(store.find("key", name).is_none());
        store.keep("key", "rustc 1", &built, name).unwrap();
        assert!(store.find("key", name).is_some());
    }

    #[test]
    fn what_a_killed_benchline_left_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("binaries/.new-1")).unwrap();
        fs::write(folder.path().join("built"), "abc").unwrap();
        let store = Store::new(folder.path().join("binaries"));
        store.keep("key", "rustc 1", &folder.path().join("built"), OsStr::new("subject")).unwrap();
        let left: Vec<_> = fs::read_dir(folder.path().join("binaries")).unwrap().flatten().collect();
        assert_eq!(left.len(), 1);
    }
}
