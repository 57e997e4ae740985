//! From a file as written to a scenario that means something. Every mistake found is reported, not only the first.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use toml::Spanned;

use super::{
    external, label,
    parameters::{ParameterKind, bytes, configuration, parameter_kinds, parameters},
    problem::{Problem, Reporter, did_you_mean},
    rules, written,
};
use crate::{
    model::{CaseLabel, ExternalProgram, Profile, Role, Rules, Values, template::placeholders},
    units,
};

/// A valid scenario: a workload, its parameters, what it measures and what result it must produce.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// `group/name`, as the file's path.
    pub name: String,
    /// Raised when the meaning changes: series are split there.
    pub version: u32,
    /// The question that it answers, for its page.
    pub question: String,
    /// How to read its graphs, for its page.
    pub reading: String,
    /// What the subject is asked to do.
    pub operation: String,
    /// The processes that take part, in the order in which they are started. The client or the load is among them.
    pub roles: Vec<Role>,
    /// Whether the reactor's latency is probed.
    pub reactor: bool,
    /// Seed of the payload.
    pub seed: u64,
    /// What plays the roles of the subject.
    pub subject: SubjectKind,
    /// The folder of its file, where helpers of an external program lie.
    pub folder: PathBuf,
    /// The settings or parameters that others are compared with, on the scenario's page.
    pub baseline: Option<Values>,
    /// How often each case is measured.
    pub sampling: Sampling,
    /// How its series are compared.
    pub rules: Rules,
    /// The points of its parameters, in the order in which they are written.
    pub points: Vec<Point>,
    /// The file's text, for its page.
    pub source: String,
}

/// What plays the roles of the subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectKind {
    /// The program that the revision's recipe builds.
    Built,
    /// The platform, which measures itself.
    Platform,
    /// A program that does not speak the contract, through an adapter.
    External(Box<ExternalProgram>),
}

/// Operations with this prefix are the platform's own.
const SELF_PREFIX: &str = "self/";

/// How often cases are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    /// Fresh sets of processes.
    pub trials: TrialCounts,
    /// How long one step may take before the subject is given up.
    pub timeout: Duration,
}

/// Trials in each profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrialCounts {
    quick: u32,
    gate: u32,
    full: u32,
}

impl TrialCounts {
    /// Trials in one profile.
    pub fn of(self, profile: Profile) -> u32 {
        match profile {
            Profile::Quick => self.quick,
            Profile::Gate => self.gate,
            Profile::Full => self.full,
        }
    }
}

/// One point of the parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// How people read it.
    pub label: CaseLabel,
    /// The parameters.
    pub parameters: Values,
    /// Settings that differ from the engine's defaults: the scenario's, and the point's own, which win.
    pub configuration: Values,
    /// The profiles that measure it.
    pub profiles: Vec<Profile>,
    /// Operations a sample, at least 1.
    pub iterations: u64,
    /// Samples at the start of a trial that do not count.
    pub warmup: u32,
    /// Samples a trial that count, at least 1.
    pub samples: u32,
    /// Things that one operation must have handled.
    pub expect_items: u64,
    /// Bytes that one operation must have handled.
    pub expect_bytes: u64,
    /// SHA-256 of the result, in lowercase hex.
    pub expect_digest: String,
}

/// The most trials, samples or warm-up samples that a file may ask for: far above any use, so that a typing error shows.
const MOST_REPEATS: u32 = 100_000;

/// Reads one file's text. `path` is for messages only.
pub(super) fn parse(path: &Path, text: &str) -> Result<Scenario, Vec<Problem>> {
    let mut reporter = Reporter::new(path.to_owned(), text);
    let file = match toml::from_str::<written::File>(text) {
        Ok(file) => file,
        Err(error) => {
            reporter.report_parse_error(&error);
            return reporter.finish(None);
        }
    };
    let scenario = validate(&file, path, text, &mut reporter);
    reporter.finish(Some(scenario))
}

fn validate(file: &written::File, path: &Path, text: &str, reporter: &mut Reporter<'_>) -> Scenario {
    check_name(&file.name, reporter);
    if *file.version.get_ref() == 0 {
        reporter.report(file.version.span(), "`version` starts at 1", None);
    }
    for prose in [&file.question, &file.reading] {
        if prose.get_ref().trim().is_empty() {
            reporter.report(prose.span(), "this text is shown on the scenario's page and must not be empty", None);
        }
    }
    let kinds = parameter_kinds(file, reporter);
    let points = points(file, &kinds, reporter);
    let roles = roles(file, reporter);
    let operation = file.operation.as_ref().unwrap_or(&file.name).get_ref().clone();
    let subject = match external::external(file, &kinds, &roles, reporter) {
        Some(program) => SubjectKind::External(Box::new(program)),
        None if operation.starts_with(SELF_PREFIX) => SubjectKind::Platform,
        None => SubjectKind::Built,
    };
    Scenario {
        name: file.name.get_ref().clone(),
        version: *file.version.get_ref(),
        question: file.question.get_ref().trim().to_owned(),
        reading: file.reading.get_ref().trim().to_owned(),
        operation,
        rules: rules::rules(file, &roles, reporter),
        subject,
        roles,
        reactor: file.reactor,
        seed: file.seed,
        folder: path.parent().unwrap_or(Path::new("")).to_owned(),
        sampling: sampling(&file.sampling, reporter),
        baseline: baseline(file, &points, reporter),
        points,
        source: text.to_owned(),
    }
}

fn check_name(name: &Spanned<String>, reporter: &mut Reporter<'_>) {
    let word = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
    };
    let parts: Vec<&str> = name.get_ref().split('/').collect();
    if parts.len() != 2 || !parts.iter().all(|part| word(part)) {
        let message = format!("`{}` is not a scenario's name", name.get_ref());
        reporter.report(name.span(), message, Some("write `group/name`, in a-z, 0-9, `_` and `-`".into()));
    }
}

fn check_label(
    label: &Spanned<String>,
    kinds: &BTreeMap<String, ParameterKind>,
    settings: &Values,
    reporter: &mut Reporter<'_>,
) {
    match placeholders(label.get_ref()) {
        Err(error) => reporter.report(label.span(), error.to_string(), None),
        Ok(names) => {
            for name in names.into_iter().filter(|name| !kinds.contains_key(*name) && !settings.contains_key(*name)) {
                let suggestion = did_you_mean(name, kinds.keys().map(String::as_str));
                let message = format!("the label names `{name}`, which is no parameter and no setting");
                reporter.report(label.span(), message, suggestion);
            }
        }
    }
}

fn roles(file: &written::File, reporter: &mut Reporter<'_>) -> Vec<Role> {
    let known = [Role::Server, Role::Client, Role::Load];
    for word in file.roles.get_ref() {
        if !known.iter().any(|role| role.as_str() == word.get_ref()) {
            let suggestion = did_you_mean(word.get_ref(), known.iter().map(|role| role.as_str()));
            reporter.report(word.span(), format!("there is no role `{}`", word.get_ref()), suggestion);
        }
    }
    let asked = |role: &Role| file.roles.get_ref().iter().any(|word| word.get_ref() == role.as_str());
    let roles: Vec<Role> = known.into_iter().filter(asked).collect();
    if !roles.contains(&Role::Client) && !roles.contains(&Role::Load) {
        let message =
            "a scenario needs the role `client`, or `load` for a server alone: it is the one that times itself";
        reporter.report(file.roles.span(), message, None);
    }
    roles
}

/// The settings to compare others with. Some point must have them.
fn baseline(file: &written::File, points: &[Point], reporter: &mut Reporter<'_>) -> Option<Values> {
    let written = file.baseline.as_ref()?;
    let baseline = configuration(written, reporter);
    let has =
        |point: &Point, name: &String| point.configuration.get(name).or_else(|| point.parameters.get(name)).cloned();
    let agrees = |point: &Point| baseline.iter().all(|(name, value)| has(point, name).as_ref() == Some(value));
    if !points.iter().any(agrees) {
        let span = written.values().next().map_or(0..0, Spanned::span);
        reporter.report(span, "no point has the settings of the baseline", None);
    }
    Some(baseline)
}

fn sampling(written: &written::Sampling, reporter: &mut Reporter<'_>) -> Sampling {
    let timeout = match units::parse_duration(written.timeout.get_ref()) {
        Ok(0) => {
            reporter.report(written.timeout.span(), "a timeout must be longer than nothing", None);
            1
        }
        Ok(nanoseconds) => nanoseconds,
        Err(error) => {
            reporter.report(written.timeout.span(), error.to_string(), None);
            1
        }
    };
    let trials = &written.trials;
    Sampling {
        trials: TrialCounts {
            quick: repeats(&trials.quick, 1, "trials", reporter),
            gate: repeats(&trials.gate, 1, "trials", reporter),
            full: repeats(&trials.full, 1, "trials", reporter),
        },
        timeout: Duration::from_nanos(timeout),
    }
}

fn repeats(value: &Spanned<u32>, least: u32, what: &str, reporter: &mut Reporter<'_>) -> u32 {
    if !(least..=MOST_REPEATS).contains(value.get_ref()) {
        reporter.report(value.span(), format!("{what}: a whole number from {least} to {MOST_REPEATS}"), None);
    }
    *value.get_ref()
}

fn points(file: &written::File, kinds: &BTreeMap<String, ParameterKind>, reporter: &mut Reporter<'_>) -> Vec<Point> {
    if file.points.get_ref().is_empty() {
        reporter.report(file.points.span(), "a scenario needs at least one point: `[[points]]`", None);
    }
    let common = configuration(&file.configuration, reporter);
    let mut points: Vec<Point> = Vec::new();
    for written in file.points.get_ref() {
        let point = point(file, &common, written, kinds, reporter);
        let same =
            |earlier: &Point| earlier.parameters == point.parameters && earlier.configuration == point.configuration;
        if points.iter().any(same) {
            reporter.report(written.span(), "another point has the same parameters", Some("remove one of them".into()));
        }
        points.push(point);
    }
    points
}

fn point(
    file: &written::File,
    common: &Values,
    written: &Spanned<written::Point>,
    kinds: &BTreeMap<String, ParameterKind>,
    reporter: &mut Reporter<'_>,
) -> Point {
    let point = written.get_ref();
    let parameters = parameters(written.span(), point, kinds, reporter);
    let own = configuration(&point.configuration, reporter);
    let configuration: Values = common.clone().into_iter().chain(own).collect();
    let label = point.label.as_ref().unwrap_or(&file.label);
    check_label(label, kinds, &configuration, reporter);
    let iterations = point.iterations.as_ref().map_or(1, |iterations| *iterations.get_ref());
    if let Some(written) = &point.iterations
        && !(1..=1_000_000_000).contains(written.get_ref())
    {
        reporter.report(written.span(), "iterations: a whole number from 1 to 1000000000", None);
    }
    let digest = &point.expect.digest;
    if digest.get_ref().len() != 64 || !digest.get_ref().bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        let suggestion = "`benchline check` prints the digest that the subject gives".to_owned();
        reporter.report(digest.span(), "a digest is a SHA-256 in 64 lowercase hex digits", Some(suggestion));
    }
    let filled = label::fill(label.get_ref(), kinds, &parameters, &configuration);
    Point {
        // What is wrong with a template was reported.
        label: filled.unwrap_or_else(|_| CaseLabel(label.get_ref().clone())),
        parameters,
        configuration,
        profiles: profiles(&point.profiles, reporter),
        iterations,
        warmup: repeats(point.warmup.as_ref().unwrap_or(&file.sampling.warmup), 0, "warmup", reporter),
        samples: repeats(point.samples.as_ref().unwrap_or(&file.sampling.samples), 1, "samples", reporter),
        expect_items: point.expect.items,
        expect_bytes: bytes(&point.expect.bytes, reporter).unwrap_or_default(),
        expect_digest: digest.get_ref().clone(),
    }
}

fn profiles(written: &Spanned<Vec<Spanned<String>>>, reporter: &mut Reporter<'_>) -> Vec<Profile> {
    let mut profiles = Vec::new();
    for word in written.get_ref() {
        match word.get_ref().parse::<Profile>() {
            Ok(profile) => profiles.push(profile),
            Err(message) => {
                let suggestion = did_you_mean(word.get_ref(), Profile::ALL.map(Profile::as_str));
                reporter.report(word.span(), message, suggestion);
            }
        }
    }
    profiles
}
