//! Problems of scenario files, reported so that a person can fix them: file, line, cause, suggestion.

use std::{fmt, ops::Range, path::PathBuf};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// In which file (or folder).
    pub file: PathBuf,
    /// In which line, from 1; `None` where it is the whole file.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write instead, where that can be guessed.
    pub suggestion: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "\n    {suggestion}"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong, all at once, so that mending takes one round. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// Collects problems of one file.
pub(super) struct Reporter<'a> {
    file: PathBuf,
    text: &'a str,
    problems: Vec<Problem>,
}

impl<'a> Reporter<'a> {
    pub(super) fn new(file: PathBuf, text: &'a str) -> Reporter<'a> {
        Reporter { file, text, problems: Vec::new() }
    }

    /// Adds a problem at a byte range of the text.
    pub(super) fn report(&mut self, at: Range<usize>, message: impl Into<String>, suggestion: Option<String>) {
        let line = Some(self.line_of(at.start));
        self.problems.push(Problem { file: self.file.clone(), line, message: message.into(), suggestion });
    }

    /// The 1-based line of a byte offset.
    pub(super) fn line_of(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
    }

    /// The problem that the TOML parser or serde found: its message, with a suggestion where a key is misspelt.
    pub(super) fn report_parse_error(&mut self, error: &toml::de::Error) {
        let message = error.message().trim_end().to_owned();
        let suggestion = suggestion_for_unknown(&message);
        let line = error.span().map(|span| self.line_of(span.start));
        self.problems.push(Problem { file: self.file.clone(), line, message, suggestion });
    }

    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, Vec<Problem>> {
        match value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => Err(self.problems),
        }
    }
}

/// The most similar known word as a suggestion, or the list of known words.
pub(super) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(word, known.iter().copied()) {
        Some(candidate) => Some(format!("did you mean `{candidate}`?")),
        None if known.is_empty() => None,
        None => Some(format!("known: {}", known.join(", "))),
    }
}

/// The known text that looks most like `text`, if it looks much like it.
pub(super) fn nearest<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let alike = known.into_iter().map(|candidate| (candidate, strsim::jaro_winkler(text, candidate)));
    alike.filter(|(_, alike)| *alike >= 0.8).max_by(|left, right| left.1.total_cmp(&right.1)).map(|(known, _)| known)
}

/// serde says "unknown field `x`, expected one of `a`, `b`": the words between back quotes are all that is needed.
fn suggestion_for_unknown(message: &str) -> Option<String> {
    if !message.starts_with("unknown field") {
        return None;
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = quoted.next()?;
    did_you_mean(unknown, quoted)
}
