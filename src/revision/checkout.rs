//! Puts a revision's files at one fixed path per repository, so that builds of it see the same names every time. Files
//! that did not change are not touched, so that little is built again; files that do not belong there are removed.

use std::{fs, io, path::Path};

use super::{Repository, RevisionError, git::Git, store};

/// Makes `place` hold exactly `tree`. Only the holder of the build lock may call this. Submodules stay empty folders.
///
/// `index` is git's notes about `place`, kept next to it; the repository's own index is not used.
pub(super) fn materialise(
    repository: &Repository,
    tree: &str,
    place: &Path,
    index: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<(), RevisionError> {
    store::make_folder(place)?;
    // Everything below removes files in `place`; a link there would lead that somewhere else.
    let kind = fs::symlink_metadata(place).map_err(RevisionError::io("look at", place))?;
    if !kind.is_dir() {
        let source = io::Error::other("it is a link; remove it");
        return Err(RevisionError::io("use the build folder", place)(source));
    }
    // A killed git leaves its own lock behind. Nobody else can hold it now.
    remove_if_present(&index.with_extension("lock"))?;
    let filled = git_at(repository, place, index, "read-tree").args(["--reset", "-u", tree]).bytes();
    if filled.is_err() {
        // Notes that cannot be read are removed: without them, all files are written again.
        remove_if_present(index)?;
        git_at(repository, place, index, "read-tree").args(["--reset", "-u", tree]).bytes()?;
    }
    git_at(repository, place, index, "clean").args(["-ffdxq"]).bytes()?;
    if place.join(".gitmodules").exists() {
        progress("this revision has submodules: they are left out of the build");
    }
    Ok(())
}

/// A call of git whose work tree is `place`. Line endings are those in the repository, on every machine.
fn git_at(repository: &Repository, place: &Path, index: &Path, subcommand: &str) -> Git {
    repository
        .git(subcommand)
        .at(place)
        .env("GIT_WORK_TREE", place)
        .env("GIT_INDEX_FILE", index)
        .setting("core.autocrlf", "false")
        .setting("core.sparseCheckout", "false")
}

fn remove_if_present(path: &Path) -> Result<(), RevisionError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(RevisionError::io("remove", path)(error)),
        _ => Ok(()),
    }
}
