//! What strangers write into addresses, validated before anything else sees it. Every refusal says what would be right.

use std::str::FromStr;

use aws_lc_rs::digest;
use axum::extract::{
    Query,
    rejection::{PathRejection, QueryRejection},
};

use super::error::PageError;
use crate::model::{Case, ComparisonId, FindingId, FindingState, Metric, RunId};

/// Longest name of a scenario that is looked up.
const LONGEST_SCENARIO: usize = 100;

/// How many revisions graphs can show; more would not fit a page.
pub(crate) const SPANS: [usize; 3] = [20, 40, 160];

/// How many revisions graphs show unless asked.
pub(crate) const DEFAULT_SPAN: usize = 40;

/// The name of a revision: 7 to 40 hex digits, or `worktree` with or without its tree.
pub(crate) fn revision(text: &str) -> Result<String, PageError> {
    let hex = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let text = text.to_ascii_lowercase();
    let valid = match text.strip_prefix("worktree") {
        Some(tree) => tree.is_empty() || tree.strip_prefix('-').is_some_and(|tree| tree.len() == 12 && hex(tree)),
        None => (7..=40).contains(&text.len()) && hex(&text),
    };
    if valid { Ok(text) } else { Err(PageError::bad("a revision is 7 to 40 hex digits of a commit, or `worktree`")) }
}

/// The number of a run.
pub(crate) fn run(text: &str) -> Result<RunId, PageError> {
    number(text).map(RunId).ok_or_else(|| PageError::bad("a run has a number, as in /runs/12"))
}

/// The number of a comparison, which is that of its comparison.
pub(crate) fn comparison(text: &str) -> Result<ComparisonId, PageError> {
    number(text).map(ComparisonId).ok_or_else(|| PageError::bad("a comparison has a number, as in /comparison/12"))
}

/// The number of a finding.
pub(crate) fn finding(text: &str) -> Result<FindingId, PageError> {
    number(text).map(FindingId).ok_or_else(|| PageError::bad("a finding has a number, as in /finding/7"))
}

/// The number of a calibration.
pub(crate) fn calibration(text: &str) -> Result<i64, PageError> {
    number(text).ok_or_else(|| PageError::bad("a calibration has a number, as in /calibration?id=3"))
}

fn number(text: &str) -> Option<i64> {
    text.parse::<i64>().ok().filter(|number| *number >= 0 && !text.starts_with('+'))
}

/// The state of a finding.
pub(crate) fn finding_state(text: &str) -> Result<FindingState, PageError> {
    text.parse().map_err(PageError::Bad)
}

/// Which page of a list, from 1.
pub(crate) fn page(text: &str) -> Result<usize, PageError> {
    let page = text.parse::<usize>().ok().filter(|page| (1..=1000).contains(page));
    page.ok_or_else(|| PageError::bad("page is the number of a page, from 1"))
}

/// The id of a case in addresses: the first 8 hex digits of the SHA-256 of its key. The same in every run, so that a
/// link stays right while a run still grows.
pub(crate) fn case_id(case: &Case) -> String {
    let digest = digest::digest(&digest::SHA256, case.key().as_bytes());
    digest.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// The place of a case among those of its run, from 1: what people guess.
pub(crate) fn case_number(text: &str) -> Option<usize> {
    let short = text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse::<usize>().ok().filter(|number| short && *number > 0)
}

/// What [`case_id`] made.
pub(crate) fn case(text: &str) -> Result<String, PageError> {
    let valid = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if valid { Ok(text.to_owned()) } else { Err(PageError::bad("a case has 8 hex digits; the run's page lists them")) }
}

/// The name of a scenario, `group/name`.
pub(crate) fn scenario(text: &str) -> Result<String, PageError> {
    let word = |part: &str| {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
        !part.is_empty() && part.bytes().all(allowed)
    };
    let valid =
        text.len() <= LONGEST_SCENARIO && text.split_once('/').is_some_and(|(group, name)| word(group) && word(name));
    if valid { Ok(text.to_owned()) } else { Err(PageError::bad("a scenario is named group/name, as in sync/upload")) }
}

/// The id of an environment.
pub(crate) fn environment(text: &str) -> Result<String, PageError> {
    let valid = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if valid {
        Ok(text.to_owned())
    } else {
        Err(PageError::bad("an environment has 12 hex digits; /environments lists them"))
    }
}

/// The name of a metric.
pub(crate) fn metric(text: &str) -> Result<Metric, PageError> {
    Metric::from_str(text).map_err(|error| PageError::Bad(error.to_string()))
}

/// The number of a trial, from 1, as its index.
pub(crate) fn trial(text: &str) -> Result<usize, PageError> {
    let number = text.parse::<usize>().ok().filter(|number| (1..=10_000).contains(number));
    number.map(|number| number - 1).ok_or_else(|| PageError::bad("trials count from 1"))
}

/// Which of several graphs, from 0.
pub(crate) fn part(text: &str) -> Result<usize, PageError> {
    let part = text.parse::<usize>().ok().filter(|part| *part < 1000);
    part.ok_or_else(|| PageError::bad("part is the number of a graph, from 0"))
}

/// How many revisions a graph shows.
pub(crate) fn span(text: &str) -> Result<usize, PageError> {
    let span = text.parse().ok().filter(|span| SPANS.contains(span));
    span.ok_or_else(|| PageError::bad("last is 20, 40 or 160"))
}

/// Applies a check to what may be absent.
pub(crate) fn optional<T>(
    text: Option<&String>,
    check: impl FnOnce(&str) -> Result<T, PageError>,
) -> Result<Option<T>, PageError> {
    // A form sends empty fields for what was not chosen.
    text.filter(|text| !text.is_empty()).map(|text| check(text)).transpose()
}

/// What is after the question mark, or a refusal.
pub(crate) fn query<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, PageError> {
    query.map(|Query(query)| query).map_err(|rejection| PageError::Bad(rejection.body_text()))
}

/// What is in the path, or a refusal.
pub(crate) fn path<T>(path: Result<axum::extract::Path<T>, PathRejection>) -> Result<T, PageError> {
    path.map(|axum::extract::Path(path)| path).map_err(|rejection| PageError::Bad(rejection.body_text()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Value, Values};

    #[test]
    fn names_are_what_they_may_be() {
        for right in ["0123abc", "0123ABC", &"a".repeat(40), "worktree", "worktree-0123456789ab"] {
            assert!(revision(right).is_ok(), "{right}");
        }
        for wrong in ["", "012345", "main", "..", &"a".repeat(41), "worktree-", "worktree-../etc", "0123abg"] {
            assert!(revision(wrong).is_err(), "{wrong}");
        }
        assert_eq!(run("12").unwrap(), RunId(12));
        for wrong in ["", "-1", "+1", "1.5", "9223372036854775808", "x"] {
            assert!(run(wrong).is_err() && comparison(wrong).is_err() && finding(wrong).is_err(), "{wrong}");
        }
        for wrong in ["sync", "sync/", "/up", "a/b/c", "a/<b>", "A/b", &format!("a/{}", "b".repeat(100))] {
            assert!(scenario(wrong).is_err(), "{wrong}");
        }
        assert!(scenario("sync/upload").is_ok() && environment("0123456789ab").is_ok() && environment("0123").is_err());
        assert!(span("40").is_ok() && span("41").is_err());
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
        assert_eq!(case_id(&case), "5deacd5e");
    }
}
