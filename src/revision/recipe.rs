//! How a subject is built: a command, the binary that it leaves, and the paths that decide what is in it.

use std::path::{Component, Path, PathBuf};

use super::RevisionError;

/// Another way to build the same source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BuildVariant {
    /// With this project's own functions in another order, which this seed decides: the same instructions at other
    /// addresses, as after any change of them. What it costs or saves is the bias of code layout, that no author of a change
    /// meant. Libraries stay where they are: with all of their functions thrown about, no page of the program has its
    /// neighbours any more, and 6 MB more of it are resident, which no change of source does. It takes a linker with
    /// `--shuffle-sections`: lld, which is what rustc links with by default on x86-64 Linux.
    LinkOrder(u32),
    /// With an allocator that counts what it is asked for, and is slower for it.
    Allocations,
}

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
    ///   for in the target folder, which the command gets as CARGO_TARGET_DIR.
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
            return wrong("it names no inputs, so nothing would distinguish one build from another".to_owned());
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
            inputs: ["Cargo.lock", "Cargo.toml", "contract", "engine", "subject"].map(PathBuf::from).to_vec(),
        }
    }

    /// The same source built another way.
    ///
    /// # Errors
    /// For any recipe but that of this project's own subject: what another command does with an order to its linker, or
    /// with a feature, cannot be known.
    pub fn varied(&self, variant: BuildVariant) -> Result<Recipe, RevisionError> {
        let own = Recipe::of_the_engine();
        if *self != own {
            return Err(RevisionError::NoVariant { command: self.command_line() });
        }
        let BuildVariant::LinkOrder(seed) = variant else {
            let command = own.command.iter().cloned().chain(["--features", "allocations"].map(str::to_owned));
            return Ok(Recipe { command: command.collect(), ..own });
        };
        // `cargo rustc` hands what follows the dashes to the last compilation alone, so that all others are shared.
        let command = ["cargo", "rustc", "--release", "--locked", "-p", "benchline-subject"].into_iter();
        let command = command.chain(["--bin", "benchline-subject", "--", "-C"]).map(str::to_owned);
        let order = format!("link-arg=-Wl,--shuffle-sections=.text.*benchline*={}", shuffle_seed(seed));
        Ok(Recipe { command: command.chain([order]).collect(), ..own })
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

/// The seed as lld takes it, which reads 0 as any seed at all and the largest as an order to reverse.
fn shuffle_seed(seed: u32) -> u32 {
    seed % (u32::MAX - 1) + 1
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
    fn only_the_engines_recipe_can_be_varied() {
        let other = recipe("out", &["src"]).unwrap();
        let refused = other.varied(BuildVariant::LinkOrder(1)).unwrap_err().to_string();
        assert!(refused.contains("`make`"), "{refused}");
        let varied = |seed| Recipe::of_the_engine().varied(BuildVariant::LinkOrder(seed)).unwrap();
        assert_eq!(varied(0), varied(0));
        assert_ne!(varied(0), varied(1));
        assert!(varied(0).command_line().ends_with(" -- -C link-arg=-Wl,--shuffle-sections=.text.*benchline*=1"));
        assert!(varied(0).varied(BuildVariant::LinkOrder(1)).is_err(), "a variant of a variant");
        for seed in [0, 1, u32::MAX - 2, u32::MAX - 1, u32::MAX] {
            assert!(![0, u32::MAX].contains(&shuffle_seed(seed)));
        }
    }

    #[test]
    fn the_engines_recipe_passes_its_own_checks() {
        let engine = Recipe::of_the_engine();
        assert_eq!(Recipe::new(engine.command.clone(), &engine.binary, &engine.inputs).unwrap(), engine);
    }
}
