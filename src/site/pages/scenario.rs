//! The page of a scenario: the question it answers, graphs of its metrics over revisions, cost
//! against size, its file.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use serde::Deserialize;

use crate::{
    history::{Reader, Series},
    model::Metric,
    report::format,
    site::{
        http::{
            address::{Address, Params},
            choices::{GraphIndex, Span},
            error::PageError,
            names::{EnvironmentId, RevisionName, ScenarioAddress, ScenarioName},
            param::Optional,
            shared::{Shared, Site},
        },
        parts::{
            annotations::GraphAnnotations,
            case_comparison,
            figure::{Figure, Link, Table},
            graph::Graph,
            growth,
            layout::{Layout, Section},
            line_groups::split_lines,
            series_history::{SeriesHistory, find_newest_environment},
            settings,
        },
        state::ScenarioText,
    },
};

/// SmallGraph graphs hold so many points together at most, so that pages stay small.
const MOST_SMALL_POINTS: usize = 960;

/// The query of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ScenarioParams {
    /// Which metric is large; wall time unless named.
    metric: Optional<Metric>,
    /// Which machine; the one measured last unless named.
    environment: Optional<EnvironmentId>,
    /// How many revisions.
    last: Optional<Span>,
    /// Which of several graphs is large, where one does not hold all lines; the first unless named.
    part: Optional<GraphIndex>,
    /// Which revision is marked, and whose cost is shown against size; the newest unless named.
    at: Optional<RevisionName>,
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
    parts: Vec<SmallGraph>,
    growth: Option<Figure>,
    /// All cases at one revision, where they have no size to be drawn against.
    case_comparison: Vec<Figure>,
    /// What each setting buys, where the scenario has a baseline.
    settings: Option<Table>,
    others: Vec<SmallGraph>,
    /// Whether the large graph shows verdicts or findings.
    decided: bool,
    /// Whether something changed around its runs.
    environment_changed: bool,
}

/// A small graph that leads to its large one.
struct SmallGraph {
    title: String,
    href: String,
    /// Empty where the page is large enough already.
    svg: String,
}

/// What a scenario's page shows.
struct View {
    metric: Metric,
    environment: String,
    span: Span,
    part: usize,
    at: Option<String>,
}

/// Answers `/scenarios/{group}/{name}`.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    Address(ScenarioAddress(ScenarioName(name))): Address<ScenarioAddress>,
    Params(params): Params<ScenarioParams>,
) -> Result<Response, PageError> {
    let key = format!("/scenarios/{name}?{params:?}");
    let wanted = move |site: &Site| {
        let environment = match (params.environment.0, site.reader()) {
            (Some(EnvironmentId(named)), _) => Some(named),
            (None, Some(reader)) => find_newest_environment(reader)?,
            (None, None) => None,
        };
        let view = environment.map(|environment| View {
            metric: params.metric.0.unwrap_or(Metric::WALL_TIME),
            environment,
            span: params.last.0.unwrap_or(Span::DEFAULT),
            part: params.part.0.map_or(0, |GraphIndex(part)| part),
            at: params.at.0.map(|RevisionName(revision)| revision),
        });
        render(site, &name, view.as_ref())
    };
    shared.page(key, wanted).await
}

fn render(site: &Site, name: &str, view: Option<&View>) -> Result<String, PageError> {
    let text = site.scenario(name).cloned();
    let mut page = ScenarioPage {
        layout: Layout::new(site, name, Section::Scenarios)?,
        name: name.to_owned(),
        text,
        metrics: Vec::new(),
        further_metrics: Vec::new(),
        environments: Vec::new(),
        spans: Vec::new(),
        figures: Vec::new(),
        parts: Vec::new(),
        growth: None,
        case_comparison: Vec::new(),
        settings: None,
        others: Vec::new(),
        decided: false,
        environment_changed: false,
    };
    let mut metrics = site.reader().map(|reader| reader.metrics(name)).transpose()?.unwrap_or_default();
    metrics.sort_by_key(|metric| (metric.quantity, metric.role));
    if page.text.is_none() && metrics.is_empty() {
        return Err(PageError::missing(format!("there is no scenario {name}; /scenarios lists them")));
    }
    if let (Some(reader), Some(view)) = (site.reader(), view)
        && !metrics.is_empty()
    {
        page.show(reader, &metrics, view)?;
    }
    Ok(page.render()?)
}

impl ScenarioPage {
    fn show(&mut self, reader: &Reader, metrics: &[Metric], view: &View) -> Result<(), PageError> {
        let link = |metric: &Metric| view.link(&self.name, format::metric(*metric), *metric);
        let (first, further): (Vec<_>, Vec<_>) =
            metrics.iter().partition(|metric| format::is_headline(**metric) || **metric == view.metric);
        self.metrics = first.into_iter().map(link).collect();
        self.further_metrics = further.into_iter().map(link).collect();
        self.environments = link_environments(reader, &self.name, view)?;
        self.spans = Span::ALL.iter().map(|span| view.link_span(&self.name, *span)).collect();
        let history = SeriesHistory::read(reader, &self.name, view.metric, &view.environment, view.span.0)?;
        let annotations = GraphAnnotations::read(reader, &history)?;
        self.decided = !annotations.is_empty();
        self.environment_changed = !annotations.environment_changes.is_empty();
        let marked = view.at.as_ref().and_then(|revision| history.place_of(revision));
        let mut room = MOST_SMALL_POINTS;
        let graph = Graph::read(reader, &history, marked)?;
        self.draw(&graph, &history, &annotations, view, &mut room)?;
        let chosen = marked.or_else(|| history.last_measured());
        self.growth = chosen.map(|place| growth::draw_growth(&history, place)).transpose()?.flatten();
        if let (None, Some(place)) = (&self.growth, chosen) {
            self.case_comparison = case_comparison::draw_comparison(reader, &history, metrics, place)?;
        }
        let baseline = self.text.as_ref().and_then(|text| text.baseline.as_ref());
        self.settings = match (baseline, chosen) {
            (Some(baseline), Some(place)) => settings::compare_settings(reader, &history, place, baseline)?,
            _ => None,
        };
        self.others = self.draw_other_metrics(reader, metrics, view, &history, &mut room)?;
        Ok(())
    }

    /// The large graph, and small ones for lines that do not fit it, as long as there is room for their points.
    fn draw(
        &mut self,
        graph: &Graph<'_>,
        history: &SeriesHistory,
        annotations: &GraphAnnotations,
        view: &View,
        room: &mut usize,
    ) -> Result<(), PageError> {
        let groups = split_lines(history);
        let large = view.part.min(groups.len().saturating_sub(1));
        for (index, (name, lines)) in groups.into_iter().enumerate().filter(|(_, (_, lines))| !lines.is_empty()) {
            let part = if name.is_empty() { String::new() } else { format!(" with {name}") };
            let over = match history.axis.len() {
                1 => "at the only revision".to_owned(),
                count => format!("over the last {count} revisions"),
            };
            let sentence = format!("{} {over}{part}", format::metric(history.metric));
            if index == large {
                self.figures.push(graph.figure(sentence, index, &lines, annotations)?);
                continue;
            }
            let fits = take_room(room, &lines);
            let svg = if fits { graph.draw_small(&sentence, &lines)? } else { String::new() };
            let href = format!("{}&part={index}", view.href(&self.name, view.metric));
            self.parts.push(SmallGraph { title: name, href, svg });
        }
        Ok(())
    }

    /// SmallGraph graphs of the other headline metrics.
    fn draw_other_metrics(
        &self,
        reader: &Reader,
        metrics: &[Metric],
        view: &View,
        shown: &SeriesHistory,
        room: &mut usize,
    ) -> Result<Vec<SmallGraph>, PageError> {
        let mut others = Vec::new();
        for metric in metrics.iter().filter(|metric| format::is_headline(**metric) && **metric != view.metric) {
            let series = reader.series(&self.name, *metric, &view.environment)?;
            let history =
                SeriesHistory::on(shown.axis.clone(), series, &self.name, *metric, &view.environment, view.span.0);
            let groups = split_lines(&history);
            let Some((_, lines)) = groups.into_iter().find(|(_, lines)| take_room(room, lines)) else { continue };
            let title = format::metric(*metric);
            let svg = Graph::read(reader, &history, None)?.draw_small(&title, &lines)?;
            others.push(SmallGraph { href: view.href(&self.name, *metric), title, svg });
        }
        Ok(others)
    }
}

/// Takes the room that lines need, if there is as much.
fn take_room(room: &mut usize, lines: &[&Series]) -> bool {
    let points: usize = lines.iter().map(|line| line.points.len()).sum();
    let fits = points > 0 && points <= *room;
    if fits {
        *room -= points;
    }
    fits
}

impl View {
    /// The same page over more or fewer revisions.
    fn link_span(&self, name: &str, Span(span): Span) -> Link {
        let href = format!("/scenarios/{name}?metric={}&environment={}&last={span}", self.metric, self.environment);
        Link { here: span == self.span.0, ..Link::new(span.to_string(), href) }
    }

    /// The same page about another metric.
    fn link(&self, name: &str, text: String, metric: Metric) -> Link {
        Link { here: metric == self.metric, ..Link::new(text, self.href(name, metric)) }
    }

    fn href(&self, name: &str, metric: Metric) -> String {
        format!("/scenarios/{name}?metric={metric}&environment={}&last={}", self.environment, self.span.0)
    }
}

/// The same page about other machines; empty where there is but one.
fn link_environments(reader: &Reader, name: &str, view: &View) -> Result<Vec<Link>, PageError> {
    let environments = reader.environments()?;
    if environments.len() < 2 {
        return Ok(Vec::new());
    }
    let link = |environment: &crate::model::Environment| {
        let href =
            format!("/scenarios/{name}?metric={}&environment={}&last={}", view.metric, environment.id, view.span.0);
        let title = environment.title();
        let twins = environments.iter().filter(|other| other.title() == title).count() > 1;
        let title = if twins { format!("{title} · microcode {}", environment.microcode) } else { title };
        Link { here: environment.id == view.environment, ..Link::new(title, href) }
    };
    Ok(environments.iter().map(link).collect())
}
