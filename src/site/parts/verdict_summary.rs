//! The verdict of a revision: that of the newest finished comparison against its parent, or why
//! it has none. Shown at the top of the commit's page, and as a sign in lists.

use super::{comparison_facts::describe_sizes, figure::Link};
use crate::{
    history::{ComparisonListing, Reader, RunListing},
    model::{Part, Purpose, RevisionKind, RunState},
    report::format::{self, Sign},
    site::http::error::PageError,
};

/// Links to comparisons other than the one that gives the verdict.
const MOST_OTHERS: usize = 8;

/// A revision's verdict; shown by `verdict_summary.html`.
#[derive(Debug)]
pub(crate) struct VerdictSummary {
    pub(crate) sign: Sign,
    pub(crate) sentence: String,
    /// What it was compared with and how far to believe it, or what gives a verdict.
    pub(crate) detail: String,
    /// The command that would give a verdict. May be empty.
    pub(crate) command: String,
    pub(crate) counts: Vec<(Sign, u32)>,
    /// The comparison's page. Empty where there is none.
    pub(crate) href: String,
    /// Other comparisons whose head the revision is.
    pub(crate) others: Vec<Link>,
}

/// The verdict on the revision of a run, on that run's machine.
pub(crate) fn read(reader: &Reader, listing: &RunListing) -> Result<VerdictSummary, PageError> {
    let comparisons = comparisons(reader, listing)?;
    let deciding = deciding(&comparisons);
    let mut summary = match deciding {
        Some(comparison) => VerdictSummary::of(comparison),
        None => VerdictSummary::without(listing, &comparisons),
    };
    let shown = deciding.map(|comparison| comparison.comparison.id);
    let others = comparisons.iter().filter(|other| Some(other.comparison.id) != shown).take(MOST_OTHERS);
    summary.others = others
        .map(|other| {
            let text =
                format!("{}, {}", format::purpose(other.comparison.purpose), format::state(other.comparison.state));
            Link::new(text, format!("/comparisons/{}", other.comparison.id))
        })
        .collect();
    Ok(summary)
}

/// The sign of a revision's verdict with its sentence and page, for lists. `None` where there is none.
pub(crate) fn read_sign(reader: &Reader, listing: &RunListing) -> Result<Option<(Sign, String, String)>, PageError> {
    let comparisons = comparisons(reader, listing)?;
    Ok(deciding(&comparisons).map(|comparison| {
        let (sign, sentence) = format::headline(&comparison.comparison, &comparison.summary());
        (sign, sentence, format!("/comparisons/{}", comparison.comparison.id))
    }))
}

/// The comparisons that judge the revision on the machine of the run, newest first.
fn comparisons(reader: &Reader, listing: &RunListing) -> Result<Vec<ComparisonListing>, PageError> {
    let mut comparisons = reader.comparisons_of(&listing.run.revision.id)?;
    comparisons.retain(|comparison| comparison.head.run.environment == listing.run.environment);
    Ok(comparisons)
}

fn deciding(comparisons: &[ComparisonListing]) -> Option<&ComparisonListing> {
    let gate = comparisons.iter().filter(|comparison| comparison.comparison.purpose == Purpose::Gate);
    gate.into_iter().find(|comparison| comparison.comparison.state == RunState::Finished)
}

impl VerdictSummary {
    fn of(listing: &ComparisonListing) -> VerdictSummary {
        let (sign, sentence) = format::headline(&listing.comparison, &listing.summary());
        let design = &listing.comparison.design;
        let base = &listing.base.run.revision;
        let detail = if listing.comparison.identical {
            format!("It builds to the same binary as its parent {}, with the same configuration.", base.short())
        } else {
            format!(
                "Measured interleaved with its parent {}: {}. False-alarm budget: {}.",
                base.short(),
                describe_sizes(design),
                format::share(design.budget)
            )
        };
        VerdictSummary {
            sign,
            sentence: format!("{sentence}."),
            detail,
            command: String::new(),
            counts: format::counts(&listing.summary()),
            href: format!("/comparisons/{}", listing.comparison.id),
            others: Vec::new(),
        }
    }

    /// Why there is no verdict, and what gives one.
    fn without(listing: &RunListing, comparisons: &[ComparisonListing]) -> VerdictSummary {
        let run = &listing.run;
        let gate = comparisons.iter().find(|comparison| comparison.comparison.purpose == Purpose::Gate);
        let mut command = String::new();
        let detail = match (run.state, gate.map(|comparison| comparison.comparison.state)) {
            (RunState::BuildFailed, _) => "It does not build.".to_owned(),
            (RunState::Unsupported, _) => "It has no subject that speaks the contract.".to_owned(),
            (_, Some(RunState::Running)) => "The comparison with its parent is in progress.".to_owned(),
            (_, Some(RunState::Interrupted)) => {
                "The comparison with its parent was interrupted; run the same command again to continue.".to_owned()
            }
            (_, Some(RunState::BuildFailed)) => "The commit or its parent does not build.".to_owned(),
            (_, Some(_)) => "Its parent has no subject that speaks the contract.".to_owned(),
            (_, None) => match (run.revision.kind, &run.revision.parent) {
                (RevisionKind::Worktree, _) => {
                    command = "benchline run".to_owned();
                    "To get a verdict, measure the work tree interleaved with its HEAD:".to_owned()
                }
                (RevisionKind::Commit, None) => "The first commit has no parent to compare with.".to_owned(),
                (RevisionKind::Commit, Some(_)) => {
                    command = format!("benchline run {} --profile gate", run.revision.short());
                    if matches!(run.part, Part::Base | Part::Detached) {
                        "It was measured only as the base of other comparisons. To get a verdict, measure it interleaved with its parent:"
                    } else {
                        "It was measured alone. To get a verdict, measure it interleaved with its parent:"
                    }
                    .to_owned()
                }
            },
        };
        let href = gate.map(|comparison| format!("/comparisons/{}", comparison.comparison.id)).unwrap_or_default();
        VerdictSummary {
            sign: Sign::UNDECIDED,
            sentence: "No verdict yet.".to_owned(),
            detail,
            command,
            counts: Vec::new(),
            href,
            others: Vec::new(),
        }
    }
}
