//! Changes found in history: the list, by state and machine, and what the pages of findings share.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    response::Response,
};
use serde::Deserialize;

use crate::{
    history::Reader,
    model::{Finding, FindingId, FindingState, Scale, SeriesChange},
    report::format::{self, Sign},
    site::{
        http::{
            error::PageError,
            params,
            shared::{Shared, Site},
        },
        parts::{
            figure::Link,
            layout::{Layout, Place},
        },
    },
};

/// Findings on a page.
const LISTED: usize = 50;

/// Those that still ask for somebody's attention.
const OPEN: &[FindingState] = &[FindingState::New, FindingState::Confirmed];

/// What may follow the question mark.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// `open`, `all`, or one state; open ones unless named.
    state: Option<String>,
    environment: Option<String>,
    /// Which page, from 1.
    page: Option<String>,
}

#[derive(Template)]
#[template(path = "findings.html")]
struct FindingsPage {
    layout: Layout,
    headline: String,
    states: Vec<Link>,
    environments: Vec<Link>,
    rows: Vec<Row>,
    newer: Option<String>,
    older: Option<String>,
    json: String,
}

/// One finding.
struct Row {
    id: FindingId,
    sign: Sign,
    place: String,
    title: String,
    at_href: String,
    what: String,
    found: String,
    because: String,
}

impl Sign {
    pub(crate) const fn finding(state: FindingState) -> Sign {
        match state {
            FindingState::New => Sign { glyph: "◇", word: "new" },
            FindingState::Confirmed => Sign { glyph: "◆", word: "confirmed" },
            FindingState::Acknowledged => Sign { glyph: "✓", word: "acknowledged" },
            FindingState::Resolved => Sign { glyph: "↺", word: "resolved" },
            FindingState::Noise => Sign { glyph: "~", word: "noise" },
        }
    }
}

/// Answers `/findings`.
pub(crate) async fn page(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, PageError> {
    let asked = params::query(query)?;
    let state = asked.state.filter(|state| !state.is_empty());
    states(state.as_deref())?;
    let environment = params::optional(asked.environment.as_ref(), params::environment)?;
    let page = params::optional(asked.page.as_ref(), params::page)?.unwrap_or(1);
    let key = format!("/findings?{state:?}&{environment:?}&{page}");
    let choice = Choice { state: state.unwrap_or_else(|| "open".to_owned()), environment, page };
    shared.page(key, move |site| render(site, &choice)).await
}

/// What the list shows. Invariant: `state` is one that [`states`] knows.
struct Choice {
    state: String,
    environment: Option<String>,
    page: usize,
}

/// The states that a word stands for; those that are open where there is none.
pub(crate) fn states(word: Option<&str>) -> Result<&'static [FindingState], PageError> {
    match word.filter(|word| !word.is_empty()) {
        None | Some("open") => Ok(OPEN),
        Some("all") => Ok(&FindingState::ALL),
        Some(word) => {
            let state = params::finding_state(word)?;
            let place = FindingState::ALL.iter().position(|known| *known == state).unwrap_or_default();
            Ok(FindingState::ALL.get(place..=place).unwrap_or_default())
        }
    }
}

/// A finding, or the page that says that there is none of this number.
pub(crate) fn read(reader: &Reader, id: FindingId) -> Result<Finding, PageError> {
    reader.finding(id)?.ok_or_else(|| PageError::missing(format!("there is no finding {id}; /findings lists them")))
}

fn render(site: &Site, choice: &Choice) -> Result<String, PageError> {
    let states = states(Some(&choice.state))?;
    let mut findings = match site.reader() {
        Some(reader) => reader.findings(choice.environment.as_deref(), states)?,
        None => Vec::new(),
    };
    let all = findings.len();
    let first = (choice.page - 1) * LISTED;
    findings.drain(..first.min(all));
    findings.truncate(LISTED);
    let page = FindingsPage {
        layout: Layout::new(site, "Findings", Place::Findings)?,
        headline: headline(choice, all),
        states: choice.state_links(),
        environments: choice.environment_links(site)?,
        rows: findings.iter().map(Row::of).collect(),
        newer: (choice.page > 1).then(|| choice.href(&choice.state, choice.environment.as_deref(), choice.page - 1)),
        older: (first + LISTED < all)
            .then(|| choice.href(&choice.state, choice.environment.as_deref(), choice.page + 1)),
        json: choice.href(&choice.state, choice.environment.as_deref(), 1).replacen("/findings", "/api/v1/findings", 1),
    };
    Ok(page.render()?)
}

fn headline(choice: &Choice, all: usize) -> String {
    let all = u32::try_from(all).unwrap_or(u32::MAX);
    match (choice.state.as_str(), all) {
        ("open", 0) => "No change in history is open".to_owned(),
        ("open", 1) => "1 change in history asks for attention".to_owned(),
        ("open", all) => format!("{all} changes in history ask for attention"),
        ("all", all) => format!("{} found in history", format::plural(all, "change")),
        (state, all) => format!("{} in history: {state}", format::plural(all, "change")),
    }
}

impl Choice {
    fn href(&self, state: &str, environment: Option<&str>, page: usize) -> String {
        let environment = environment.map(|environment| format!("&environment={environment}")).unwrap_or_default();
        let page = if page > 1 { format!("&page={page}") } else { String::new() };
        format!("/findings?state={state}{environment}{page}")
    }

    fn state_links(&self) -> Vec<Link> {
        let words = std::iter::once("open").chain(FindingState::ALL.map(FindingState::as_str)).chain(["all"]);
        let link = |word: &str| Link {
            here: word == self.state,
            ..Link::new(word, self.href(word, self.environment.as_deref(), 1))
        };
        words.map(link).collect()
    }

    /// Empty where there is but one machine.
    fn environment_links(&self, site: &Site) -> Result<Vec<Link>, PageError> {
        let environments = site.reader().map(Reader::environments).transpose()?.unwrap_or_default();
        if environments.len() < 2 {
            return Ok(Vec::new());
        }
        let every = Link { here: self.environment.is_none(), ..Link::new("all", self.href(&self.state, None, 1)) };
        let links = environments.iter().map(|environment| Link {
            here: self.environment.as_deref() == Some(&environment.id),
            ..Link::new(environment.title(), self.href(&self.state, Some(&environment.id), 1))
        });
        Ok(std::iter::once(every).chain(links).collect())
    }
}

impl Row {
    fn of(finding: &Finding) -> Row {
        // The last word of a person, or else of the platform.
        let said = finding.events.iter().rfind(|event| event.person.is_some()).or(finding.events.last());
        let because = said.map(|event| match &event.person {
            Some(person) => format!("{person}: {}", event.text()),
            None => event.text(),
        });
        Row {
            id: finding.id,
            sign: Sign::finding(finding.state),
            place: place(finding),
            title: finding.at.title.clone(),
            at_href: format!("/commits/{}", finding.at.id),
            what: what(finding),
            found: format::date(finding.found_at),
            because: because.unwrap_or_default(),
        }
    }
}

/// Where it is: a commit, or a range of which only the ends were measured.
pub(crate) fn place(finding: &Finding) -> String {
    let at = finding.at.short();
    match &finding.after {
        Some(after) if finding.at.parent.as_deref() != Some(&after.id) => {
            format!("after {}, by {at}", after.short())
        }
        _ => format!("at {at}"),
    }
}

/// How much changes: `3 series, the largest 1.12 × (1.10 … 1.14)`.
fn what(finding: &Finding) -> String {
    let size = |change: &&SeriesChange| change.ratio.max(f64::MIN_POSITIVE).ln().abs();
    let largest = finding.series.iter().max_by(|a, b| size(a).total_cmp(&size(b)));
    let Some(largest) = largest else { return "no longer seen".to_owned() };
    let count = finding.series.len();
    let ratio = ratio(largest);
    let place = format!("{} {}", largest.case.scenario, format::metric(largest.metric));
    if count == 1 { format!("{ratio}, {place}") } else { format!("{count} series, most {ratio}, {place}") }
}

/// Level after over level before, with its interval.
pub(crate) fn ratio(change: &SeriesChange) -> String {
    format::effect(change.metric, Scale::Ratio, change.ratio, change.interval)
}

/// Which way a series goes. All of today's metrics are costs, so more is worse; the ratio says how much.
pub(crate) fn direction(change: &SeriesChange) -> Sign {
    let more = change.ratio > 1.0;
    let lower_is_better = change.metric.direction() == crate::model::Direction::Lower;
    if more == lower_is_better { Sign::WORSE } else { Sign::BETTER }
}
