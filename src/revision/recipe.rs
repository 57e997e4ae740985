//! How a subject is built: a command, the binary that it leaves, and the paths that decide what is in it.

use std::path::{Component, Path, PathBuf};

use super::RevisionError;

/// A build recipe. Every path is relative to the top of the tree, and stays below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    command: Vec<String>,
    binary: PathBuf,
    inputs: Vec<PathBuf>,
}

impl Recipe {
    /// A checked recipe.
    ///
    /// - `command`: program and arguments, started at the top of the tree, never through a shell.
    /// - `binary`: what it leaves. A path that begins with `target` and is not in the tree after the build is looked
    ///   for in the target folder, which the command is told as CARGO_TARGET_DIR.
    /// - `inputs`: files and folders that decide what the binary is; `.` means the whole tree. Two revisions whose
    ///   inputs are equal share a binary. Files that choose the Rust toolchain always count as inputs.
    ///
    /// # Errors
    /// Where one of them is empty, or a path is absolute or climbs out of the tree.
    pub fn new(command: Vec<String>, binary: &Path, inputs: &[PathBuf]) -> Result<Recipe, RevisionError> {
        let wrong = |why: String| Err(RevisionError::Recipe(why));
        if command.first().is_none_or(String::is_empty) {
            return wrong("its command is empty".to_owned());
        }
        if command.iter().any(|argument| argument.contains('\0')) {
            return wrong("its command holds a NUL character".to_owned());
        }
        if inputs.is_empty() {
            return wrong("it names no inputs, so nothing would tell one build from another".to_owned());
        }
        let binary = below_the_top(binary)?;
        if binary.file_name().is_none() {
            return wrong("its binary has no file name".to_owned());
        }
        let mut inputs = inputs.iter().map(|input| below_the_top(input)).collect::<Result<Vec<_>, _>>()?;
        inputs.sort();
        inputs.dedup();
        Ok(Recipe { command, binary, inputs })
    }

    /// How this project's own subject is built.
    pub fn of_the_engine() -> Recipe {
        let command = ["cargo", "build", "--release", "--locked", "-p", "benchline-subject"];
        Recipe {
            command: command.map(str::to_owned).to_vec(),
            binary: PathBuf::from("target/release/benchline-subject"),
            inputs: ["Cargo.lock", "Cargo.toml", "engine", "subject"].map(PathBuf::from).to_vec(),
        }
    }

    /// Program and arguments.
    pub fn command(&self) -> &[String] {
        &self.command
    }

    /// The command as people read it.
    pub fn command_line(&self) -> String {
        self.command.join(" ")
    }

    /// What the command leaves.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// What decides about the binary, sorted. The whole tree is the empty path.
    pub fn inputs(&self) -> &[PathBuf] {
        &self.inputs
    }
}

/// The path without `.` components.
fn below_the_top(path: &Path) -> Result<PathBuf, RevisionError> {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            _ => {
                let why = format!("the path `{}` is not below the top of the tree", path.display());
                return Err(RevisionError::Recipe(why));
            }
        }
    }
    if path.as_os_str().is_empty() || path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(RevisionError::Recipe("a path in it is empty, or holds a NUL character".to_owned()));
    }
    Ok(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(binary: &str, inputs: &[&str]) -> Result<Recipe, RevisionError> {
        let inputs: Vec<PathBuf> = inputs.iter().map(PathBuf::from).collect();
        Recipe::new(vec!["make".to_owned()], Path::new(binary), &inputs)
    }

    #[test]
    fn paths_are_cleaned_and_sorted() {
        let recipe = recipe("./out//prog", &["src/", "./Makefile", "src"]).unwrap();
        assert_eq!(recipe.binary(), Path::new("out/prog"));
        assert_eq!(recipe.inputs(), [PathBuf::from("Makefile"), PathBuf::from("src")]);
    }

    #[test]
    fn paths_that_leave_the_tree_are_refused() {
        for path in ["/etc/passwd", "../other", "src/../../other", ""] {
            assert!(recipe(path, &["src"]).is_err(), "{path}");
            assert!(recipe("out", &[path]).is_err(), "{path}");
        }
        assert!(recipe(".", &["src"]).is_err());
        assert!(recipe("out", &[]).is_err());
        assert!(Recipe::new(vec![], Path::new("out"), &["src".into()]).is_err());
        assert!(recipe("out", &["."]).is_ok());
    }

    #[test]
    fn the_engines_recipe_passes_its_own_checks() {
        let engine = Recipe::of_the_engine();
        assert_eq!(Recipe::new(engine.command.clone(), &engine.binary, &engine.inputs).unwrap(), engine);
    }
}
