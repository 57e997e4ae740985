//! Which history of a scenario a download or the API asks for.

use serde::Deserialize;

use super::series_history::{SeriesHistory, find_newest_environment};
use crate::{
    model::Metric,
    site::http::{
        choices::{GraphIndex, Span},
        error::PageError,
        names::{EnvironmentId, RevisionName, ScenarioName},
        param::Optional,
        shared::Site,
    },
};

/// Which history; scenario and metric must be named.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeriesParams {
    pub(crate) scenario: ScenarioName,
    pub(crate) metric: Metric,
    /// Which machine; the one that measured last unless named.
    #[serde(default)]
    environment: Optional<EnvironmentId>,
    /// How many revisions; all unless named.
    #[serde(default)]
    last: Optional<Span>,
    /// Which of several graphs, where one does not hold all lines.
    #[serde(default)]
    part: Optional<GraphIndex>,
    /// Which revision; the newest unless named.
    #[serde(default)]
    at: Optional<RevisionName>,
}

impl SeriesParams {
    /// The history; every revision unless fewer were asked for.
    pub(crate) fn read(&self, site: &Site) -> Result<SeriesHistory, PageError> {
        let reader = site.history()?;
        let environment = match &self.environment.0 {
            Some(EnvironmentId(environment)) => Some(environment.clone()),
            None => find_newest_environment(reader)?,
        };
        let environment = environment.ok_or_else(|| PageError::missing("nothing has been measured yet"))?;
        let span = self.last.0.map_or(usize::MAX, |Span(span)| span);
        let (scenario, metric) = (&self.scenario.0, self.metric);
        let history = SeriesHistory::read(reader, scenario, metric, &environment, span)?;
        if history.series.is_empty() {
            let what = format!("{scenario} has no {metric} on {environment}; /scenarios lists what there is");
            return Err(PageError::missing(what));
        }
        Ok(history)
    }

    /// Which of several graphs, from 0.
    pub(crate) fn part(&self) -> usize {
        self.part.0.map_or(0, |GraphIndex(part)| part)
    }

    /// The revision that is named.
    pub(crate) fn revision(&self) -> Option<&str> {
        self.at.0.as_ref().map(|RevisionName(revision)| revision.as_str())
    }
}
