//! A git repository in a temporary folder, and a cache beside it. Never looks at the caller's git settings.
#![allow(clippy::unwrap_used, reason = "helpers of tests: what fails here fails the test")]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::AtomicBool,
    time::SystemTime,
};

use benchline::{
    model::Revision,
    revision::{BuildOutcome, Builder, BuiltSubject, Recipe, Repository, RevisionError},
};
use tempfile::TempDir;

/// The build script of most tests: notes that it ran, then makes the binary of the source.
pub(super) const BUILD: &str =
    "set -e\necho built >> \"$1\"\nmkdir -p out\n{ echo '#!/bin/sh'; cat src/main.txt; } > out/prog\n";

/// A repository `repo`, and room for clones, caches and marks beside it.
pub(super) struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    /// An empty repository on the branch `main`.
    pub(super) fn empty() -> Sandbox {
        let sandbox = Sandbox { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(sandbox.root()).unwrap();
        sandbox.git(&["init", "--quiet", "--initial-branch=main"]);
        sandbox
    }

    /// A repository with a subject to build, in one commit.
    pub(super) fn with_subject() -> Sandbox {
        let sandbox = Sandbox::empty();
        sandbox.write("src/main.txt", "echo one\n").write("build.sh", BUILD).write("README.md", "one\n");
        sandbox.commit("Begin");
        sandbox
    }

    /// The repository.
    pub(super) fn root(&self) -> PathBuf {
        self.path("repo")
    }

    /// A path beside the repository.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the work tree.
    pub(super) fn write(&self, name: &str, text: &str) -> &Sandbox {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// Commits everything and gives the commit.
    pub(super) fn commit(&self, title: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", title]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Runs git in the repository.
    #[track_caller]
    pub(super) fn git(&self, arguments: &[&str]) -> String {
        self.git_in(&self.root(), arguments)
    }

    /// Runs git in a folder.
    #[track_caller]
    pub(super) fn git_in(&self, folder: &Path, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        git.arg("-C").arg(folder).args(arguments).stdin(Stdio::null());
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), "A Tester").env(format!("GIT_{role}_EMAIL"), "tester@example.org");
            git.env(format!("GIT_{role}_DATE"), "2026-01-02T03:04:05+0000");
        }
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        let output = git.output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// The repository as the room sees it.
    #[track_caller]
    pub(super) fn open(&self) -> Repository {
        Repository::discover(&self.root()).unwrap()
    }

    /// Resolves a text in the repository.
    pub(super) fn resolve(&self, text: Option<&str>) -> Result<Vec<Revision>, RevisionError> {
        self.open().resolve(text)
    }

    /// The recipe of [`BUILD`]: the file `mark` beside the repository gets a line each time that it runs.
    pub(super) fn recipe(&self) -> Recipe {
        let mark = self.path("mark").into_os_string().into_string().unwrap();
        let command = ["sh", "build.sh", &mark].map(str::to_owned).to_vec();
        Recipe::new(command, Path::new("out/prog"), &["src".into(), "build.sh".into()]).unwrap()
    }

    /// How often [`BUILD`] ran.
    pub(super) fn builds(&self) -> usize {
        fs::read_to_string(self.path("mark")).unwrap_or_default().lines().count()
    }

    /// Builds the one revision that a text names with the recipe of [`Sandbox::recipe`].
    #[track_caller]
    pub(super) fn build(&self, text: Option<&str>) -> BuildOutcome {
        let repository = self.open();
        let builder = Builder::new(&repository, self.recipe(), &self.path("cache"), self.path("target"));
        let revision = repository.resolve(text).unwrap().remove(0);
        builder.build(&revision, &mut |_| {}, &AtomicBool::new(false)).unwrap()
    }

    /// Builds it, and it must succeed.
    #[track_caller]
    pub(super) fn built(&self, text: Option<&str>) -> BuiltSubject {
        match self.build(text) {
            BuildOutcome::Built(built) => built,
            other => panic!("not built: {other:?}"),
        }
    }

    /// The folder that holds tree and binaries of this repository.
    pub(super) fn home(&self) -> PathBuf {
        self.path("cache").join("benchline").join(self.open().id())
    }
}

/// Mode, time and bytes of every file below a folder; no time for git's objects, for git renews that of an object
/// whenever it would have written the same one again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Picture(BTreeMap<PathBuf, (u32, Option<SystemTime>, Vec<u8>)>);

impl Picture {
    /// Takes it.
    pub(super) fn of(folder: &Path) -> Picture {
        let (mut files, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(next).unwrap() {
                let entry = entry.unwrap();
                let data = entry.metadata().unwrap();
                if data.is_dir() {
                    folders.push(entry.path());
                } else {
                    let is_object = entry.path().components().any(|part| part.as_os_str() == "objects");
                    let changed = (!is_object).then(|| data.modified().unwrap());
                    let mode = data.permissions().mode();
                    files.insert(entry.path(), (mode, changed, fs::read(entry.path()).unwrap()));
                }
            }
        }
        Picture(files)
    }

    /// Another picture must show the same.
    #[track_caller]
    pub(super) fn assert_same(&self, other: &Picture) {
        let changed = self.0.iter().filter(|(path, file)| other.0.get(*path) != Some(*file));
        let changed: Vec<_> = changed.map(|(path, _)| path).collect();
        assert!(changed.is_empty(), "changed or gone: {changed:?}");
        assert_eq!(self.0.len(), other.0.len(), "there are new files");
    }
}
