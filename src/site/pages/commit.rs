//! The page of a revision: its results, how reliable they are, what failed, its position in history, and how to reproduce
//! it.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use serde::Deserialize;

use crate::{
    history::{Reader, RunListing},
    model::{Metric, RevisionKind, RunState},
    report::format::{self, Sign},
    site::{
        http::{
            address::{Address, Params},
            error::PageError,
            names::{EnvironmentId, RevisionName, ScenarioName},
            param::Optional,
            shared::{Shared, Site},
        },
        parts::{
            case_table::CaseTable,
            failures::{FailureText, MOST_FAILURES},
            figure::Link,
            layout::{Layout, Section},
            progress::{self, LiveProgress},
            run_facts::{RunFacts, describe_outcome},
            series_history::SeriesHistory,
            sparkline::draw_sparkline,
            verdict_summary::{self, VerdictSummary},
        },
    },
};

/// Revisions behind each small graph.
const SPAN: usize = 40;

/// Small graphs shown.
const CARDS: usize = 12;

/// The query of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CommitParams {
    /// Which machine; the one measured last unless named.
    environment: Optional<EnvironmentId>,
    /// Which scenario's cases; all unless named.
    scenario: Optional<ScenarioName>,
}

#[derive(Template)]
#[template(path = "commit.html")]
struct CommitPage {
    layout: Layout,
    sign: Sign,
    title: String,
    answer: String,
    verdict: VerdictSummary,
    facts: RunFacts,
    progress: Option<LiveProgress>,
    others: Vec<Link>,
    cases: CaseTable,
    only: Option<String>,
    failures: Vec<FailureText>,
    cards: Vec<HistoryCard>,
    reproduce: String,
    href: String,
}

/// The position of this revision in the history of one scenario.
struct HistoryCard {
    title: String,
    href: String,
    svg: String,
}

/// Answers `/commits/{revision}`.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    Address(RevisionName(revision)): Address<RevisionName>,
    Params(params): Params<CommitParams>,
) -> Result<Response, PageError> {
    let environment = params.environment.0.map(|EnvironmentId(environment)| environment);
    let scenario = params.scenario.0.map(|ScenarioName(scenario)| scenario);
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
    let (sign, answer) = summarize(listing);
    let name = run.revision.short();
    let page = CommitPage {
        layout: Layout::new(site, format!("{name} {}", run.revision.title), Section::Unlisted)?,
        sign,
        title: run.revision.title.clone(),
        answer,
        verdict: verdict_summary::read(reader, listing)?,
        facts: RunFacts::of(reader, listing)?,
        progress: progress::read_of_run(reader, run.id)?,
        others: link_others(&listings, listing),
        cases: CaseTable::of(run.id, &measurements, &failures, only),
        only: only.map(str::to_owned),
        failures: failures.iter().take(MOST_FAILURES).map(|failure| FailureText::of(run.id, failure)).collect(),
        cards: read_cards(reader, listing)?,
        reproduce: run.reproduce.clone(),
        href: format!("/commits/{}", run.revision.id),
    };
    Ok(page.render()?)
}

/// What the run says, in a sentence.
fn summarize(listing: &RunListing) -> (Sign, String) {
    let all = listing.sound + listing.noisy + listing.unusable;
    let (results, outcome) = (format::plural(all, "result"), describe_outcome(listing));
    match listing.run.state {
        RunState::BuildFailed => (Sign::FAILED, "This revision does not build; see the failure below.".to_owned()),
        RunState::Unsupported => (
            Sign::UNSUPPORTED,
            "This revision has no subject that speaks the contract, so it cannot be measured.".to_owned(),
        ),
        _ if all == 0 && listing.failures == 0 => (Sign::UNSUPPORTED, "This revision has no results yet.".to_owned()),
        _ if listing.failures > 0 => (Sign::FAILED, format!("{results}: {outcome}.")),
        _ if listing.unusable > 0 => (Sign::UNUSABLE, format!("{results}: {outcome}.")),
        _ if listing.noisy > 0 => (Sign::NOISY, format!("{results}: {outcome}.")),
        _ => (Sign::SOUND, format!("{results} passed every check.")),
    }
}

/// Other runs of the same revision.
fn link_others(listings: &[RunListing], shown: &RunListing) -> Vec<Link> {
    let others = listings.iter().filter(|listing| listing.run.id != shown.run.id);
    others.map(|listing| Link::new(format!("run {}", listing.run.id), format!("/runs/{}", listing.run.id))).collect()
}

/// Wall time of each scenario over history, with this revision marked.
fn read_cards(reader: &Reader, listing: &RunListing) -> Result<Vec<HistoryCard>, PageError> {
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
        let history = SeriesHistory::on(axis.clone(), series, &scenario, metric, environment, SPAN);
        let Some(place) = history.place_of(revision) else { continue };
        let Some(line) = history.series.iter().rfind(|line| history.at(line, place).is_some()) else { continue };
        let at = if worktree { String::new() } else { format!("?at={revision}") };
        cards.push(HistoryCard {
            title: format!("{scenario} {}", line.label.0),
            href: format!("/scenarios/{scenario}{at}"),
            svg: draw_sparkline(&history, line, Some(place))?,
        });
    }
    Ok(cards)
}
