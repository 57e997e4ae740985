//! The overview: one line about the newest commit, what is being measured, the newest revisions, and the wall time of each scenario.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use askama::Template;
use axum::{extract::State, response::Response};

use crate::{
    history::{GroupCounts, Reader, RunListing, Series},
    model::{Metric, RevisionKind, RunId, RunState},
    report::format::{self, Sign},
    site::{
        http::{
            error::PageError,
            names::CaseId,
            shared::{Shared, Site},
        },
        parts::{
            layout::{Layout, Section},
            progress::LiveProgress,
            run_facts::describe_outcome,
            series_history::SeriesHistory,
            sparkline::draw_sparkline,
            verdict_summary,
        },
    },
};

/// Revisions listed.
const LISTED: u32 = 20;

/// Revisions behind a sparkline.
const SPARKLINE: usize = 40;

/// Sparklines shown.
const CARDS: usize = 12;

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    layout: Layout,
    headline: Headline,
    /// Nothing is measured yet, and somebody is about to.
    preparing: bool,
    progress: Option<LiveProgress>,
    groups: Vec<String>,
    rows: Vec<RevisionRow>,
    cards: Vec<ScenarioCard>,
    environment: String,
}

/// The answer to what visitors ask first.
struct Headline {
    sign: Sign,
    text: String,
    newest: Option<Newest>,
}

/// The revision of the headline.
struct Newest {
    name: String,
    href: String,
    title: String,
    date: String,
    run: String,
    counts: String,
}

/// One revision.
struct RevisionRow {
    name: String,
    href: String,
    title: String,
    date: String,
    machine: String,
    /// A sign for each group of scenarios; `None` where nothing of it was measured.
    signs: Vec<Option<(Sign, String)>>,
    /// The sign of its verdict, the sentence, and the comparison's page.
    verdict: Option<(Sign, String, String)>,
    outcome: String,
}

/// One headline number over time.
struct ScenarioCard {
    title: String,
    href: String,
    value: String,
    half_width: String,
    sign: Sign,
    svg: String,
}

/// Answers `/`.
pub(crate) async fn show(State(shared): State<Arc<Shared>>) -> Result<Response, PageError> {
    shared.page("/".to_owned(), render).await
}

fn render(site: &Site) -> Result<String, PageError> {
    let layout = Layout::new(site, "Overview", Section::Overview)?;
    let Some(reader) = site.reader() else {
        let empty = OverviewPage {
            layout,
            headline: Headline::empty(),
            preparing: false,
            progress: None,
            groups: vec![],
            rows: vec![],
            cards: vec![],
            environment: String::new(),
        };
        return Ok(empty.render()?);
    };
    let listings = reader.runs(LISTED)?;
    let (groups, rows) = read_rows(reader, &listings)?;
    let newest = listings.iter().find(|listing| listing.run.revision.kind == RevisionKind::Commit);
    let newest = newest.or(listings.first());
    let cards = newest.map(|newest| read_cards(reader, newest)).transpose()?.unwrap_or_default();
    let page = OverviewPage {
        layout,
        headline: newest.map_or_else(|| Ok(Headline::empty()), |newest| Headline::of(reader, newest))?,
        preparing: newest.is_none() && reader.is_written(),
        progress: LiveProgress::read(reader)?,
        groups,
        rows,
        cards,
        environment: newest.map(|newest| newest.run.environment.clone()).unwrap_or_default(),
    };
    Ok(page.render()?)
}

impl Headline {
    fn empty() -> Headline {
        Headline { sign: Sign::UNSUPPORTED, text: "Nothing has been measured yet".to_owned(), newest: None }
    }

    fn of(reader: &Reader, listing: &RunListing) -> Result<Headline, PageError> {
        let (sign, text) = summarize(reader, listing)?;
        let revision = &listing.run.revision;
        let newest = Newest {
            name: revision.short().to_owned(),
            href: format!("/commits/{}", revision.id),
            title: revision.title.clone(),
            date: format::date(listing.run.started_at),
            run: format!("/runs/{}", listing.run.id),
            counts: describe_outcome(listing),
        };
        Ok(Headline { sign, text, newest: Some(newest) })
    }
}

/// The one line: what the commit's verdict says, or, where there is none, how reliable its results are.
fn summarize(reader: &Reader, listing: &RunListing) -> Result<(Sign, String), PageError> {
    let Some((sign, sentence, _)) = verdict_summary::read_sign(reader, listing)? else {
        return Ok(describe_reliability(listing));
    };
    let name = listing.run.revision.short();
    Ok(match listing.failures {
        0 => (sign, format!("{name}: {sentence}")),
        failures => {
            let sign = if sign == Sign::WORSE { sign } else { Sign::FAILED };
            (sign, format!("{name}: {sentence}, with {}", format::plural(failures, "failure")))
        }
    })
}

/// Whether the results of a run are reliable.
fn describe_reliability(listing: &RunListing) -> (Sign, String) {
    let name = listing.run.revision.short();
    let all = listing.sound + listing.noisy + listing.unusable;
    match listing.run.state {
        RunState::BuildFailed => return (Sign::FAILED, format!("The newest commit, {name}, does not build")),
        RunState::Unsupported => return (Sign::UNSUPPORTED, format!("The newest commit, {name}, is not supported")),
        RunState::Running if all == 0 => {
            return (Sign::UNSUPPORTED, format!("{name}: first measurement in progress"));
        }
        _ => {}
    }
    if listing.failures > 0 {
        (Sign::FAILED, format!("{name}: {}", format::plural(listing.failures, "failure")))
    } else if listing.unusable > 0 {
        (Sign::UNUSABLE, format!("{name}: {} of {all} results are reliable", all - listing.unusable))
    } else if listing.noisy > 0 {
        (Sign::NOISY, format!("{name}: {} of {} noisy", listing.noisy, format::plural(all, "result")))
    } else if all > 0 {
        (Sign::SOUND, format!("{name}: {}, all sound", format::plural(all, "result")))
    } else {
        (Sign::UNSUPPORTED, format!("{name}: no results"))
    }
}

/// Rows of revisions, with a column for each group of scenarios that any of them has.
fn read_rows(reader: &Reader, listings: &[RunListing]) -> Result<(Vec<String>, Vec<RevisionRow>), PageError> {
    let environments = reader.environments()?;
    let runs: Vec<RunId> = listings.iter().map(|listing| listing.run.id).collect();
    let grades: Vec<BTreeMap<String, (Sign, String)>> =
        reader.grades(&runs)?.iter().map(|groups| groups.iter().map(group_sign).collect()).collect();
    let groups: BTreeSet<&String> = grades.iter().flat_map(BTreeMap::keys).collect();
    let groups: Vec<String> = groups.into_iter().cloned().collect();
    let mut rows = Vec::with_capacity(listings.len());
    for (listing, signs) in listings.iter().zip(&grades) {
        let revision = &listing.run.revision;
        let machine = environments.iter().find(|environment| environment.id == listing.run.environment);
        rows.push(RevisionRow {
            name: revision.short().to_owned(),
            href: format!("/commits/{}", revision.id),
            title: revision.title.clone(),
            date: format::date(revision.committed_at),
            // Only worth a word where there is more than one.
            machine: machine.filter(|_| environments.len() > 1).map(|machine| machine.cpu.clone()).unwrap_or_default(),
            signs: groups.iter().map(|group| signs.get(group).cloned()).collect(),
            verdict: verdict_summary::read_sign(reader, listing)?,
            outcome: describe_outcome(listing),
        });
    }
    Ok((groups, rows))
}

/// The worst sign of a group of scenarios, and the counts behind it.
fn group_sign(counts: &GroupCounts) -> (String, (Sign, String)) {
    let counted = [
        (Sign::FAILED, counts.failed),
        (Sign::UNUSABLE, counts.unusable),
        (Sign::NOISY, counts.noisy),
        (Sign::SOUND, counts.sound),
        (Sign::UNSUPPORTED, counts.unsupported),
    ];
    let present = || counted.iter().filter(|(_, count)| *count > 0);
    let worst = present().next().map_or(Sign::SOUND, |(sign, _)| *sign);
    let told: Vec<String> = present().map(|(sign, count)| format!("{count} {}", sign.word)).collect();
    (counts.group.clone(), (worst, told.join(", ")))
}

/// Wall time of each scenario's largest case, over the newest revisions.
fn read_cards(reader: &Reader, newest: &RunListing) -> Result<Vec<ScenarioCard>, PageError> {
    let environment = newest.run.environment.as_str();
    let mut axis = reader.axis(environment)?;
    axis.drain(..axis.len().saturating_sub(SPARKLINE));
    let mut cards = Vec::new();
    for scenario in reader.scenarios()? {
        if cards.len() == CARDS {
            break;
        }
        let metric = Metric::WALL_TIME;
        let series = reader.series(&scenario, metric, environment)?;
        let history = SeriesHistory::on(axis.clone(), series, &scenario, metric, environment, SPARKLINE);
        let latest = |line: &&Series| line.points.last().and_then(|point| history.place(point));
        // The newest point, then the last by its parameters, which is the largest.
        let Some(line) = history.series.iter().max_by_key(latest) else { continue };
        cards.extend(draw_card(&history, line)?);
    }
    Ok(cards)
}

fn draw_card(history: &SeriesHistory, line: &Series) -> Result<Option<ScenarioCard>, PageError> {
    let Some(point) = line.points.last() else { return Ok(None) };
    let svg = draw_sparkline(history, line, None)?;
    let label = history.label(line);
    Ok(Some(ScenarioCard {
        title: format!("{} {label}", history.scenario),
        href: format!("/runs/{}/cases/{}", point.run, CaseId::of(&line.case)),
        value: format::estimate(history.metric, point.estimate, point.interval),
        half_width: format::half_width(point.estimate, point.interval),
        sign: Sign::grade(point.grade),
        svg,
    }))
}
