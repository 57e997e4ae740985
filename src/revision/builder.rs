//! Builds the subject of a revision, or finds it built. A build that fails is an outcome, to be kept in the history; an
//! error is only what keeps a build from being tried.

use std::{
    collections::VecDeque,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use super::{
    BuildVariant, Recipe, Repository, RevisionError,
    build_env::{self, BuildEnv},
    checkout,
    inputs::{Inputs, toolchain_name},
    lock::Lock,
    store::{self, Store},
    supervise::{self, Ending},
};
use crate::model::{Revision, SubjectBuild};

/// A build that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(3600);

/// Kept of the end of a build's output.
const MAX_LOG: usize = 64 << 10;

/// How a build went.
#[derive(Debug)]
pub enum BuildOutcome {
    /// There is a binary.
    Built(BuiltSubject),
    /// The revision has no subject: it lacks what the recipe builds from.
    Unsupported {
        /// What it lacks, in plain English.
        reason: String,
    },
    /// The recipe failed.
    Failed {
        /// How, in plain English.
        message: String,
        /// The last 64 KiB of its output.
        log: String,
    },
    /// The stop flag was raised.
    Stopped,
}

/// A binary that can be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltSubject {
    /// Where it lies, in the cache.
    pub path: PathBuf,
    /// What it is.
    pub build: SubjectBuild,
    /// Was it there already?
    pub cached: bool,
}

/// Builds revisions of one repository by one recipe.
#[derive(Debug, Clone)]
pub struct Builder<'a> {
    repository: &'a Repository,
    recipe: Recipe,
    home: PathBuf,
    target: PathBuf,
    store: Store,
    limit: Duration,
}

impl<'a> Builder<'a> {
    /// A builder that keeps trees and binaries below `cache_root` (see [`super::cache_root`]) and lets cargo build in
    /// `target` (see [`Repository::target_folder`]), where it finds dependencies that are compiled already.
    pub fn new(repository: &'a Repository, recipe: Recipe, cache_root: &Path, target: PathBuf) -> Builder<'a> {
        let home = cache_root.join("benchline").join(repository.id());
        let store = Store::new(home.join("binaries"));
        Builder { repository, recipe, home, target, store, limit: LIMIT }
    }

    /// The same with another limit on the time of one build. The default is an hour.
    pub fn with_limit(self, limit: Duration) -> Builder<'a> {
        Builder { limit, ..self }
    }

    /// Builds the subject of a revision, or finds it in the cache, where nothing that goes into it changed.
    ///
    /// `progress` is given each line of output, without control characters. Raising `stop` kills the build, with all
    /// processes that it started.
    ///
    /// # Errors
    /// Where git or the cache cannot be used.
    pub fn build(
        &self,
        revision: &Revision,
        progress: &mut dyn FnMut(&str),
        stop: &AtomicBool,
    ) -> Result<BuildOutcome, RevisionError> {
        let inputs = match Inputs::read(self.repository, &self.recipe, &revision.tree)? {
            Ok(inputs) => inputs,
            Err(missing) => return Ok(unsupported(revision, &missing)),
        };
        let build_env = build_env::of_the_caller(inputs.name_toolchain());
        let toolchain = inputs.toolchain(self.repository, &build_env, stop)?;
        if stop.load(Ordering::Relaxed) {
            return Ok(BuildOutcome::Stopped);
        }
        let key = inputs.key(&self.recipe, toolchain.as_deref(), &build_env)?;
        if let Some(built) = self.find(&key) {
            return Ok(built);
        }
        self.prepare_home()?;
        let Some(lock) = Lock::acquire(&self.home.join("lock"), progress, stop)? else {
            return Ok(BuildOutcome::Stopped);
        };
        // Whoever held the lock may have built the very same.
        if let Some(built) = self.find(&key) {
            return Ok(built);
        }
        let tree = self.home.join("tree");
        checkout::materialise(self.repository, &revision.tree, &tree, &self.home.join("index"), progress)?;
        self.remove_old_binary()?;
        if let Some(bad_end) = self.run_recipe(&tree, &build_env, &lock, progress, stop)? {
            return Ok(bad_end);
        }
        self.keep(&key, &toolchain_name(toolchain.as_deref()), &tree)
    }

    /// As [`Builder::build`], but another way, and kept apart. The plain build stays what it is.
    ///
    /// # Errors
    /// Where git or the cache cannot be used, or the recipe cannot be varied.
    pub fn build_variant(
        &self,
        revision: &Revision,
        variant: BuildVariant,
        progress: &mut dyn FnMut(&str),
        stop: &AtomicBool,
    ) -> Result<BuildOutcome, RevisionError> {
        let varied = Builder { recipe: self.recipe.varied(variant)?, ..self.clone() };
        varied.build(revision, progress, stop)
    }

    fn find(&self, key: &str) -> Option<BuildOutcome> {
        let (path, build) = self.store.find(key, self.recipe.binary().file_name()?)?;
        Some(BuildOutcome::Built(BuiltSubject { path, build, cached: true }))
    }

    /// Makes the folder, with a note that keeps git from taking the cache for somebody's work where it lies in a
    /// checkout.
    fn prepare_home(&self) -> Result<(), RevisionError> {
        store::make_folder(&self.home)?;
        let note = self.home.join(".gitignore");
        fs::write(&note, "*\n").map_err(RevisionError::io("write", &note))
    }

    /// Removes what an earlier build left in the target folder: what is there after the command is the command's.
    /// Cargo puts its binary there again even where it had nothing to compile.
    fn remove_old_binary(&self) -> Result<(), RevisionError> {
        let Some(old) = self.binary_in_target() else { return Ok(()) };
        match fs::remove_file(&old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(RevisionError::io("remove", old)(error)),
            _ => Ok(()),
        }
    }

    /// Where a binary whose path begins with `target` lies outside the tree.
    fn binary_in_target(&self) -> Option<PathBuf> {
        let below = self.recipe.binary().strip_prefix("target").ok()?;
        below.file_name().map(|_| self.target.join(below))
    }

    /// Runs the command. `None` where it succeeded.
    fn run_recipe(
        &self,
        tree: &Path,
        build_env: &BuildEnv,
        lock: &Lock,
        progress: &mut dyn FnMut(&str),
        stop: &AtomicBool,
    ) -> Result<Option<BuildOutcome>, RevisionError> {
        let line = self.recipe.command_line();
        let mut log = Tail::default();
        let Some((program, arguments)) = self.recipe.command().split_first() else {
            return Err(RevisionError::Recipe("its command is empty".to_owned()));
        };
        // With a slash in it, a program is one of the tree's own; without, it is looked for on the PATH.
        let program = if program.contains('/') { tree.join(program) } else { PathBuf::from(program) };
        let mut command = Command::new(&program);
        command.args(arguments).current_dir(tree).env_clear().envs(build_env.variables());
        command.env("CARGO_TARGET_DIR", &self.target);
        command.stdin(lock.as_input().map_err(RevisionError::io("share the lock in", &self.home))?);
        let mut note = |_, text: &str| {
            log.push(text);
            progress(text);
        };
        let ending = supervise::run(&mut command, self.limit, stop, &mut note);
        let message = match ending {
            Ok(Ending::Done(status)) if status.success() => return Ok(None),
            Ok(Ending::Stopped) => return Ok(Some(BuildOutcome::Stopped)),
            Ok(Ending::Done(status)) => format!("`{line}` failed with {status}"),
            Ok(Ending::TimedOut) => format!("`{line}` took longer than {} s and was stopped", self.limit.as_secs()),
            Err(error) => format!("`{line}` could not be started: {error}; is `{}` installed?", program.display()),
        };
        Ok(Some(BuildOutcome::Failed { message, log: log.text() }))
    }

    fn keep(&self, key: &str, toolchain: &str, tree: &Path) -> Result<BuildOutcome, RevisionError> {
        let in_tree = tree.join(self.recipe.binary());
        let found = [Some(in_tree), self.binary_in_target()].into_iter().flatten().find(|path| path.is_file());
        let (Some(found), Some(name)) = (found, self.recipe.binary().file_name()) else {
            let (line, binary) = (self.recipe.command_line(), self.recipe.binary().display());
            let message = format!("`{line}` succeeded but left no file `{binary}`; is that where it builds to?");
            return Ok(BuildOutcome::Failed { message, log: String::new() });
        };
        let (path, build) = self.store.keep(key, toolchain, &found, name)?;
        Ok(BuildOutcome::Built(BuiltSubject { path, build, cached: false }))
    }
}

fn unsupported(revision: &Revision, missing: &[PathBuf]) -> BuildOutcome {
    let names: Vec<String> = missing.iter().map(|path| format!("`{}`", path.display())).collect();
    let reason = format!("{} has no {}, which its subject is built from", revision.short(), names.join(", no "));
    BuildOutcome::Unsupported { reason }
}

/// The end of a build's output.
#[derive(Default)]
struct Tail {
    lines: VecDeque<String>,
    bytes: usize,
}

impl Tail {
    fn push(&mut self, line: &str) {
        self.bytes += line.len() + 1;
        self.lines.push_back(line.to_owned());
        while self.bytes > MAX_LOG {
            let Some(oldest) = self.lines.pop_front() else { return };
            self.bytes -= oldest.len() + 1;
        }
    }

    fn text(self) -> String {
        Vec::from(self.lines).join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_keeps_whole_lines_of_the_end() {
        let mut tail = Tail::default();
        for number in 0..20_000 {
            tail.push(&format!("line {number}"));
        }
        let text = tail.text();
        assert!(text.len() <= MAX_LOG && text.len() > MAX_LOG - 20);
        assert!(text.starts_with("line ") && text.ends_with("line 19999"));
    }
}
