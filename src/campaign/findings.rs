//! Looks for changes in the series of an environment, and brings the findings in the history up to date.

use std::collections::BTreeMap;

use super::{error::Result, identity::now};
use crate::{
    history::{Reader, RunListing, Writer},
    judge::{self, FindingUpdate, Line, LinePoint},
    model::{FindingEvent, FindingEventKind, FindingState, Grade, Metric, Revision, Rules},
};

/// Looks for changes in every series of an environment that decides, by the rules of its scenarios. Returns how many
/// findings are new.
///
/// # Errors
/// Where the history cannot be read or written.
pub fn refresh_findings<'a>(
    writer: &mut Writer,
    reader: &Reader,
    environment: &str,
    rules: impl Iterator<Item = &'a Rules>,
) -> Result<usize> {
    let listings = reader.axis(environment)?;
    let seen =
        judge::changes(&lines(reader, environment, &listings, &Rules::gate_metrics_of_any(rules))?, listings.len());
    let axis: Vec<Revision> = listings.into_iter().map(|listing| listing.run.revision).collect();
    let known = reader.findings(Some(environment), &FindingState::ALL)?;
    let mut new = 0;
    for update in judge::reconcile(&known, &seen, &axis, now()) {
        match update {
            FindingUpdate::New { after, at, state, series, reason } => {
                let event = FindingEvent { at: now(), kind: FindingEventKind::Detected, state, person: None, reason };
                writer.new_finding(environment, after.as_ref(), &at, &series, &event)?;
                new += 1;
            }
            FindingUpdate::Seen { id, series, after, at } => writer.set_finding(id, after.as_ref(), &at, &series)?,
            FindingUpdate::Event { id, event } => writer.finding_event(id, &event)?,
        }
    }
    Ok(new)
}

/// The series in which changes are looked for: gate metrics, without the points that are unusable.
fn lines(reader: &Reader, environment: &str, axis: &[RunListing], metrics: &[Metric]) -> Result<Vec<Line>> {
    let places: BTreeMap<_, _> = axis.iter().enumerate().map(|(place, listing)| (listing.run.id, place)).collect();
    let lines = reader.all_series(environment, metrics)?.into_iter().map(|series| Line {
        series: series.id,
        points: series
            .points
            .iter()
            .filter(|point| point.grade != Grade::Unusable)
            .filter_map(|point| Some(LinePoint { place: *places.get(&point.run)?, value: point.estimate }))
            .collect(),
        case: series.case,
        label: series.label,
        metric: series.metric,
    });
    Ok(lines.collect())
}
