//! The list of changes found in the history, by state and machine.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use serde::Deserialize;

use crate::{
    history::Reader,
    model::{Finding, FindingId, SeriesChange},
    report::format::{self, Sign},
    site::{
        http::{
            address::Params,
            choices::{FindingFilter, PageNumber},
            error::PageError,
            names::EnvironmentId,
            param::Optional,
            shared::{Shared, Site},
        },
        parts::{
            figure::Link,
            finding_text::{describe_place, format_ratio},
            layout::{Layout, Section},
        },
    },
};

/// Findings on a page.
const LISTED: usize = 50;

/// The query of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FindingsParams {
    /// `open`, `all`, or one state; open ones unless named.
    state: Optional<FindingFilter>,
    environment: Optional<EnvironmentId>,
    /// Which page, from 1.
    page: Optional<PageNumber>,
}

#[derive(Template)]
#[template(path = "findings.html")]
struct FindingsPage {
    layout: Layout,
    headline: String,
    states: Vec<Link>,
    environments: Vec<Link>,
    rows: Vec<FindingRow>,
    newer: Option<String>,
    older: Option<String>,
    json: String,
}

/// One finding.
struct FindingRow {
    id: FindingId,
    sign: Sign,
    place: String,
    title: String,
    at_href: String,
    what: String,
    found: String,
    because: String,
}

/// Answers `/findings`.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    Params(params): Params<FindingsParams>,
) -> Result<Response, PageError> {
    let key = format!("/findings?{params:?}");
    let selection = FindingSelection {
        filter: params.state.0.unwrap_or_default(),
        environment: params.environment.0.map(|EnvironmentId(environment)| environment),
        page: params.page.0.map_or(1, |PageNumber(page)| page),
    };
    shared.page(key, move |site| render(site, &selection)).await
}

/// What the list shows.
struct FindingSelection {
    filter: FindingFilter,
    environment: Option<String>,
    page: usize,
}

fn render(site: &Site, selection: &FindingSelection) -> Result<String, PageError> {
    let mut findings = match site.reader() {
        Some(reader) => reader.findings(selection.environment.as_deref(), &selection.filter.states())?,
        None => Vec::new(),
    };
    let all = findings.len();
    let first = (selection.page - 1) * LISTED;
    findings.drain(..first.min(all));
    findings.truncate(LISTED);
    let page = FindingsPage {
        layout: Layout::new(site, "Findings", Section::Findings)?,
        headline: write_headline(selection, all),
        states: selection.state_links(),
        environments: selection.environment_links(site)?,
        rows: findings.iter().map(FindingRow::of).collect(),
        newer: (selection.page > 1)
            .then(|| selection.href(selection.filter, selection.environment.as_deref(), selection.page - 1)),
        older: (first + LISTED < all)
            .then(|| selection.href(selection.filter, selection.environment.as_deref(), selection.page + 1)),
        json: selection.href(selection.filter, selection.environment.as_deref(), 1).replacen(
            "/findings",
            "/api/v1/findings",
            1,
        ),
    };
    Ok(page.render()?)
}

fn write_headline(selection: &FindingSelection, all: usize) -> String {
    let all = u32::try_from(all).unwrap_or(u32::MAX);
    match (selection.filter.as_str(), all) {
        ("open", 0) => "No open findings".to_owned(),
        ("open", 1) => "1 finding needs attention".to_owned(),
        ("open", all) => format!("{all} findings need attention"),
        ("all", all) => format::plural(all, "finding"),
        (state, all) => format::plural(all, &format!("{state} finding")),
    }
}

impl FindingSelection {
    fn href(&self, filter: FindingFilter, environment: Option<&str>, page: usize) -> String {
        let environment = environment.map(|environment| format!("&environment={environment}")).unwrap_or_default();
        let page = if page > 1 { format!("&page={page}") } else { String::new() };
        format!("/findings?state={}{environment}{page}", filter.as_str())
    }

    fn state_links(&self) -> Vec<Link> {
        let link = |filter: FindingFilter| Link {
            here: filter == self.filter,
            ..Link::new(filter.as_str(), self.href(filter, self.environment.as_deref(), 1))
        };
        FindingFilter::all().map(link).collect()
    }

    /// Empty where there is but one machine.
    fn environment_links(&self, site: &Site) -> Result<Vec<Link>, PageError> {
        let environments = site.reader().map(Reader::environments).transpose()?.unwrap_or_default();
        if environments.len() < 2 {
            return Ok(Vec::new());
        }
        let every = Link { here: self.environment.is_none(), ..Link::new("all", self.href(self.filter, None, 1)) };
        let links = environments.iter().map(|environment| Link {
            here: self.environment.as_deref() == Some(&environment.id),
            ..Link::new(environment.title(), self.href(self.filter, Some(&environment.id), 1))
        });
        Ok(std::iter::once(every).chain(links).collect())
    }
}

impl FindingRow {
    fn of(finding: &Finding) -> FindingRow {
        // The last word of a person, or else of the platform.
        let said = finding.events.iter().rfind(|event| event.person.is_some()).or(finding.events.last());
        let because = said.map(|event| match &event.person {
            Some(person) => format!("{person}: {}", event.reason),
            None => event.reason.clone(),
        });
        FindingRow {
            id: finding.id,
            sign: Sign::finding(finding.state),
            place: describe_place(finding),
            title: finding.at.title.clone(),
            at_href: format!("/commits/{}", finding.at.id),
            what: describe_change(finding),
            found: format::date(finding.found_at),
            because: because.unwrap_or_default(),
        }
    }
}

/// How much changes: `3 series, the largest 1.12 × (1.10 … 1.14)`.
fn describe_change(finding: &Finding) -> String {
    let size = |change: &&SeriesChange| change.ratio.max(f64::MIN_POSITIVE).ln().abs();
    let largest = finding.series.iter().max_by(|a, b| size(a).total_cmp(&size(b)));
    let Some(largest) = largest else { return "no longer visible".to_owned() };
    let count = finding.series.len();
    let ratio = format_ratio(largest);
    let place = format!("{} {}", largest.case.scenario, format::metric(largest.metric));
    if count == 1 { format!("{ratio}, {place}") } else { format!("{count} series, largest {ratio}, {place}") }
}
