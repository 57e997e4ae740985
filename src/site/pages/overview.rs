//! The overview: one line about the newest commit, what runs now, the newest revisions, and how headline numbers went.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use askama::Template;
use axum::{extract::State, response::Response};

use crate::{
    charts::Sparkline,
    history::{GroupCounts, Reader, RunListing, Series},
    model::{Metric, RevisionKind, RunId, RunState},
    report::format::{self, Sign},
    site::{
        http::{
            error::PageError,
            params,
            shared::{Shared, Site},
        },
        parts::{
            graph::{self, History},
            layout::{Layout, Place},
            progress::Now,
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
#[template(path = "home.html")]
struct Home {
    layout: Layout,
    headline: Headline,
    /// Nothing is measured yet, and somebody is about to.
    preparing: bool,
    now: Option<Now>,
    groups: Vec<String>,
    rows: Vec<Row>,
    cards: Vec<Card>,
    environment: String,
}

/// The answer to what visitors ask first.
struct Headline {
    sign: Sign,
    text: String,
    newest: Option<Newest>,
}

/// The revision that the headline speaks of.
struct Newest {
    name: String,
    href: String,
    title: String,
    date: String,
    run: String,
    counts: String,
}

/// One revision.
struct Row {
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
struct Card {
    title: String,
    href: String,
    value: String,
    half_width: String,
    sign: Sign,
    svg: String,
}

/// Answers `/`.
pub(crate) async fn page(State(shared): State<Arc<Shared>>) -> Result<Response, PageError> {
    shared.page("/".to_owned(), render).await
}

fn render(site: &Site) -> Result<String, PageError> {
    let layout = Layout::new(site, "Overview", Place::Overview)?;
    let Some(reader) = site.reader() else {
        let empty = Home {
            layout,
            headline: Headline::empty(),
            preparing: false,
            now: None,
            groups: vec![],
            rows: vec![],
            cards: vec![],
            environment: String::new(),
        };
        return Ok(empty.render()?);
    };
    let listings = reader.runs(LISTED)?;
    let (groups, rows) = rows(reader, &listings)?;
    let newest = listings.iter().find(|listing| listing.run.revision.kind == RevisionKind::Commit);
    let newest = newest.or(listings.first());
    let cards = newest.map(|newest| cards(reader, newest)).transpose()?.unwrap_or_default();
    let home = Home {
        layout,
        headline: newest.map_or_else(|| Ok(Headline::empty()), |newest| Headline::of(reader, newest))?,
        preparing: newest.is_none() && reader.is_written(),
        now: Now::read(reader)?,
        groups,
        rows,
        cards,
        environment: newest.map(|newest| newest.run.environment.clone()).unwrap_or_default(),
    };
    Ok(home.render()?)
}

impl Headline {
    fn empty() -> Headline {
        Headline { sign: Sign::UNSUPPORTED, text: "Nothing has been measured yet".to_owned(), newest: None }
    }

    fn of(reader: &Reader, listing: &RunListing) -> Result<Headline, PageError> {
        let (sign, text) = answer(reader, listing)?;
        let revision = &listing.run.revision;
        let newest = Newest {
            name: revision.short().to_owned(),
            href: format!("/commits/{}", revision.id),
            title: revision.title.clone(),
            date: format::date(listing.run.started_at),
            run: format!("/runs/{}", listing.run.id),
            counts: outcome(listing),
        };
        Ok(Headline { sign, text, newest: Some(newest) })
    }
}

/// The one line: what the commit's verdict says, or, where there is none, what can be believed.
fn answer(reader: &Reader, listing: &RunListing) -> Result<(Sign, String), PageError> {
    let Some((sign, sentence, _)) = verdict_summary::sign(reader, listing)? else { return Ok(belief(listing)) };
    let name = listing.run.revision.short();
    Ok(match listing.failures {
        0 => (sign, format!("{sentence} at {name}")),
        failures => {
            let sign = if sign == Sign::WORSE { sign } else { Sign::FAILED };
            (sign, format!("{sentence} at {name}, with {}", format::plural(failures, "failure")))
        }
    })
}

/// Whether the numbers of a run can be believed.
fn belief(listing: &RunListing) -> (Sign, String) {
    let name = listing.run.revision.short();
    let all = listing.sound + listing.noisy + listing.unusable;
    match listing.run.state {
        RunState::BuildFailed => return (Sign::FAILED, format!("The newest commit, {name}, does not build")),
        RunState::Unsupported => return (Sign::UNSUPPORTED, format!("The newest commit, {name}, cannot be measured")),
        RunState::Running if all == 0 => {
            return (Sign::UNSUPPORTED, format!("{name} is being measured for the first time"));
        }
        _ => {}
    }
    if listing.failures > 0 {
        (Sign::FAILED, format!("{} at {name}", format::plural(listing.failures, "failure")))
    } else if listing.unusable > 0 {
        (Sign::UNUSABLE, format!("{} of {all} numbers at {name} cannot be believed", listing.unusable))
    } else if listing.noisy > 0 {
        (Sign::NOISY, format!("{name} is measured; {} of {all} numbers are noisy", listing.noisy))
    } else if all > 0 {
        (Sign::SOUND, format!("All {all} numbers at {name} are sound"))
    } else {
        (Sign::UNSUPPORTED, format!("Nothing was measured at {name}"))
    }
}

/// `112 sound, 8 noisy, 2 failures`, or how far a run came that has no numbers.
pub(crate) fn outcome(listing: &RunListing) -> String {
    let counts = [
        (listing.sound, "sound".to_owned()),
        (listing.noisy, "noisy".to_owned()),
        (listing.unusable, "unusable".to_owned()),
        (listing.failures, if listing.failures == 1 { "failure".to_owned() } else { "failures".to_owned() }),
    ];
    let mut parts: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if listing.run.state != RunState::Finished {
        let state = format::state(listing.run.state);
        let far = format!("{state} ({})", format::trials(listing.trials, listing.planned_trials));
        parts.push(if listing.planned_trials > 0 { far } else { state.to_owned() });
    }
    parts.join(", ")
}

/// Rows of revisions, with a column for each group of scenarios that any of them has.
fn rows(reader: &Reader, listings: &[RunListing]) -> Result<(Vec<String>, Vec<Row>), PageError> {
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
        rows.push(Row {
            name: revision.short().to_owned(),
            href: format!("/commits/{}", revision.id),
            title: revision.title.clone(),
            date: format::date(revision.committed_at),
            // Only worth a word where there is more than one.
            machine: machine.filter(|_| environments.len() > 1).map(|machine| machine.cpu.clone()).unwrap_or_default(),
            signs: groups.iter().map(|group| signs.get(group).cloned()).collect(),
            verdict: verdict_summary::sign(reader, listing)?,
            outcome: outcome(listing),
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
fn cards(reader: &Reader, newest: &RunListing) -> Result<Vec<Card>, PageError> {
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
        let history = History::on(axis.clone(), series, &scenario, metric, environment, SPARKLINE);
        let latest = |line: &&Series| line.points.last().and_then(|point| history.place(point));
        // The newest point, then the last by its parameters, which is the largest.
        let Some(line) = history.series.iter().max_by_key(latest) else { continue };
        cards.extend(card(&history, line, None)?);
    }
    Ok(cards)
}

fn card(history: &History, line: &Series, marked: Option<usize>) -> Result<Option<Card>, PageError> {
    let Some(point) = line.points.last() else { return Ok(None) };
    let svg = sparkline(history, line, marked)?;
    let label = graph::line_label(line, &history.series);
    Ok(Some(Card {
        title: format!("{} {label}", history.scenario),
        href: format!("/runs/{}/cases/{}", point.run, params::case_id(&line.case)),
        value: format::estimate(history.metric, point.estimate, point.interval),
        half_width: format::half_width(point.estimate, point.interval),
        sign: Sign::grade(point.grade),
        svg,
    }))
}

/// A line without axes, with one place marked.
pub(crate) fn sparkline(history: &History, line: &Series, marked: Option<usize>) -> Result<String, PageError> {
    let values: Vec<_> = (0..history.axis.len()).map(|place| history.at(line, place).map(graph::estimate)).collect();
    let label = graph::line_label(line, &history.series);
    let title =
        format!("{} {label}, {} over {} revisions", history.scenario, format::metric(history.metric), values.len());
    Ok(Sparkline { title: &title, values: &values, marked }.svg()?)
}
