//! Downloads of a scenario's history: its points as CSV, its graphs as SVG files.

use std::sync::Arc;

use axum::{body::Body, extract::State, response::Response};

use super::{csv::Csv, file};
use crate::{
    model::Interval,
    site::{
        http::{
            address::Params,
            error::PageError,
            shared::{Shared, Site},
        },
        parts::{
            annotations::GraphAnnotations, graph::Graph, growth, line_groups::split_lines,
            series_history::SeriesHistory, series_params::SeriesParams,
        },
    },
};

/// Answers `/series.csv`.
pub(crate) async fn series_csv(
    State(shared): State<Arc<Shared>>,
    Params(params): Params<SeriesParams>,
) -> Result<Response, PageError> {
    let name = format!("{}-{}.csv", params.scenario.0.replace('/', "-"), params.metric);
    let text = shared.read(move |site| Ok(series_rows(&params.read(site)?))).await?;
    Ok(file::csv(&name, Body::from(text)))
}

fn series_rows(history: &SeriesHistory) -> String {
    let mut csv = Csv::new(&[
        "position", "revision", "run", "scenario", "case", "label", "metric", "unit", "estimate", "low", "high",
        "level", "trials", "samples", "grade",
    ]);
    for line in &history.series {
        let case = line.case.key();
        for point in &line.points {
            let Some(listing) = history.place(point).and_then(|place| history.axis.get(place)) else { continue };
            let end =
                |end: fn(&Interval) -> f64| point.interval.as_ref().map(|i| end(i).to_string()).unwrap_or_default();
            csv.row(&[
                listing.run.revision.position.to_string(),
                listing.run.revision.id.clone(),
                point.run.to_string(),
                history.scenario.clone(),
                case.clone(),
                line.label.0.clone(),
                history.metric.to_string(),
                history.metric.unit().to_string(),
                point.estimate.to_string(),
                end(|interval| interval.low),
                end(|interval| interval.high),
                end(|interval| interval.level),
                point.trials.to_string(),
                point.samples.to_string(),
                point.grade.as_str().to_owned(),
            ]);
        }
    }
    csv.take()
}

/// Answers `/series.svg`.
pub(crate) async fn series_svg(
    State(shared): State<Arc<Shared>>,
    Params(params): Params<SeriesParams>,
) -> Result<Response, PageError> {
    let drawing = move |site: &Site| {
        let history = params.read(site)?;
        let annotations = GraphAnnotations::read(site.history()?, &history)?;
        let marked = params.revision().and_then(|revision| history.place_of(revision));
        let graph = Graph::read(site.history()?, &history, marked)?;
        let groups = split_lines(&history);
        let (name, lines) =
            groups.get(params.part()).ok_or_else(|| PageError::missing("there are fewer graphs than that"))?;
        let title = format!("{} {} {name}", history.scenario, history.metric);
        graph.draw(title.trim_end(), lines, &annotations.notes(&history, lines))
    };
    Ok(file::svg(&shared.read(drawing).await?))
}

/// Answers `/growth.svg`.
pub(crate) async fn growth_svg(
    State(shared): State<Arc<Shared>>,
    Params(params): Params<SeriesParams>,
) -> Result<Response, PageError> {
    let drawing = move |site: &Site| {
        let history = params.read(site)?;
        let place = match params.revision() {
            Some(revision) => history.place_of(revision),
            None => history.last_measured(),
        };
        let drawn = place.map(|place| growth::draw_growth(&history, place)).transpose()?.flatten();
        Ok(drawn.ok_or_else(|| PageError::missing("this scenario has too few sizes for such a graph"))?.svg)
    };
    Ok(file::svg(&shared.read(drawing).await?))
}
