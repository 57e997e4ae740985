//! What failed in a run, for people: what, where, and the end of its log. Shown by `failures.html`.

use crate::{
    model::{Case, Failure, FailureKind, RunId},
    report::format::{self, Sign},
    site::http::names::CaseId,
};

/// Failures shown; all of them are in the API.
pub(crate) const MOST_FAILURES: usize = 20;

/// Bytes of a log shown, from its end.
const LOG_BYTES: usize = 1500;

/// A failure for people.
#[derive(Debug)]
pub(crate) struct FailureText {
    pub(crate) sign: Sign,
    pub(crate) what: String,
    pub(crate) href: String,
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) log: String,
    /// The command that performs the case by hand; empty where no case failed.
    pub(crate) again: String,
    pub(crate) date: String,
}

impl FailureText {
    pub(crate) fn of(run: RunId, failure: &Failure) -> FailureText {
        let what = match (&failure.case, &failure.label) {
            (Some(case), Some(label)) => format!("{} {}", case.scenario, label.0),
            (Some(case), None) => case.scenario.clone(),
            (None, _) => "the whole revision".to_owned(),
        };
        let trial = failure.trial.map(|trial| format!(", trial {}", trial.saturating_add(1))).unwrap_or_default();
        FailureText {
            sign: if failure.kind == FailureKind::Unsupported { Sign::UNSUPPORTED } else { Sign::FAILED },
            what: format!("{what}{trial}"),
            href: failure
                .case
                .as_ref()
                .map(|case| format!("/runs/{run}/cases/{}", CaseId::of(case)))
                .unwrap_or_default(),
            kind: failure.kind.as_str().replace('_', " "),
            message: failure.message.clone(),
            log: tail(&failure.log),
            again: failure.case.as_ref().map(Case::replay).unwrap_or_default(),
            date: format::date(failure.at),
        }
    }
}

/// The end of a log, from the start of a line where there is one.
fn tail(log: &str) -> String {
    let log = log.trim_end();
    if log.len() <= LOG_BYTES {
        return log.to_owned();
    }
    let start = (log.len() - LOG_BYTES..=log.len()).find(|at| log.is_char_boundary(*at)).unwrap_or(log.len());
    let end = &log[start..];
    let whole = end.split_once('\n').map_or(end, |(_, rest)| rest);
    format!("…\n{whole}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_keeps_its_end() {
        assert_eq!(tail("short\n"), "short");
        let long = format!("{}\nthe end é", "x".repeat(3000));
        assert_eq!(tail(&long), "…\nthe end é");
        assert!(tail(&"é".repeat(3000)).len() <= LOG_BYTES + 8);
    }
}
