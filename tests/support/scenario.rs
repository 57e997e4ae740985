//! Scenario files for tests.

use std::path::{Path, PathBuf};

use benchline::{
    model::Profile,
    scenario::{Plan, load_texts, plan},
};

/// A scenario file with one point. By default the toy's: one client, one parameter, one trial of three samples.
pub(crate) struct ScenarioFile<'a> {
    pub(crate) name: &'a str,
    pub(crate) roles: &'a str,
    pub(crate) label: &'a str,
    /// Further keys, then tables.
    pub(crate) more: &'a str,
    /// The lines of `[parameters]`.
    pub(crate) parameters: &'a str,
    /// Of every profile.
    pub(crate) trials: u32,
    pub(crate) warmup: u32,
    pub(crate) samples: u32,
    pub(crate) timeout: &'a str,
    /// The point's parameters.
    pub(crate) point: &'a str,
    pub(crate) profiles: &'a str,
    pub(crate) iterations: u64,
    /// Items and bytes that the point's result must have.
    pub(crate) expect: (u64, u64),
    pub(crate) digest: &'a str,
}

/// A digest that a toy subject can give.
pub(crate) const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

impl Default for ScenarioFile<'_> {
    fn default() -> Self {
        ScenarioFile {
            name: "toy/work",
            roles: "\"client\"",
            label: "{n}",
            more: "",
            parameters: "n = \"count\"",
            trials: 1,
            warmup: 0,
            samples: 3,
            timeout: "20 s",
            point: "n = 1",
            profiles: "\"quick\"",
            iterations: 1,
            expect: (1, 2),
            digest: DIGEST,
        }
    }
}

impl ScenarioFile<'_> {
    /// The file as a person would write it.
    pub(crate) fn text(&self) -> String {
        let ScenarioFile { name, roles, label, more, parameters, trials, warmup, samples, timeout, .. } = self;
        let ScenarioFile { point, profiles, iterations, expect: (items, bytes), digest, .. } = self;
        format!(
            r#"name = "{name}"
version = 1
question = "Does the platform work?"
reading = "Nothing to read."
roles = [{roles}]
label = "{label}"
{more}

[parameters]
{parameters}

[sampling]
trials = {{ quick = {trials}, gate = {trials}, full = {trials} }}
warmup = {warmup}
samples = {samples}
timeout = "{timeout}"

[[points]]
parameters = {{ {point} }}
profiles = [{profiles}]
iterations = {iterations}
expect = {{ items = {items}, bytes = {bytes}, digest = "{digest}" }}
"#
        )
    }

    /// What the quick profile measures of it.
    #[track_caller]
    pub(crate) fn plan(&self) -> Plan {
        let file = PathBuf::from(format!("{}.toml", self.name));
        let scenarios = load_texts(Path::new(""), &[(file, self.text())]).unwrap();
        plan(&scenarios, Profile::Quick, &[]).unwrap()
    }
}
