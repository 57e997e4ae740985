//! The page of a comparison: what changed between two revisions that were measured together, with all that was fixed
//! before the first trial. The series stand in [`crate::site::parts::verdict_table`], each leading to [`crate::site::pages::series`].

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    response::Response,
};
use serde::Deserialize;

use crate::{
    history::{ComparisonListing, Reader, RunListing},
    model::{ComparisonId, Design, RunState, Unit},
    report::format::{self, Sign},
    site::{
        http::{
            error::PageError,
            params,
            shared::{Shared, Site},
        },
        parts::{
            layout::{Layout, Place},
            progress::Now,
            verdict_table::VerdictTable,
        },
    },
};

/// What may follow the question mark.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// Which scenario's series; all unless named.
    scenario: Option<String>,
}

#[derive(Template)]
#[template(path = "comparison.html")]
struct ComparisonPage {
    layout: Layout,
    sign: Sign,
    headline: String,
    lede: String,
    summary: Summary,
    counts: Vec<(Sign, u32)>,
    now: Option<Now>,
    failures: Vec<(String, u32, String)>,
    table: VerdictTable,
    meanings: [(Sign, &'static str); 5],
    reproduce: String,
    href: String,
}

/// What was compared, how, and where; shown by `comparison_facts.html`.
#[derive(Debug)]
pub(crate) struct Summary {
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

/// Answers `/comparison/{comparison}`.
pub(crate) async fn page(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, PageError> {
    let comparison = params::comparison(&params::path(path)?)?;
    let scenario = params::optional(params::query(query)?.scenario.as_ref(), params::scenario)?;
    let key = format!("/comparison/{comparison}?{scenario:?}");
    shared.page(key, move |site| render(site, comparison, scenario.as_deref())).await
}

fn render(site: &Site, id: ComparisonId, only: Option<&str>) -> Result<String, PageError> {
    let reader = site.history()?;
    let listing = listing(reader, id)?;
    let (sign, headline) = format::headline(&listing.comparison, &listing.summary());
    let summary = Summary::of(reader, &listing)?;
    let title = format!("{} against {}", summary.head.name, summary.base.name);
    let page = ComparisonPage {
        layout: Layout::new(site, title, Place::Comparisons)?,
        sign,
        headline,
        lede: lede(&listing),
        counts: format::counts(&listing.summary()),
        now: Now::read(reader)?.filter(|now| now.comparison == Some(id)),
        failures: failures(&listing),
        table: VerdictTable::of(id, &reader.verdicts(id)?, only)?,
        meanings: format::MEANINGS,
        reproduce: listing.head.run.reproduce.clone(),
        href: format!("/comparison/{id}"),
        summary,
    };
    Ok(page.render()?)
}

/// A comparison, or the page that says that there is none of this number.
pub(crate) fn listing(reader: &Reader, id: ComparisonId) -> Result<ComparisonListing, PageError> {
    let missing = || PageError::missing(format!("there is no comparison {id}; /comparisons lists the newest"));
    reader.comparison(id)?.ok_or_else(missing)
}

/// How far to believe the headline.
fn lede(listing: &ComparisonListing) -> String {
    let design = &listing.comparison.design;
    if listing.comparison.identical {
        return "Both revisions build to the very same binary and were given the same configuration, so no difference \
                could be the code's."
            .to_owned();
    }
    let budget = format::share(design.budget);
    let promise =
        format!("Were the two equal, the probability of any false ▲ or ▼ on this page would be at most {budget}.");
    match listing.comparison.state {
        RunState::Running => format!("This page follows as blocks come in. {promise}"),
        RunState::Interrupted => format!("It was interrupted; the same command goes on from there. {promise}"),
        _ => promise,
    }
}

/// Sides with failures: which, how many, and where they stand.
fn failures(listing: &ComparisonListing) -> Vec<(String, u32, String)> {
    let sides = [("base", &listing.base), ("head", &listing.head)];
    let failed = sides.into_iter().filter(|(_, side)| side.failures > 0);
    failed.map(|(name, side)| (name.to_owned(), side.failures, format!("/runs/{}#failures", side.run.id))).collect()
}

impl Summary {
    pub(crate) fn of(reader: &Reader, listing: &ComparisonListing) -> Result<Summary, PageError> {
        let comparison = &listing.comparison;
        let environment = reader.environment(comparison.head)?;
        let took = comparison.finished_at.map(|end| end.0.saturating_sub(comparison.started_at.0).max(0) as f64 * 1e6);
        Ok(Summary {
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
                "nothing: both are the same program".to_owned()
            } else {
                sizes(&comparison.design)
            },
            budget: format::share(comparison.design.budget),
            levels: levels(&comparison.design),
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

/// `10 blocks, then 30 fresh ones for what is suspicious`.
pub(crate) fn sizes(design: &Design) -> String {
    match design.second_blocks {
        0 => format!("{} and no second stage", format::plural(design.first_blocks, "block")),
        second => {
            format!("{}, then {second} fresh ones for what is suspicious", format::plural(design.first_blocks, "block"))
        }
    }
}

/// What p is held against in each stage, and how many series share the budget.
fn levels(design: &Design) -> String {
    format!(
        "p below {} is suspicious, below {} decides; {} gate series share the budget",
        format::probability(design.first_alpha),
        format::probability(design.second_alpha),
        design.gate_series
    )
}
