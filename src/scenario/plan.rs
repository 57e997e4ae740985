//! What a profile measures: the cases of the chosen scenarios, in order.

use std::{path::PathBuf, time::Duration};

use super::{
    problem::did_you_mean,
    validate::{Point, Scenario, SubjectKind},
};
use crate::model::{Case, CaseLabel, PlannedCase, Profile, Role, Rules};

/// Cases to measure, in order. Never empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Which profile it was made for.
    pub profile: Profile,
    /// The cases.
    pub cases: Vec<CasePlan>,
}

/// A case and how to measure it.
#[derive(Debug, Clone, PartialEq)]
pub struct CasePlan {
    /// What.
    pub case: Case,
    /// How people read its parameters.
    pub label: CaseLabel,
    /// The processes, in the order in which they are started.
    pub roles: Vec<Role>,
    /// What plays the roles of the subject.
    pub subject: SubjectKind,
    /// The folder of the scenario's file.
    pub here: PathBuf,
    /// Whether the reactor's latency is probed.
    pub reactor: bool,
    /// Seed of the payload.
    pub seed: u64,
    /// Fresh sets of processes.
    pub trials: u32,
    /// Samples at the start of a trial that do not count.
    pub warmup: u32,
    /// Samples a trial that count.
    pub samples: u32,
    /// Operations a sample.
    pub iterations: u64,
    /// How long one step may take.
    pub timeout: Duration,
    /// The result that every sample must have.
    pub expect: Expectation,
    /// How its series are compared.
    pub rules: Rules,
}

/// The right result of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// Things handled.
    pub items: u64,
    /// Bytes handled.
    pub bytes: u64,
    /// SHA-256 of the result, in lowercase hex.
    pub digest: String,
}

/// Why there is nothing to measure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The text is not a pattern.
    #[error("`{pattern}` is not a pattern: {reason}. Write a scenario's name, or `sync/*`")]
    Pattern {
        /// What was given.
        pattern: String,
        /// Why.
        reason: String,
    },
    /// No scenario's name matches.
    #[error("no scenario matches `{pattern}`; {suggestion}")]
    NoMatch {
        /// What was given.
        pattern: String,
        /// The nearest name, or all names.
        suggestion: String,
    },
    /// The scenarios match, but the profile measures none of their points.
    #[error("the profile `{}` measures nothing of the chosen scenarios; try another with --profile", .0.as_str())]
    Empty(Profile),
}

impl CasePlan {
    /// The role that iterates: the client, or the load where there is no client.
    pub fn driver(&self) -> Role {
        if self.roles.contains(&Role::Client) { Role::Client } else { Role::Load }
    }

    /// The case as events report it.
    pub fn planned(&self) -> PlannedCase {
        PlannedCase {
            case: self.case.clone(),
            label: self.label.clone(),
            trials: self.trials,
            samples: self.warmup + self.samples,
        }
    }
}

impl Plan {
    /// Trials in all.
    pub fn trials(&self) -> u32 {
        self.cases.iter().map(|case| case.trials).sum()
    }

    /// One line per case with everything that decides what is measured, so that equal text means an equal plan.
    pub fn fingerprint_text(&self) -> String {
        let line = |case: &CasePlan| {
            let CasePlan { case, trials, warmup, samples, iterations, seed, expect, rules, subject, .. } = case;
            // Equal specifications have equal text: `Debug` of plain records is made of all of their fields.
            let external = match subject {
                SubjectKind::External(program) => format!(" {program:?}"),
                SubjectKind::Built | SubjectKind::Platform => String::new(),
            };
            let only = rules.only.map(|metric| format!(" only={metric}")).unwrap_or_default();
            format!(
                "{} {trials} {warmup} {samples} {iterations} {seed} {}{only}{external}\n",
                case.key(),
                expect.digest
            )
        };
        self.cases.iter().map(line).collect()
    }
}

/// The rules of a case, where its scenario is there in the same version.
pub fn rules<'s>(scenarios: &'s [Scenario], case: &Case) -> Option<&'s Rules> {
    let of_case = |scenario: &&Scenario| scenario.name == case.scenario && scenario.version == case.version;
    scenarios.iter().find(of_case).map(|scenario| &scenario.rules)
}

/// The cases that `profile` measures of the scenarios that match any of `patterns` (all of them where there is none).
///
/// # Errors
/// A pattern that cannot be read or matches no scenario, or a choice that leaves nothing to measure.
pub fn plan(scenarios: &[Scenario], profile: Profile, patterns: &[String]) -> Result<Plan, PlanError> {
    chosen(scenarios, profile, patterns, &|point| point.profiles.contains(&profile))
}

/// Every case of the scenarios that match, whatever profiles measure it, each as `full` would measure it.
///
/// # Errors
/// As [`plan`].
pub fn every_case(scenarios: &[Scenario], patterns: &[String]) -> Result<Plan, PlanError> {
    chosen(scenarios, Profile::Full, patterns, &|_| true)
}

fn chosen(
    scenarios: &[Scenario],
    profile: Profile,
    patterns: &[String],
    wanted: &dyn Fn(&Point) -> bool,
) -> Result<Plan, PlanError> {
    let patterns = patterns.iter().map(|text| pattern(scenarios, text)).collect::<Result<Vec<_>, _>>()?;
    let matching =
        |scenario: &&Scenario| patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(&scenario.name));
    let cases: Vec<CasePlan> = scenarios
        .iter()
        .filter(matching)
        .flat_map(|scenario| scenario.points.iter().map(move |point| (scenario, point)))
        .filter(|(_, point)| wanted(point))
        .map(|(scenario, point)| case_plan(scenario, point, profile))
        .collect();
    if cases.is_empty() { Err(PlanError::Empty(profile)) } else { Ok(Plan { profile, cases }) }
}

fn pattern(scenarios: &[Scenario], text: &str) -> Result<glob::Pattern, PlanError> {
    let pattern = glob::Pattern::new(text)
        .map_err(|error| PlanError::Pattern { pattern: text.to_owned(), reason: error.msg.to_owned() })?;
    if scenarios.iter().any(|scenario| pattern.matches(&scenario.name)) {
        return Ok(pattern);
    }
    let names = scenarios.iter().map(|scenario| scenario.name.as_str());
    let suggestion = did_you_mean(text, names).unwrap_or_else(|| "there are no scenarios".into());
    Err(PlanError::NoMatch { pattern: text.to_owned(), suggestion })
}

fn case_plan(scenario: &Scenario, point: &Point, profile: Profile) -> CasePlan {
    CasePlan {
        case: Case {
            scenario: scenario.name.clone(),
            version: scenario.version,
            operation: scenario.operation.clone(),
            parameters: point.parameters.clone(),
            configuration: point.configuration.clone(),
        },
        label: point.label.clone(),
        roles: scenario.roles.clone(),
        subject: scenario.subject.clone(),
        here: scenario.folder.clone(),
        reactor: scenario.reactor,
        seed: scenario.seed,
        trials: scenario.sampling.trials.of(profile),
        warmup: point.warmup,
        samples: point.samples,
        iterations: point.iterations,
        timeout: scenario.sampling.timeout,
        expect: Expectation {
            items: point.expect_items,
            bytes: point.expect_bytes,
            digest: point.expect_digest.clone(),
        },
        rules: scenario.rules.clone(),
    }
}
