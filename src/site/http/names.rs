//! What addresses name: revisions, runs, cases, scenarios and so on, each a type that is checked when it is read.

use std::{
    fmt::{self, Display},
    str::FromStr,
};

use aws_lc_rs::digest;
use serde::{Deserialize, Deserializer, de};

use super::param::{InvalidParam, is_hex, number};
use crate::model::{Case, ComparisonId, FindingId, RunId};

/// Longest name of a scenario that is looked up.
const LONGEST_SCENARIO: usize = 100;

/// Deserializes parameters from their text.
macro_rules! deserialize_from_text {
    ($($param:ty),+ $(,)?) => {$(
        impl<'de> Deserialize<'de> for $param {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$param, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )+};
}

deserialize_from_text!(
    RevisionName,
    RunNumber,
    ComparisonNumber,
    FindingNumber,
    CalibrationNumber,
    CaseId,
    CaseAddress,
    ScenarioName
);

/// The name of a revision: 7 to 40 hex digits, or `worktree` with or without its tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RevisionName(pub(crate) String);

impl FromStr for RevisionName {
    type Err = InvalidParam;

    fn from_str(text: &str) -> Result<RevisionName, InvalidParam> {
        let text = text.to_ascii_lowercase();
        let valid = match text.strip_prefix("worktree") {
            Some(tree) => {
                tree.is_empty() || tree.strip_prefix('-').is_some_and(|tree| tree.len() == 12 && is_hex(tree))
            }
            None => (7..=40).contains(&text.len()) && is_hex(&text),
        };
        let right = "a revision is 7 to 40 hex digits of a commit, or `worktree`";
        valid.then_some(RevisionName(text)).ok_or_else(|| InvalidParam::new(right))
    }
}

/// The number of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunNumber(pub(crate) RunId);

impl FromStr for RunNumber {
    type Err = InvalidParam;

    fn from_str(text: &str) -> Result<RunNumber, InvalidParam> {
        number(text, "a run has a number, as in /runs/12").map(|number| RunNumber(RunId(number)))
    }
}

/// The number of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ComparisonNumber(pub(crate) ComparisonId);

impl FromStr for ComparisonNumber {
    type Err = InvalidParam;

    fn from_str(text: &str) -> Result<ComparisonNumber, InvalidParam> {
        let right = "a comparison has a number, as in /comparisons/12";
        number(text, right).map(|number| ComparisonNumber(ComparisonId(number)))
    }
}

/// The number of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FindingNumber(pub(crate) FindingId);

impl FromStr for FindingNumber {
    type Err = InvalidParam;

    fn from_str(text: &str) -> Result<FindingNumber, InvalidParam> {
        number(text, "a finding has a number, as in /findings/7").map(|number| FindingNumber(FindingId(number)))
    }
}

/// The number of a calibration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CalibrationNumber(pub(crate) i64);

impl FromStr for CalibrationNumber {
    type Err = InvalidParam;

    fn from_str(text: &str) -> Result<CalibrationNumber, InvalidParam> {
        number(text, "a calibration has a number, as in /calibration?id=3").map(CalibrationNumber)
    }
}

/// The id of a case in addresses: the first 8 hex digits of the SHA-256 of its key. The same in every run, so that a
/// link stays right while a run still grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CaseId(String);

impl CaseId {
    /// The id of a case.
    pub(crate) fn of(case: &Case) -> CaseId {
        let digest = digest::digest(&digest::SHA256, case.key().as_bytes());
        CaseId(digest.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect())
    }
}

impl Display for CaseId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for CaseId {
    type Err = InvalidParam;

    fn from_str(text: &str) -> Result<CaseId, InvalidParam> {
        let right = "a case has 8 hex digits; the run's page lists its cases";
        (text.len() == 8 && is_hex(text)).then(|| CaseId(text.to_owned())).ok_or_else(|| InvalidParam::new(right))
    }
}

/// How the page of a case is addressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CaseAddress {
    /// The address that links use.
    Id(CaseId),
    /// The position of a case among those of its run, from 1: what people guess.
    Position(usize),
}

impl FromStr for CaseAddress {
    type Err = InvalidParam;

    fn from_str(text: &str) -> Result<CaseAddress, InvalidParam> {
        let short = text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(position) if short && position > 0 => Ok(CaseAddress::Position(position)),
            _ => text.parse().map(CaseAddress::Id),
        }
    }
}

/// The name of a scenario, `group/name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScenarioName(pub(crate) String);

impl FromStr for ScenarioName {
    type Err = InvalidParam;

    fn from_str(text: &str) -> Result<ScenarioName, InvalidParam> {
        let word = |part: &str| {
            let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
            !part.is_empty() && part.bytes().all(allowed)
        };
        let valid = text.len() <= LONGEST_SCENARIO
            && text.split_once('/').is_some_and(|(group, name)| word(group) && word(name));
        let right = "a scenario is named group/name, as in sync/upload";
        valid.then(|| ScenarioName(text.to_owned())).ok_or_else(|| InvalidParam::new(right))
    }
}

/// A scenario as a path names it, in two parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScenarioAddress(pub(crate) ScenarioName);

impl<'de> Deserialize<'de> for ScenarioAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ScenarioAddress, D::Error> {
        let (group, name) = <(String, String)>::deserialize(deserializer)?;
        format!("{group}/{name}").parse().map(ScenarioAddress).map_err(de::Error::custom)
    }
}

/// The id of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EnvironmentId(pub(crate) String);

impl FromStr for EnvironmentId {
    type Err = InvalidParam;

    fn from_str(text: &str) -> Result<EnvironmentId, InvalidParam> {
        let valid = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let right = "an environment has 12 hex digits; /environments lists them";
        valid.then(|| EnvironmentId(text.to_owned())).ok_or_else(|| InvalidParam::new(right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Value, Values};

    #[test]
    fn names_are_what_they_may_be() {
        for right in ["0123abc", "0123ABC", &"a".repeat(40), "worktree", "worktree-0123456789ab"] {
            assert!(right.parse::<RevisionName>().is_ok(), "{right}");
        }
        for wrong in ["", "012345", "main", "..", &"a".repeat(41), "worktree-", "worktree-../etc", "0123abg"] {
            assert!(wrong.parse::<RevisionName>().is_err(), "{wrong}");
        }
        assert_eq!("12".parse(), Ok(RunNumber(RunId(12))));
        for wrong in ["", "-1", "+1", "1.5", "9223372036854775808", "x"] {
            assert!(wrong.parse::<RunNumber>().is_err(), "{wrong}");
            assert!(wrong.parse::<ComparisonNumber>().is_err(), "{wrong}");
            assert!(wrong.parse::<FindingNumber>().is_err(), "{wrong}");
        }
        for wrong in ["sync", "sync/", "/up", "a/b/c", "a/<b>", "A/b", &format!("a/{}", "b".repeat(100))] {
            assert!(wrong.parse::<ScenarioName>().is_err(), "{wrong}");
        }
        assert!("sync/upload".parse::<ScenarioName>().is_ok());
        assert!("0123456789ab".parse::<EnvironmentId>().is_ok() && "0123".parse::<EnvironmentId>().is_err());
    }

    #[test]
    fn a_case_is_addressed_by_its_id_or_its_position() {
        assert_eq!("12".parse(), Ok(CaseAddress::Position(12)));
        assert_eq!("5deacd5e".parse(), Ok(CaseAddress::Id(CaseId("5deacd5e".into()))));
        for wrong in ["", "0", "+1", "12345", "5deacd5g", "5DEACD5E"] {
            assert!(wrong.parse::<CaseAddress>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_case_keeps_its_id() {
        let case = Case {
            scenario: "sync/upload".into(),
            version: 2,
            operation: "sync/upload".into(),
            parameters: Values::from([("size".into(), Value::Count(10_000))]),
            configuration: Values::new(),
        };
        // printf %s 'sync/upload@2 size=10000' | sha256sum
        assert_eq!(CaseId::of(&case).to_string(), "5deacd5e");
    }
}
