//! Reads a folder of scenario files, `GROUP/NAME.toml`.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    problem::{Problem, Problems},
    validate::{Scenario, parse},
};

/// The largest scenario file that is read.
const FILE_LIMIT: u64 = 1 << 20;

/// Every scenario below `folder`, by name.
///
/// # Errors
/// All that is wrong in all files; a folder that does not exist or holds no scenario; a name that two files have.
pub fn load_folder(folder: &Path) -> Result<Vec<Scenario>, Problems> {
    let mut texts = Vec::new();
    let mut problems = Vec::new();
    match scenario_files(folder) {
        Err(error) => problems.push(unreadable(folder, &error)),
        Ok(files) => {
            for file in files {
                match read_bounded(&file) {
                    Ok(text) => texts.push((file, text)),
                    Err(error) => problems.push(unreadable(&file, &error)),
                }
            }
        }
    }
    if problems.is_empty() && texts.is_empty() {
        problems.push(Problem {
            file: folder.to_owned(),
            line: None,
            message: "there is no scenario here".into(),
            suggestion: Some("scenarios are files GROUP/NAME.toml; is --scenarios the right folder?".into()),
        });
    }
    let loaded = load_texts(folder, &texts);
    match loaded {
        Ok(scenarios) if problems.is_empty() => Ok(scenarios),
        Ok(_) => Err(Problems(problems)),
        Err(Problems(more)) => {
            problems.extend(more);
            Err(Problems(problems))
        }
    }
}

/// Scenarios from texts that have been read already: `(path below folder, text)`.
///
/// # Errors
/// As [`load_folder`].
pub fn load_texts(folder: &Path, texts: &[(PathBuf, String)]) -> Result<Vec<Scenario>, Problems> {
    let mut problems = Vec::new();
    let mut by_name: BTreeMap<String, (PathBuf, Scenario)> = BTreeMap::new();
    for (file, text) in texts {
        match parse(file, text) {
            Err(found) => problems.extend(found),
            Ok(scenario) => {
                problems.extend(check_place(folder, file, &scenario, by_name.get(&scenario.name)));
                by_name.entry(scenario.name.clone()).or_insert_with(|| (file.clone(), scenario));
            }
        }
    }
    if problems.is_empty() {
        Ok(by_name.into_values().map(|(_, scenario)| scenario).collect())
    } else {
        Err(Problems(problems))
    }
}

/// A name is used once, and by the file with that name, so that people find it.
fn check_place(
    folder: &Path,
    file: &Path,
    scenario: &Scenario,
    earlier: Option<&(PathBuf, Scenario)>,
) -> Option<Problem> {
    let line = scenario.source.lines().position(|line| line.trim_start().starts_with("name")).map(|index| index + 1);
    let problem =
        |message, suggestion| Some(Problem { file: file.to_owned(), line, message, suggestion: Some(suggestion) });
    if let Some((other, _)) = earlier {
        let message = format!("`{}` is the name of {} already", scenario.name, other.display());
        return problem(message, "give one of the two another name".into());
    }
    let wanted = folder.join(format!("{}.toml", scenario.name));
    if file != wanted {
        return problem(
            format!("`{}` is not in the file of its name", scenario.name),
            format!("move the file to {}, or change its name", wanted.display()),
        );
    }
    None
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let suggestion = (error.kind() == io::ErrorKind::NotFound)
        .then(|| "run benchline in the folder that holds `scenarios/`, or name the folder with --scenarios".to_owned());
    Problem { file: path.to_owned(), line: None, message: format!("cannot be read: {error}"), suggestion }
}

fn scenario_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for group in fs::read_dir(folder)? {
        let group = group?.path();
        if group.is_dir() {
            for file in fs::read_dir(&group)? {
                let file = file?.path();
                if file.extension().is_some_and(|extension| extension == "toml") {
                    files.push(file);
                }
            }
        }
    }
    files.sort();
    Ok(files)
}

fn read_bounded(file: &Path) -> io::Result<String> {
    if fs::metadata(file)?.len() > FILE_LIMIT {
        return Err(io::Error::other(format!("larger than the {FILE_LIMIT} bytes that a scenario may have")));
    }
    fs::read_to_string(file)
}
