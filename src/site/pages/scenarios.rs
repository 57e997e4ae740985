//! The list of scenarios, and the page of each: the question it answers, graphs of its metrics over revisions, cost
//! against size, its file.

use std::{collections::BTreeSet, sync::Arc};

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
    history::{Reader, Series},
    model::Metric,
    report::format,
    site::{
        ScenarioText,
        http::{
            error::PageError,
            params,
            shared::{Shared, Site},
        },
        parts::{
            case_comparison,
            figure::{Figure, Link, Table},
            graph::History,
            growth,
            layout::{Layout, Place},
            settings,
        },
    },
};

/// Small graphs hold so many points together at most, so that pages stay small.
const MOST_SMALL_POINTS: usize = 960;

/// What may follow the question mark.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// Which metric is large; wall time unless named.
    metric: Option<String>,
    /// Which machine; the one measured last unless named.
    environment: Option<String>,
    /// How many revisions.
    last: Option<String>,
    /// Which of several graphs is large, where one does not hold all lines; the first unless named.
    part: Option<String>,
    /// Which revision is marked, and whose cost is shown against size; the newest unless named.
    at: Option<String>,
}

#[derive(Template)]
#[template(path = "scenarios.html")]
struct ListPage {
    layout: Layout,
    groups: Vec<(String, Vec<Entry>)>,
}

/// A scenario in the list.
struct Entry {
    name: String,
    question: String,
    measured: bool,
}

#[derive(Template)]
#[template(path = "scenario.html")]
struct ScenarioPage {
    layout: Layout,
    name: String,
    text: Option<ScenarioText>,
    /// Those that people ask for first, and the one that is shown.
    metrics: Vec<Link>,
    /// All others.
    further_metrics: Vec<Link>,
    environments: Vec<Link>,
    spans: Vec<Link>,
    figures: Vec<Figure>,
    /// Further groups of lines, too many for one graph.
    parts: Vec<Small>,
    growth: Option<Figure>,
    /// All cases at one revision, where they have no size to be drawn against.
    beside: Vec<Figure>,
    /// What each setting buys, where the scenario has a baseline.
    settings: Option<Table>,
    others: Vec<Small>,
    /// Whether the large graph shows verdicts or findings.
    decided: bool,
    /// Whether something changed around its runs.
    shifted: bool,
}

/// A small graph that leads to its large one.
struct Small {
    title: String,
    href: String,
    /// Empty where the page is large enough already.
    svg: String,
}

/// What a scenario's page shows.
struct Choice {
    metric: Metric,
    environment: String,
    span: usize,
    part: usize,
    at: Option<String>,
}

/// Answers `/scenarios`.
pub(crate) async fn list(State(shared): State<Arc<Shared>>) -> Result<Response, PageError> {
    shared.page("/scenarios".to_owned(), render_list).await
}

/// Answers `/scenarios/{group}/{name}`.
pub(crate) async fn page(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<(String, String)>, PathRejection>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, PageError> {
    let (group, name) = params::path(path)?;
    let name = params::scenario(&format!("{group}/{name}"))?;
    let asked = params::query(query)?;
    let metric = params::optional(asked.metric.as_ref(), params::metric)?.unwrap_or(Metric::WALL_TIME);
    let environment = params::optional(asked.environment.as_ref(), params::environment)?;
    let span = params::optional(asked.last.as_ref(), params::span)?.unwrap_or(params::DEFAULT_SPAN);
    let part = params::optional(asked.part.as_ref(), params::part)?.unwrap_or(0);
    let at = params::optional(asked.at.as_ref(), params::revision)?;
    let key = format!("/scenarios/{name}?{metric}&{environment:?}&{span}&{part}&{at:?}");
    let wanted = move |site: &Site| {
        let environment = match (environment, site.reader()) {
            (None, Some(reader)) => newest_environment(reader)?,
            (named, _) => named,
        };
        let choice = environment.map(|environment| Choice { metric, environment, span, part, at });
        render(site, &name, choice.as_ref())
    };
    shared.page(key, wanted).await
}

fn render_list(site: &Site) -> Result<String, PageError> {
    let measured: BTreeSet<String> = match site.reader() {
        Some(reader) => reader.scenarios()?.into_iter().collect(),
        None => BTreeSet::new(),
    };
    let named = site.scenarios().iter().map(|text| text.name.clone());
    // What was measured once and has no file any more is still there.
    let names: BTreeSet<String> = named.chain(measured.iter().cloned()).collect();
    let mut groups: Vec<(String, Vec<Entry>)> = Vec::new();
    for name in names {
        let group = name.split('/').next().unwrap_or_default().to_owned();
        let question = site.scenario(&name).map(|text| text.question.trim().to_owned()).unwrap_or_default();
        let entry = Entry { measured: measured.contains(&name), question, name };
        match groups.last_mut() {
            Some((last, entries)) if *last == group => entries.push(entry),
            _ => groups.push((group, vec![entry])),
        }
    }
    Ok(ListPage { layout: Layout::new(site, "Scenarios", Place::Scenarios)?, groups }.render()?)
}

fn render(site: &Site, name: &str, choice: Option<&Choice>) -> Result<String, PageError> {
    let text = site.scenario(name).cloned();
    let mut page = ScenarioPage {
        layout: Layout::new(site, name, Place::Scenarios)?,
        name: name.to_owned(),
        text,
        metrics: Vec::new(),
        further_metrics: Vec::new(),
        environments: Vec::new(),
        spans: Vec::new(),
        figures: Vec::new(),
        parts: Vec::new(),
        growth: None,
        beside: Vec::new(),
        settings: None,
        others: Vec::new(),
        decided: false,
        shifted: false,
    };
    let mut metrics = site.reader().map(|reader| reader.metrics(name)).transpose()?.unwrap_or_default();
    metrics.sort_by_key(|metric| (metric.quantity, metric.role));
    if page.text.is_none() && metrics.is_empty() {
        return Err(PageError::missing(format!("there is no scenario {name}; /scenarios lists them")));
    }
    if let (Some(reader), Some(choice)) = (site.reader(), choice)
        && !metrics.is_empty()
    {
        page.show(reader, &metrics, choice)?;
    }
    Ok(page.render()?)
}

/// The machine that measured last.
pub(crate) fn newest_environment(reader: &Reader) -> Result<Option<String>, PageError> {
    Ok(reader.runs(1)?.into_iter().next().map(|listing| listing.run.environment))
}

impl ScenarioPage {
    fn show(&mut self, reader: &Reader, metrics: &[Metric], choice: &Choice) -> Result<(), PageError> {
        let link = |metric: &Metric| choice.link(&self.name, format::metric(*metric), *metric);
        let (first, further): (Vec<_>, Vec<_>) =
            metrics.iter().partition(|metric| format::is_headline(**metric) || **metric == choice.metric);
        self.metrics = first.into_iter().map(link).collect();
        self.further_metrics = further.into_iter().map(link).collect();
        self.environments = environment_links(reader, &self.name, choice)?;
        self.spans = params::SPANS
            .iter()
            .map(|span| {
                let href = format!(
                    "/scenarios/{}?metric={}&environment={}&last={span}",
                    self.name, choice.metric, choice.environment
                );
                Link { here: *span == choice.span, ..Link::new(span.to_string(), href) }
            })
            .collect();
        let history =
            History::read(reader, &self.name, choice.metric, &choice.environment, choice.span)?.with_marks(reader)?;
        self.decided = !history.marks.is_empty();
        self.shifted = !history.marks.shifts.is_empty();
        let marked = match &choice.at {
            Some(revision) => history.place_of(revision),
            None => None,
        };
        let mut room = MOST_SMALL_POINTS;
        self.draw(reader, &history, choice, marked, &mut room)?;
        let chosen = marked.or_else(|| last_measured(&history));
        self.growth = chosen.map(|place| growth::figure(&history, place)).transpose()?.flatten();
        if let (None, Some(place)) = (&self.growth, chosen) {
            self.beside = case_comparison::figures(reader, &history, metrics, place)?;
        }
        let baseline = self.text.as_ref().and_then(|text| text.baseline.as_ref());
        self.settings = match (baseline, chosen) {
            (Some(baseline), Some(place)) => settings::table(reader, &history, place, baseline)?,
            _ => None,
        };
        self.others = self.other_metrics(reader, metrics, choice, &history, &mut room)?;
        Ok(())
    }

    /// The large graph, and small ones for lines that do not fit it, as long as there is room for their points.
    fn draw(
        &mut self,
        reader: &Reader,
        history: &History,
        choice: &Choice,
        marked: Option<usize>,
        room: &mut usize,
    ) -> Result<(), PageError> {
        let places = history.chart_places(reader)?;
        let pictures = history.pictures();
        let large = choice.part.min(pictures.len().saturating_sub(1));
        for (index, (name, lines)) in pictures.into_iter().enumerate().filter(|(_, (_, lines))| !lines.is_empty()) {
            let part = if name.is_empty() { String::new() } else { format!(" with {name}") };
            let count = history.axis.len();
            let over =
                if count == 1 { "at the only revision".to_owned() } else { format!("over the last {count} revisions") };
            let sentence = format!("{} {over}{part}", format::metric(history.metric));
            if index == large {
                self.figures.push(history.figure(sentence, index, &lines, &places, marked)?);
                continue;
            }
            let fits = takes(room, &lines);
            let svg = if fits { history.svg(&sentence, &lines, &places, marked, true)? } else { String::new() };
            let href = format!("{}&part={index}", choice.href(&self.name, choice.metric));
            self.parts.push(Small { title: name, href, svg });
        }
        Ok(())
    }

    /// Small graphs of the other headline metrics.
    fn other_metrics(
        &self,
        reader: &Reader,
        metrics: &[Metric],
        choice: &Choice,
        shown: &History,
        room: &mut usize,
    ) -> Result<Vec<Small>, PageError> {
        let mut others = Vec::new();
        for metric in metrics.iter().filter(|metric| format::is_headline(**metric) && **metric != choice.metric) {
            let series = reader.series(&self.name, *metric, &choice.environment)?;
            let history =
                History::on(shown.axis.clone(), series, &self.name, *metric, &choice.environment, choice.span);
            let pictures = history.pictures();
            let Some((_, lines)) = pictures.into_iter().find(|(_, lines)| takes(room, lines)) else { continue };
            let places = history.chart_places(reader)?;
            let title = format::metric(*metric);
            let svg = history.svg(&title, &lines, &places, None, true)?;
            others.push(Small { href: choice.href(&self.name, *metric), title, svg });
        }
        Ok(others)
    }
}

/// Takes the room that lines need, if there is as much.
fn takes(room: &mut usize, lines: &[&Series]) -> bool {
    let points: usize = lines.iter().map(|line| line.points.len()).sum();
    let fits = points > 0 && points <= *room;
    if fits {
        *room -= points;
    }
    fits
}

impl Choice {
    /// The same page about another metric.
    fn link(&self, name: &str, text: String, metric: Metric) -> Link {
        Link { here: metric == self.metric, ..Link::new(text, self.href(name, metric)) }
    }

    fn href(&self, name: &str, metric: Metric) -> String {
        format!("/scenarios/{name}?metric={metric}&environment={}&last={}", self.environment, self.span)
    }
}

/// The same page about other machines; empty where there is but one.
fn environment_links(reader: &Reader, name: &str, choice: &Choice) -> Result<Vec<Link>, PageError> {
    let environments = reader.environments()?;
    if environments.len() < 2 {
        return Ok(Vec::new());
    }
    let link = |environment: &crate::model::Environment| {
        let href =
            format!("/scenarios/{name}?metric={}&environment={}&last={}", choice.metric, environment.id, choice.span);
        let title = environment.title();
        let twins = environments.iter().filter(|other| other.title() == title).count() > 1;
        let title = if twins { format!("{title} · microcode {}", environment.microcode) } else { title };
        Link { here: environment.id == choice.environment, ..Link::new(title, href) }
    };
    Ok(environments.iter().map(link).collect())
}

/// The newest place with a value.
pub(crate) fn last_measured(history: &History) -> Option<usize> {
    history.series.iter().filter_map(|line| line.points.last()).filter_map(|point| history.place(point)).max()
}
