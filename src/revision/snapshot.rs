//! The tree of a work tree as it is now, without a trace in the repository: its own index, its own object store.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use super::{Repository, RevisionError};

impl Repository {
    /// Writes the tree that a commit of everything (`git add --all`) would have, and gives its name.
    pub(super) fn snapshot(&self) -> Result<String, RevisionError> {
        let folder =
            tempfile::tempdir_in(self.scratch()).map_err(RevisionError::io("make a folder in", self.scratch()))?;
        let index = folder.path().join("index");
        let theirs: PathBuf = self.git("rev-parse").args(["--path-format=absolute", "--git-path", "index"]).path()?;
        copy_index(&theirs, &index).map_err(RevisionError::io("copy the index", &theirs))?;
        // Files outside a sparse checkout are marked so in the index and stay; `--sparse` keeps git from refusing
        // what lies there all the same.
        self.git_that_writes("add").env("GIT_INDEX_FILE", &index).args(["--all", "--sparse"]).bytes()?;
        self.git_that_writes("write-tree").env("GIT_INDEX_FILE", &index).object()
    }
}

/// Copies the index, so that git need not read again what did not change.
///
/// The time of the last change goes along: git takes a file that changed at the index's own time or later for possibly
/// changed, even where its size is the same. With a younger index, such a change would go unseen.
fn copy_index(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = match File::open(from) {
        Ok(source) => source,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let modified = source.metadata()?.modified()?;
    let mut copy = File::create_new(to)?;
    io::copy(&mut source, &mut copy)?;
    copy.set_modified(modified)
}
