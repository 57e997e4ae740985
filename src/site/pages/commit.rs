//! The page of a revision: what was measured, whether to believe it, what failed, where it stands in history, and how to
//! measure it again.

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

use super::{
    overview,
    run::{self, FailureText},
};
use crate::{
    history::{Reader, RunListing},
    model::{Metric, RevisionKind, RunState},
    report::format::Sign,
    site::{
        http::{
            error::PageError,
            params,
            shared::{Shared, Site},
        },
        parts::{
            case_table::Cases,
            figure::Link,
            graph::History,
            layout::{Layout, Place},
            progress::{self, Now},
            verdict_summary::{self, Judged},
        },
    },
};

/// Revisions behind each small graph.
const SPAN: usize = 40;

/// Small graphs shown.
const CARDS: usize = 12;

/// What may follow the question mark.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// Which machine; the one measured last unless named.
    environment: Option<String>,
    /// Which scenario's cases; all unless named.
    scenario: Option<String>,
}

#[derive(Template)]
#[template(path = "commit.html")]
struct Commit {
    layout: Layout,
    sign: Sign,
    title: String,
    answer: String,
    judged: Judged,
    facts: run::Facts,
    now: Option<Now>,
    others: Vec<Link>,
    cases: Cases,
    only: Option<String>,
    failures: Vec<FailureText>,
    cards: Vec<Card>,
    reproduce: String,
    href: String,
}

/// Where this revision stands in the history of one scenario.
struct Card {
    title: String,
    href: String,
    svg: String,
}

/// Answers `/commits/{revision}`.
pub(crate) async fn page(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, PageError> {
    let revision = params::revision(&params::path(path)?)?;
    let asked = params::query(query)?;
    let environment = params::optional(asked.environment.as_ref(), params::environment)?;
    let scenario = params::optional(asked.scenario.as_ref(), params::scenario)?;
    let key = format!("/commits/{revision}?{environment:?}&{scenario:?}");
    shared.page(key, move |site| render(site, &revision, environment.as_deref(), scenario.as_deref())).await
}

fn render(site: &Site, revision: &str, environment: Option<&str>, only: Option<&str>) -> Result<String, PageError> {
    let reader = site.history()?;
    let listings = reader.runs_of(revision)?;
    let here = || listings.iter().filter(|listing| environment.is_none_or(|id| listing.run.environment == id));
    // A comparison of equal programs opens runs and measures nothing; what was measured says more.
    let telling = |listing: &&RunListing| listing.trials > 0 || listing.failures > 0;
    let chosen = here().find(telling).or_else(|| here().next());
    let Some(listing) = chosen else {
        let what = format!("no run of {revision} is in the history; `benchline run {revision}` measures it");
        return Err(PageError::missing(what));
    };
    let run = &listing.run;
    let (measurements, failures) = (reader.measurements(run.id)?, reader.failures(run.id)?);
    let (sign, answer) = answer(listing);
    let name = run.revision.short();
    let page = Commit {
        layout: Layout::new(site, format!("{name} {}", run.revision.title), Place::Elsewhere)?,
        sign,
        title: run.revision.title.clone(),
        answer,
        judged: verdict_summary::of(reader, listing)?,
        facts: run::Facts::of(reader, listing)?,
        now: progress::of_run(reader, run.id)?,
        others: others(&listings, listing),
        cases: Cases::of(run.id, &measurements, &failures, only),
        only: only.map(str::to_owned),
        failures: failures.iter().take(run::MOST_FAILURES).map(|failure| FailureText::of(run.id, failure)).collect(),
        cards: cards(reader, listing)?,
        reproduce: run.reproduce.clone(),
        href: format!("/commits/{}", run.revision.id),
    };
    Ok(page.render()?)
}

/// What the run says, in a sentence.
fn answer(listing: &RunListing) -> (Sign, String) {
    let all = listing.sound + listing.noisy + listing.unusable;
    let outcome = overview::outcome(listing);
    match listing.run.state {
        RunState::BuildFailed => (Sign::FAILED, "It does not build; the failure below says why.".to_owned()),
        RunState::Unsupported => (
            Sign::UNSUPPORTED,
            "It has no subject that speaks the contract, so there is nothing to measure.".to_owned(),
        ),
        _ if all == 0 && listing.failures == 0 => (Sign::UNSUPPORTED, "Nothing of it is measured yet.".to_owned()),
        _ if listing.failures > 0 => (Sign::FAILED, format!("Of {all} numbers: {outcome}.")),
        _ if listing.unusable > 0 => (Sign::UNUSABLE, format!("Of {all} numbers: {outcome}.")),
        _ if listing.noisy > 0 => (Sign::NOISY, format!("Of {all} numbers: {outcome}.")),
        _ => (Sign::SOUND, format!("Every one of {all} numbers passed its checks.")),
    }
}

/// Other runs of the same revision.
fn others(listings: &[RunListing], shown: &RunListing) -> Vec<Link> {
    let others = listings.iter().filter(|listing| listing.run.id != shown.run.id);
    others.map(|listing| Link::new(format!("run {}", listing.run.id), format!("/runs/{}", listing.run.id))).collect()
}

/// Wall time of each scenario over history, with this revision marked.
fn cards(reader: &Reader, listing: &RunListing) -> Result<Vec<Card>, PageError> {
    let (environment, revision) = (listing.run.environment.as_str(), listing.run.revision.id.as_str());
    let mut axis = reader.axis(environment)?;
    let Some(place) = axis.iter().rposition(|listing| listing.run.revision.id == revision) else {
        return Ok(Vec::new());
    };
    // The marked revision stays in view, with what came after it as far as there is room.
    let end = (place + SPAN / 2).max(SPAN).min(axis.len());
    axis.truncate(end);
    axis.drain(..end.saturating_sub(SPAN));
    let worktree = listing.run.revision.kind == RevisionKind::Worktree;
    let mut cards = Vec::new();
    for scenario in reader.scenarios()?.into_iter().take(CARDS) {
        let metric = Metric::WALL_TIME;
        let series = reader.series(&scenario, metric, environment)?;
        let history = History::on(axis.clone(), series, &scenario, metric, environment, SPAN);
        let Some(place) = history.place_of(revision) else { continue };
        let Some(line) = history.series.iter().rfind(|line| history.at(line, place).is_some()) else { continue };
        let at = if worktree { String::new() } else { format!("?at={revision}") };
        cards.push(Card {
            title: format!("{scenario} {}", line.label.0),
            href: format!("/scenarios/{scenario}{at}"),
            svg: overview::sparkline(&history, line, Some(place))?,
        });
    }
    Ok(cards)
}
