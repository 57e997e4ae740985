//! The page of a comparison: what changed between two revisions that were measured together, with all that was fixed
//! before the first trial. Each series leads to its own page.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use serde::Deserialize;

use crate::{
    history::ComparisonListing,
    model::{ComparisonId, RunState},
    report::format::{self, Sign},
    site::{
        http::{
            address::{Address, Params},
            error::PageError,
            names::{ComparisonNumber, ScenarioName},
            param::Optional,
            shared::{Shared, Site},
        },
        parts::{
            comparison_facts::{ComparisonFacts, find_comparison},
            layout::{Layout, Section},
            progress::LiveProgress,
            verdict_table::VerdictTable,
        },
    },
};

/// The query of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ComparisonParams {
    /// Which scenario's series; all unless named.
    scenario: Optional<ScenarioName>,
}

#[derive(Template)]
#[template(path = "comparison.html")]
struct ComparisonPage {
    layout: Layout,
    sign: Sign,
    headline: String,
    lede: String,
    facts: ComparisonFacts,
    counts: Vec<(Sign, u32)>,
    progress: Option<LiveProgress>,
    failures: Vec<(String, String, String)>,
    table: VerdictTable,
    meanings: [(Sign, &'static str); 5],
    reproduce: String,
    href: String,
}

/// Answers `/comparisons/{comparison}`.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    Address(ComparisonNumber(comparison)): Address<ComparisonNumber>,
    Params(params): Params<ComparisonParams>,
) -> Result<Response, PageError> {
    let scenario = params.scenario.0.map(|ScenarioName(scenario)| scenario);
    let key = format!("/comparisons/{comparison}?{scenario:?}");
    shared.page(key, move |site| render(site, comparison, scenario.as_deref())).await
}

fn render(site: &Site, id: ComparisonId, only: Option<&str>) -> Result<String, PageError> {
    let reader = site.history()?;
    let listing = find_comparison(reader, id)?;
    let (sign, headline) = format::headline(&listing.comparison, &listing.summary());
    let facts = ComparisonFacts::of(reader, &listing)?;
    let title = format!("{} against {}", facts.head.name, facts.base.name);
    let page = ComparisonPage {
        layout: Layout::new(site, title, Section::Comparisons)?,
        sign,
        headline,
        lede: write_lede(&listing),
        counts: format::counts(&listing.summary()),
        progress: LiveProgress::read(reader)?.filter(|progress| progress.comparison == Some(id)),
        failures: count_failures(&listing),
        table: VerdictTable::of(id, &reader.verdicts(id)?, only)?,
        meanings: format::MEANINGS,
        reproduce: listing.head.run.reproduce.clone(),
        href: format!("/comparisons/{id}"),
        facts,
    };
    Ok(page.render()?)
}

/// How far the headline can be trusted.
fn write_lede(listing: &ComparisonListing) -> String {
    let design = &listing.comparison.design;
    if listing.comparison.identical {
        return "Both revisions build to the same binary and ran with the same configuration, so the code cannot have \
                changed anything."
            .to_owned();
    }
    let budget = format::share(design.budget);
    let promise = format!("False-alarm budget for this page: {budget}.");
    match listing.comparison.state {
        RunState::Running => format!("This page updates as blocks arrive. {promise}"),
        RunState::Interrupted => {
            format!("The comparison was interrupted; run the same command again to continue. {promise}")
        }
        _ => promise,
    }
}

/// Sides with failures: which, how many, and the page that lists them.
fn count_failures(listing: &ComparisonListing) -> Vec<(String, String, String)> {
    let sides = [("base", &listing.base), ("head", &listing.head)];
    let failed = sides.into_iter().filter(|(_, side)| side.failures > 0);
    failed
        .map(|(name, side)| {
            (name.to_owned(), format::plural(side.failures, "failure"), format!("/runs/{}#failures", side.run.id))
        })
        .collect()
}
