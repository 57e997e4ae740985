//! What the history holds, put together as the reports that commands write too, and the schemas of their shapes.

use axum::{
    Json,
    extract::{Path, rejection::PathRejection},
};
use serde_json::Value;

use crate::{
    model::{ComparisonId, RunId},
    report::{self, ComparisonRecords, ComparisonReport, RunRecords, RunReport},
    site::{
        http::{error::PageError, params, shared::Site},
        pages,
    },
};

/// A run with its comparison.
pub(crate) fn run(site: &Site, id: RunId) -> Result<RunReport, PageError> {
    let reader = site.history()?;
    let records = RunRecords {
        run: pages::run::listing(reader, id)?.run,
        environment: reader.environment(id)?,
        measurements: reader.measurements(id)?,
        failures: reader.failures(id)?,
        unavailable: reader.unavailable(id)?,
        comparison: reader.comparison_of_run(id)?.map(|of| comparison(site, of)).transpose()?,
    };
    Ok(RunReport::new(records, |case| site.rules(case)))
}

/// A comparison.
pub(crate) fn comparison(site: &Site, id: ComparisonId) -> Result<ComparisonReport, PageError> {
    let reader = site.history()?;
    let listing = pages::comparison::listing(reader, id)?;
    let records = ComparisonRecords {
        environment: reader.environment(listing.comparison.head)?,
        comparison: listing.comparison,
        base: listing.base.run.revision,
        head: listing.head.run.revision,
        verdicts: reader.verdicts(id)?,
        failure_count: listing.base.failures.saturating_add(listing.head.failures),
        reproduce: listing.head.run.reproduce,
    };
    Ok(ComparisonReport::new(records, |case| site.rules(case)))
}

/// Answers `/api/v1/schemas/{file}`: the JSON Schema of a shape, as `run.json`.
pub(crate) async fn schema(path: Result<Path<String>, PathRejection>) -> Result<Json<Value>, PageError> {
    let file = params::path(path)?;
    let found = file.strip_suffix(".json").and_then(report::schema);
    let missing = || PageError::missing(format!("there is no such schema; there are {}", report::NAMES.join(", ")));
    Ok(Json(found.ok_or_else(missing)?))
}
