//! What comparisons say of a revision: its verdict, which is that of the newest finished comparison against its parent, or why
//! it has none. Shown at the top of the commit's page, and as a sign in lists.

use super::figure::Link;
use crate::{
    history::{ComparisonListing, Reader, RunListing},
    model::{Part, Purpose, RevisionKind, RunState},
    report::format::{self, Sign},
    site::{http::error::PageError, pages::comparison},
};

/// Comparisons linked beside the one that gives the verdict.
const MOST_OTHERS: usize = 8;

/// A revision's verdict; shown by `judged.html`.
#[derive(Debug)]
pub(crate) struct Judged {
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
pub(crate) fn of(reader: &Reader, listing: &RunListing) -> Result<Judged, PageError> {
    let comparisons = comparisons(reader, listing)?;
    let deciding = deciding(&comparisons);
    let mut judged = match deciding {
        Some(comparison) => Judged::of(comparison),
        None => Judged::without(listing, &comparisons),
    };
    let shown = deciding.map(|comparison| comparison.comparison.id);
    let others = comparisons.iter().filter(|other| Some(other.comparison.id) != shown).take(MOST_OTHERS);
    judged.others = others
        .map(|other| {
            let text =
                format!("{}, {}", format::purpose(other.comparison.purpose), format::state(other.comparison.state));
            Link::new(text, format!("/comparison/{}", other.comparison.id))
        })
        .collect();
    Ok(judged)
}

/// The sign of a revision's verdict with its sentence and page, for lists. `None` where there is none.
pub(crate) fn sign(reader: &Reader, listing: &RunListing) -> Result<Option<(Sign, String, String)>, PageError> {
    let comparisons = comparisons(reader, listing)?;
    Ok(deciding(&comparisons).map(|comparison| {
        let (sign, sentence) = format::headline(&comparison.comparison, &comparison.summary());
        (sign, sentence, format!("/comparison/{}", comparison.comparison.id))
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

impl Judged {
    fn of(listing: &ComparisonListing) -> Judged {
        let (sign, sentence) = format::headline(&listing.comparison, &listing.summary());
        let design = &listing.comparison.design;
        let base = &listing.base.run.revision;
        let detail = if listing.comparison.identical {
            format!("It builds to the very same binary as its parent {}, with the same configuration.", base.short())
        } else {
            format!(
                "Measured interleaved with its parent {}: {}. The probability of a false ▲ or ▼ was at most {}.",
                base.short(),
                comparison::sizes(design),
                format::share(design.budget)
            )
        };
        Judged {
            sign,
            sentence: format!("{sentence}."),
            detail,
            command: String::new(),
            counts: format::counts(&listing.summary()),
            href: format!("/comparison/{}", listing.comparison.id),
            others: Vec::new(),
        }
    }

    /// Why there is no verdict, and what gives one.
    fn without(listing: &RunListing, comparisons: &[ComparisonListing]) -> Judged {
        let run = &listing.run;
        let gate = comparisons.iter().find(|comparison| comparison.comparison.purpose == Purpose::Gate);
        let mut command = String::new();
        let detail = match (run.state, gate.map(|comparison| comparison.comparison.state)) {
            (RunState::BuildFailed, _) => "It does not build.".to_owned(),
            (RunState::Unsupported, _) => "It has no subject that speaks the contract.".to_owned(),
            (_, Some(RunState::Running)) => "It is being compared with its parent right now.".to_owned(),
            (_, Some(RunState::Interrupted)) => {
                "The comparison with its parent was interrupted; the same command goes on from there.".to_owned()
            }
            (_, Some(RunState::BuildFailed)) => "Its parent or itself does not build.".to_owned(),
            (_, Some(_)) => "Its parent has no subject that speaks the contract.".to_owned(),
            (_, None) => match (run.revision.kind, &run.revision.parent) {
                (RevisionKind::Worktree, _) => {
                    command = "benchline run".to_owned();
                    "A work tree gets one when it is measured interleaved with its own HEAD:".to_owned()
                }
                (RevisionKind::Commit, None) => "The first commit has no parent to be compared with.".to_owned(),
                (RevisionKind::Commit, Some(_)) => {
                    command = format!("benchline run {} --profile gate", run.revision.short());
                    if matches!(run.part, Part::Base | Part::Detached) {
                        "It was only measured as what others are compared with. This measures it interleaved with its parent:"
                    } else {
                        "It was measured by itself, and not interleaved with its parent. This does:"
                    }
                    .to_owned()
                }
            },
        };
        let href = gate.map(|comparison| format!("/comparison/{}", comparison.comparison.id)).unwrap_or_default();
        Judged {
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
