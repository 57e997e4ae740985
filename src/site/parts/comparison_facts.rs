//! What was compared, how, and where: all that was fixed before the first trial. Shown by `comparison_facts.html`.

use crate::{
    history::{ComparisonListing, Reader, RunListing},
    model::{ComparisonId, Design, Unit},
    report::format,
    site::http::error::PageError,
};

/// What was compared, how, and where; shown by `comparison_facts.html`.
#[derive(Debug)]
pub(crate) struct ComparisonFacts {
    pub(crate) id: ComparisonId,
    pub(crate) base: SideText,
    pub(crate) head: SideText,
    pub(crate) purpose: &'static str,
    pub(crate) state: &'static str,
    pub(crate) began: String,
    pub(crate) took: String,
    pub(crate) environment: String,
    pub(crate) environment_id: String,
    pub(crate) sizes: String,
    pub(crate) budget: String,
    pub(crate) levels: String,
    pub(crate) seed: u64,
}

/// One of the two revisions.
#[derive(Debug)]
pub(crate) struct SideText {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) href: String,
    pub(crate) run: String,
}

/// A comparison, or the page that says that there is none of this number.
pub(crate) fn find_comparison(reader: &Reader, id: ComparisonId) -> Result<ComparisonListing, PageError> {
    let missing = || PageError::missing(format!("there is no comparison {id}; /comparisons lists the newest"));
    reader.comparison(id)?.ok_or_else(missing)
}

impl ComparisonFacts {
    pub(crate) fn of(reader: &Reader, listing: &ComparisonListing) -> Result<ComparisonFacts, PageError> {
        let comparison = &listing.comparison;
        let environment = reader.environment(comparison.head)?;
        let took = comparison.finished_at.map(|end| end.0.saturating_sub(comparison.started_at.0).max(0) as f64 * 1e6);
        Ok(ComparisonFacts {
            id: comparison.id,
            base: SideText::of(&listing.base),
            head: SideText::of(&listing.head),
            purpose: format::purpose(comparison.purpose),
            state: format::state(comparison.state),
            began: format::date(comparison.started_at),
            took: took.map(|ns| format!("in {}", Unit::Nanoseconds.format(ns))).unwrap_or_default(),
            environment: environment
                .map_or_else(|| listing.head.run.environment.clone(), |environment| environment.title()),
            environment_id: listing.head.run.environment.clone(),
            sizes: if comparison.identical {
                "none: both are the same program".to_owned()
            } else {
                describe_sizes(&comparison.design)
            },
            budget: format::share(comparison.design.budget),
            levels: describe_levels(&comparison.design),
            seed: comparison.seed,
        })
    }
}

impl SideText {
    fn of(listing: &RunListing) -> SideText {
        let revision = &listing.run.revision;
        SideText {
            name: revision.short().to_owned(),
            title: revision.title.clone(),
            href: format!("/commits/{}", revision.id),
            run: format!("/runs/{}", listing.run.id),
        }
    }
}

/// `10 blocks, then 30 fresh ones for suspicious series`.
pub(crate) fn describe_sizes(design: &Design) -> String {
    match design.second_blocks {
        0 => format!("{}, no second stage", format::plural(design.first_blocks, "block")),
        second => {
            format!("{}, then {second} fresh ones for suspicious series", format::plural(design.first_blocks, "block"))
        }
    }
}

/// What p is held against in each stage, and how many series share the budget.
fn describe_levels(design: &Design) -> String {
    format!(
        "suspicious below p = {}, decided below p = {}; {} gate series share the budget",
        format::probability(design.first_alpha),
        format::probability(design.second_alpha),
        design.gate_series
    )
}
