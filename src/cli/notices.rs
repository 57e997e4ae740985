//! How the notices of a campaign read, those that are worth a line.

use crate::{
    campaign::{Evidence, NoBase, Notice, Step},
    model::{Revision, Verdict},
    report::{
        Outcome,
        format::{change, plural},
    },
};

/// The line for a notice, where it has one.
pub(super) fn text(notice: &Notice) -> Option<String> {
    let text = match notice {
        Notice::RevisionStarted { revision, base: None } => titled(revision),
        Notice::RevisionStarted { revision, base: Some(base) } => {
            format!("{}\n  against {}", titled(revision), titled(base))
        }
        Notice::NotBuilt(failure) => format!("  {}", failure.message),
        Notice::AlreadyMeasured(run) => format!("  already measured (run {run}); use --again to measure again"),
        Notice::AlreadyCompared(comparison) => {
            format!("  already compared (comparison {comparison}); use --again to measure again")
        }
        Notice::RunResumed { run, kept, planned } => format!("  resuming run {run} after {kept} of {planned} trials"),
        Notice::ComparisonResumed { comparison, kept } => {
            format!("  resuming comparison {comparison} after {}", plural(*kept, "block"))
        }
        Notice::CalibrationResumed(calibration) => format!("  resuming calibration {calibration}"),
        Notice::NoBase { revision, reason: NoBase::NoParent } => {
            format!("{} has no parent, so it is measured by itself", revision.short())
        }
        Notice::NoBase { reason: NoBase::ParentHasNoSubject, .. } => {
            "  its parent cannot be measured, so it is measured by itself".to_owned()
        }
        Notice::IdenticalPrograms => {
            "  both build to the very same program: no difference can be the code's".to_owned()
        }
        Notice::RunExtended(trials) => {
            format!("  up to {} more, where the interval of the wall time is wide", plural(*trials, "trial"))
        }
        Notice::FindingsFound(findings) => {
            format!("{} in the graphs: `benchline findings list` shows them", plural(*findings, "new finding"))
        }
        Notice::EndsCompared => "comparing the two ends".to_owned(),
        Notice::RevisionChosen { revision, between } => {
            format!("{} between; looking at {}", plural(*between, "commit"), revision.short())
        }
        Notice::RevisionSeen { revision, is_end, step } => {
            format!(
                "  {}  {}: {}",
                revision.short(),
                if *is_end { "the bad end" } else { Outcome::from(step.seen).as_str() },
                found(step)
            )
        }
        Notice::Confirming(revision) => {
            format!("it is probably {}; comparing it with the commit before", revision.short())
        }
        Notice::NotConfirmed(verdict) => {
            format!("  measured against each other, the two differ by {}", decided(verdict))
        }
        Notice::BuildStarted
        | Notice::BuildOutput(_)
        | Notice::BuildFinished
        | Notice::PassStarted { .. }
        | Notice::TrialStarted { .. }
        | Notice::SampleTaken { .. }
        | Notice::Failed { .. }
        | Notice::Kept { .. }
        | Notice::PassFinished
        | Notice::CasePerformed(_) => return None,
    };
    Some(text)
}

/// What a step of a bisection found, in a few words.
pub(super) fn found(step: &Step) -> String {
    match &step.evidence {
        Evidence::Gap(gap) => gap.to_string(),
        Evidence::SameProgram(twin) => format!("builds to the very same program as {}", twin.short()),
        Evidence::Compared { verdict, .. } => decided(verdict),
    }
}

/// A verdict with its change, in a few words.
pub(super) fn decided(verdict: &Verdict) -> String {
    let reason = if verdict.reason.is_empty() { String::new() } else { format!(" ({})", verdict.reason) };
    format!("{}, {}{reason}", verdict.kind.as_str(), change(verdict))
}

fn titled(revision: &Revision) -> String {
    format!("{}  {}", revision.short(), revision.title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ComparisonId, RunId};

    #[test]
    fn a_notice_reads_as_a_plain_sentence() {
        let text = |notice: Notice| text(&notice).unwrap();
        assert_eq!(
            text(Notice::AlreadyCompared(ComparisonId(3))),
            "  already compared (comparison 3); use --again to measure again"
        );
        assert_eq!(
            text(Notice::ComparisonResumed { comparison: ComparisonId(3), kept: 1 }),
            "  resuming comparison 3 after 1 block"
        );
        let resumed = Notice::RunResumed { run: RunId(2), kept: 4, planned: 12 };
        assert_eq!(text(resumed), "  resuming run 2 after 4 of 12 trials");
        assert!(text(Notice::FindingsFound(2)).starts_with("2 new findings in the graphs"));
    }
}
