//! A checkout of a git repository, found and looked over once. Nothing is written into it.

use std::{
    env,
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{
    RevisionError,
    git::{Git, GitOutput, Refusal},
};

/// A git repository with a work tree and at least one commit.
///
/// The trees of dirty work trees live in a temporary object store of this value's own: a revision that
/// [`Repository::resolve`] gave can be built as long as the repository that gave it lives.
#[derive(Debug)]
pub struct Repository {
    root: PathBuf,
    git_dir: PathBuf,
    objects: PathBuf,
    id: String,
    shallow: bool,
    scratch: TempDir,
}

impl Repository {
    /// Finds the repository whose work tree holds `folder`.
    ///
    /// # Errors
    /// Where git is not installed, the folder is not in a work tree, git does not trust it, or there is no commit yet.
    pub fn discover(folder: &Path) -> Result<Repository, RevisionError> {
        let folder = std::path::absolute(folder).map_err(RevisionError::io("find", folder))?;
        if !folder.is_dir() {
            return Err(RevisionError::NoFolder(folder));
        }
        let top = rev_parse(&folder).arg("--show-toplevel").run()?;
        if !top.success {
            return Err(discovery_error(folder, &top));
        }
        let root = path_of(top.stdout);
        let format = rev_parse(&root).arg("--show-object-format").text()?;
        if format != "sha1" {
            return Err(RevisionError::ObjectFormat { root, format });
        }
        let scratch = tempfile::Builder::new()
            .prefix("benchline-")
            .tempdir()
            .map_err(RevisionError::io("make a temporary folder in", env::temp_dir()))?;
        let repository = Repository {
            git_dir: rev_parse(&root).arg("--git-dir").path()?,
            objects: rev_parse(&root).args(["--git-path", "objects"]).path()?,
            shallow: rev_parse(&root).arg("--is-shallow-repository").text()? == "true",
            id: String::new(),
            root,
            scratch,
        };
        let kept = repository.kept_objects();
        std::fs::create_dir(&kept).map_err(RevisionError::io("make the folder", &kept))?;
        let id = repository.first_root()?;
        Ok(Repository { id, ..repository })
    }

    /// The top folder of the work tree.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What all clones of one repository share: 12 digits of the commit that its first-parent line begins with.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where cargo puts what it builds in this checkout: CARGO_TARGET_DIR, or `target`.
    pub fn target_folder(&self) -> PathBuf {
        match env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty()) {
            Some(folder) => std::path::absolute(&folder).unwrap_or_else(|_| self.root.join(folder)),
            None => self.root.join("target"),
        }
    }

    /// A call of git on this repository. It reads the repository's objects and those of dirty work trees.
    pub(super) fn git(&self, subcommand: &str) -> Git {
        Git::new(&self.root, subcommand)
            .env("GIT_DIR", &self.git_dir)
            .env("GIT_WORK_TREE", &self.root)
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", quoted_list(&self.kept_objects()))
    }

    /// A call of git that writes new objects into this value's own store; the repository's stay as they are.
    pub(super) fn git_that_writes(&self, subcommand: &str) -> Git {
        self.git(subcommand)
            .env("GIT_OBJECT_DIRECTORY", self.kept_objects())
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", quoted_list(&self.objects))
    }

    /// A folder that goes when this value does.
    pub(super) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Refuses a clone in which commits cannot be counted.
    pub(super) fn refuse_shallow(&self) -> Result<(), RevisionError> {
        if self.shallow { Err(RevisionError::Shallow(self.root.clone())) } else { Ok(()) }
    }

    fn kept_objects(&self) -> PathBuf {
        self.scratch.path().join("objects")
    }

    fn first_root(&self) -> Result<String, RevisionError> {
        let head = self.git("rev-parse").args(["--verify", "--quiet", "HEAD^{commit}"]).run()?;
        if !head.success {
            return Err(RevisionError::NoCommit(self.root.clone()));
        }
        let mut first = self.git("rev-list").args(["--first-parent", "--max-parents=0", "HEAD"]).object()?;
        first.truncate(12);
        Ok(first)
    }
}

fn rev_parse(folder: &Path) -> Git {
    Git::new(folder, "rev-parse").arg("--path-format=absolute")
}

fn discovery_error(folder: PathBuf, output: &GitOutput) -> RevisionError {
    match output.refusal() {
        Refusal::NotARepository => RevisionError::NotARepository(folder),
        Refusal::NoWorkTree => RevisionError::NoWorkTree(folder),
        Refusal::Untrusted => RevisionError::Untrusted(folder),
        Refusal::Ambiguous | Refusal::Other => {
            RevisionError::Git { command: "rev-parse".to_owned(), folder, stderr: output.stderr.trim().to_owned() }
        }
    }
}

fn path_of(mut bytes: Vec<u8>) -> PathBuf {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    PathBuf::from(OsString::from_vec(bytes))
}

/// One folder as a list of alternates: quoted as git quotes C strings, so that a colon in the path does not end it.
fn quoted_list(folder: &Path) -> OsString {
    let mut quoted = vec![b'"'];
    for &byte in folder.as_os_str().as_bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend([b'\\', byte]),
            0..=31 | 127 => quoted.extend(format!("\\{byte:03o}").into_bytes()),
            _ => quoted.push(byte),
        }
    }
    quoted.push(b'"');
    OsStr::from_bytes(&quoted).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternates_are_quoted() {
        assert_eq!(quoted_list(Path::new("/a b:c")), OsStr::new("\"/a b:c\""));
        assert_eq!(quoted_list(Path::new("/a\"\\\nb")), OsStr::new("\"/a\\\"\\\\\\012b\""));
    }
}
