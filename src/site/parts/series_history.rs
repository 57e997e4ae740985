//! One metric of one scenario over revisions: read once, then shown as graphs, tables and downloads.

use std::collections::HashMap;

use crate::{
    charts::Estimate,
    history::{Point, Reader, RunListing, Series},
    model::{Metric, RunId},
    site::http::error::PageError,
};

/// One metric of one scenario on one environment, over the newest revisions.
#[derive(Debug)]
pub(crate) struct SeriesHistory {
    pub(crate) scenario: String,
    pub(crate) metric: Metric,
    pub(crate) environment: String,
    /// The newest run of each revision, oldest first.
    pub(crate) axis: Vec<RunListing>,
    /// What is measured, each with the points that are on the axis.
    pub(crate) series: Vec<Series>,
    /// How many revisions were asked for.
    pub(crate) span: usize,
    /// The position of each run on the axis.
    places: HashMap<RunId, usize>,
}

impl SeriesHistory {
    /// Reads what graphs of a metric need: the axis and one scan.
    pub(crate) fn read(
        reader: &Reader,
        scenario: &str,
        metric: Metric,
        environment: &str,
        span: usize,
    ) -> Result<SeriesHistory, PageError> {
        let mut axis = reader.axis(environment)?;
        axis.drain(..axis.len().saturating_sub(span));
        let series = reader.series(scenario, metric, environment)?;
        Ok(SeriesHistory::on(axis, series, scenario, metric, environment, span))
    }

    /// Puts series on an axis that was read before.
    pub(crate) fn on(
        axis: Vec<RunListing>,
        mut series: Vec<Series>,
        scenario: &str,
        metric: Metric,
        environment: &str,
        span: usize,
    ) -> SeriesHistory {
        let places: HashMap<RunId, usize> =
            axis.iter().enumerate().map(|(place, listing)| (listing.run.id, place)).collect();
        for line in &mut series {
            line.points.retain(|point| places.contains_key(&point.run));
        }
        series.retain(|line| !line.points.is_empty());
        let (scenario, environment) = (scenario.to_owned(), environment.to_owned());
        SeriesHistory { scenario, metric, environment, axis, series, span, places }
    }

    /// The position of a point on the axis.
    pub(crate) fn place(&self, point: &Point) -> Option<usize> {
        self.places.get(&point.run).copied()
    }

    /// The point of a line at a place.
    pub(crate) fn at<'s>(&self, line: &'s Series, place: usize) -> Option<&'s Point> {
        line.points.iter().find(|point| self.place(point) == Some(place))
    }

    /// The place of a revision, by its id or the start of it.
    pub(crate) fn place_of(&self, revision: &str) -> Option<usize> {
        self.axis.iter().rposition(|listing| listing.run.revision.id.starts_with(revision))
    }

    /// The query that names these data, for downloads.
    pub(crate) fn query(&self) -> String {
        format!("scenario={}&metric={}&environment={}&last={}", self.scenario, self.metric, self.environment, self.span)
    }

    /// The query that names the page of these data.
    pub(crate) fn page_query(&self) -> String {
        format!("metric={}&environment={}&last={}", self.metric, self.environment, self.span)
    }

    /// The newest place with a value.
    pub(crate) fn last_measured(&self) -> Option<usize> {
        self.series.iter().filter_map(|line| line.points.last()).filter_map(|point| self.place(point)).max()
    }

    /// What a line is called: its label, and the versions where another line has the same label.
    pub(crate) fn label(&self, line: &Series) -> String {
        let label = &line.label.0;
        let same = self.series.iter().filter(|other| other.label == line.label).count() > 1;
        match same {
            false => label.clone(),
            true => format!("{label} v{}.{}", line.case.version, line.operation_version),
        }
    }
}

/// The machine that measured last.
pub(crate) fn find_newest_environment(reader: &Reader) -> Result<Option<String>, PageError> {
    Ok(reader.runs(1)?.into_iter().next().map(|listing| listing.run.environment))
}

/// A point as charts want it.
pub(crate) fn estimate(point: &Point) -> Estimate {
    Estimate { value: point.estimate, interval: point.interval.map(|interval| (interval.low, interval.high)) }
}
