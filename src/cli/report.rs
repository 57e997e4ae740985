//! What the history holds, put together as reports.

use std::str::FromStr;

use anyhow::Context as _;

use crate::{
    history::Reader,
    model::{ComparisonId, RunId},
    report::{ComparisonRecords, ComparisonReport, RunRecords, RunReport, text},
    scenario::{self, Scenario},
};

/// How a comparison is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Table,
    Json,
    Markdown,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Format, String> {
        match text {
            "table" => Ok(Format::Table),
            "json" => Ok(Format::Json),
            "markdown" => Ok(Format::Markdown),
            _ => Err(format!("there is no format `{text}`; there are table, json and markdown")),
        }
    }
}

impl Format {
    /// A comparison in this format.
    pub(super) fn write(self, report: &ComparisonReport) -> anyhow::Result<String> {
        Ok(match self {
            Format::Table => text::comparison(report),
            Format::Json => serde_json::to_string_pretty(report)?,
            Format::Markdown => text::markdown(report),
        })
    }
}

/// A run with its comparison.
pub(super) fn run(reader: &Reader, id: RunId, scenarios: &[Scenario]) -> anyhow::Result<RunReport> {
    let records = RunRecords {
        run: reader.run(id)?.with_context(|| format!("there is no run {id}"))?.run,
        environment: reader.environment(id)?,
        measurements: reader.measurements(id)?,
        failures: reader.failures(id)?,
        unavailable: reader.unavailable(id)?,
        comparison: reader.comparison_of_run(id)?.map(|of| comparison(reader, of, scenarios)).transpose()?,
    };
    Ok(RunReport::new(records, |case| scenario::rules(scenarios, case)))
}

/// A comparison.
pub(super) fn comparison(
    reader: &Reader,
    id: ComparisonId,
    scenarios: &[Scenario],
) -> anyhow::Result<ComparisonReport> {
    let listing = reader.comparison(id)?.with_context(|| format!("there is no comparison {id}"))?;
    let records = ComparisonRecords {
        environment: reader.environment(listing.comparison.head)?,
        comparison: listing.comparison,
        base: listing.base.run.revision,
        head: listing.head.run.revision,
        verdicts: reader.verdicts(id)?,
        failure_count: listing.base.failures.saturating_add(listing.head.failures),
        reproduce: listing.head.run.reproduce,
    };
    Ok(ComparisonReport::new(records, |case| scenario::rules(scenarios, case)))
}
