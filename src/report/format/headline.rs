//! What a run or a comparison says at a glance.

use super::{plural::plural, sign::Sign};
use crate::model::{Comparison, Purpose, RunState, Tally};

/// How far a run came, as people say it.
pub const fn state(state: RunState) -> &'static str {
    match state {
        RunState::Running => "being measured",
        RunState::Interrupted => "interrupted; the same command resumes it",
        RunState::Finished => "finished",
        RunState::Unsupported => "unsupported: no subject that speaks the contract",
        RunState::BuildFailed => "does not build",
    }
}

/// How many trials a run has, of how many planned. A run by itself exceeds its plan where intervals are wide.
pub fn trials(trials: u32, planned: u32) -> String {
    match (trials, planned) {
        (trials, 0) => plural(trials, "trial"),
        (trials, planned) if trials > planned => format!("{}, {planned} of them planned", plural(trials, "trial")),
        (trials, planned) => format!("{trials} of {}", plural(planned, "trial")),
    }
}

/// Why two runs were measured together, as people say it.
pub const fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Gate => "a commit against its parent",
        Purpose::Anchor => "the newest commit against a release",
        Purpose::Requested => "requested by hand",
        Purpose::Bisect => "a step of a bisection",
    }
}

/// How many gate series have a verdict.
pub fn decided(summary: &Tally) -> u32 {
    counts(summary).into_iter().fold(0, |sum, (_, count)| sum.saturating_add(count))
}

/// The counts of gate series that are not zero, with their signs, the most urgent first.
pub fn counts(summary: &Tally) -> Vec<(Sign, u32)> {
    let Tally { worse, better, equivalent, inconclusive, unusable } = *summary;
    let counts = [
        (Sign::WORSE, worse),
        (Sign::BETTER, better),
        (Sign::EQUIVALENT, equivalent),
        (Sign::INCONCLUSIVE, inconclusive),
        (Sign::UNUSABLE, unusable),
    ];
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}

/// What a comparison says, in a sentence that answers "did anything change?".
pub fn headline(comparison: &Comparison, summary: &Tally) -> (Sign, String) {
    let all = decided(summary);
    let of_all = |count: u32| format!("{count} of {all} gate series {}", if count == 1 { "is" } else { "are" });
    match comparison.state {
        RunState::Running if all == 0 => return (Sign::UNDECIDED, "Being measured; nothing is decided yet".to_owned()),
        RunState::BuildFailed => return (Sign::FAILED, "One of the two does not build".to_owned()),
        RunState::Unsupported => return (Sign::UNSUPPORTED, "One of the two cannot be measured".to_owned()),
        _ => {}
    }
    if comparison.identical {
        return (Sign::EQUIVALENT, "The same program: nothing can have changed".to_owned());
    }
    let Tally { worse, better, inconclusive, unusable, .. } = *summary;
    let open = inconclusive.saturating_add(unusable);
    if worse > 0 {
        let is = if better == 1 { "is" } else { "are" };
        let also = if better > 0 { format!(", {better} {is} better") } else { String::new() };
        (Sign::WORSE, format!("{} worse{also}", of_all(worse)))
    } else if better > 0 {
        (Sign::BETTER, format!("{} better, none is worse", of_all(better)))
    } else if all == 0 {
        (Sign::UNDECIDED, "Nothing was decided".to_owned())
    } else if open == 0 {
        (Sign::EQUIVALENT, format!("None of {all} gate series changed"))
    } else {
        (Sign::INCONCLUSIVE, format!("No change is certain; {} open", of_all(open)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{ComparisonId, RunId, UnixMillis},
        report::samples::DESIGN,
    };

    #[test]
    fn headlines_answer_whether_anything_changed() {
        let comparison = |state, identical| Comparison {
            id: ComparisonId(1),
            base: RunId(1),
            head: RunId(2),
            purpose: Purpose::Gate,
            identical,
            design: DESIGN,
            seed: 0,
            state,
            started_at: UnixMillis(0),
            finished_at: None,
        };
        let says = |summary| headline(&comparison(RunState::Finished, false), &summary).1;
        let none = Tally::default();
        assert_eq!(says(Tally { worse: 1, better: 2, ..none }), "1 of 3 gate series is worse, 2 are better");
        assert_eq!(says(Tally { better: 2, equivalent: 1, ..none }), "2 of 3 gate series are better, none is worse");
        assert_eq!(says(Tally { equivalent: 4, ..none }), "None of 4 gate series changed");
        assert_eq!(
            says(Tally { equivalent: 4, unusable: 1, ..none }),
            "No change is certain; 1 of 5 gate series is open"
        );
        assert_eq!(says(none), "Nothing was decided");
        assert_eq!(headline(&comparison(RunState::Running, false), &none).0, Sign::UNDECIDED);
        assert_eq!(headline(&comparison(RunState::Finished, true), &none).0, Sign::EQUIVALENT);
    }

    #[test]
    fn trials_are_counted_against_the_plan() {
        assert_eq!(
            [trials(1, 0), trials(3, 1), trials(0, 6)],
            ["1 trial", "3 trials, 1 of them planned", "0 of 6 trials"]
        );
    }
}
