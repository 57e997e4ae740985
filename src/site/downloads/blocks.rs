//! Downloads of one series of a comparison: the effect of each block as CSV and as an SVG file.

use std::sync::Arc;

use axum::{body::Body, extract::State, response::Response};

use super::{csv::Csv, file};
use crate::{
    model::Metric,
    site::{
        http::{
            address::{Address, Params},
            error::PageError,
            names::ComparisonNumber,
            shared::{Shared, Site},
        },
        parts::{
            block_series::{BlockSeries, BlockSeriesParams},
            effects::Effects,
        },
    },
};

/// Answers `/comparisons/{comparison}/series.csv`.
pub(crate) async fn csv(
    State(shared): State<Arc<Shared>>,
    Address(ComparisonNumber(comparison)): Address<ComparisonNumber>,
    Params(params): Params<BlockSeriesParams>,
) -> Result<Response, PageError> {
    let metric = params.metric;
    let read = move |site: &Site| Ok(rows(&BlockSeries::read(site.history()?, comparison, &params)?.effects, metric));
    let text = shared.read(read).await?;
    Ok(file::csv(&format!("comparison-{comparison}-{metric}.csv"), Body::from(text)))
}

fn rows(effects: &Effects, metric: Metric) -> String {
    let mut csv = Csv::new(&["stage", "block", "first", "metric", "unit", "base", "head", "scale", "effect"]);
    let told = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    for block in &effects.blocks {
        csv.row(&[
            block.stage.to_string(),
            block.block.to_string(),
            if block.head_first { "head" } else { "base" }.to_owned(),
            metric.to_string(),
            metric.unit().to_string(),
            told(block.base),
            told(block.head),
            effects.scale.as_str().to_owned(),
            told(block.effect),
        ]);
    }
    csv.take()
}

/// Answers `/comparisons/{comparison}/series.svg`.
pub(crate) async fn svg(
    State(shared): State<Arc<Shared>>,
    Address(ComparisonNumber(comparison)): Address<ComparisonNumber>,
    Params(params): Params<BlockSeriesParams>,
) -> Result<Response, PageError> {
    let drawing = shared.read(move |site| {
        let data = BlockSeries::read(site.history()?, comparison, &params)?;
        if data.effects.blocks.is_empty() {
            return Err(PageError::missing("nothing of this series was measured"));
        }
        let title = format!("{} {}, {}", data.verdict.case.scenario, data.verdict.label.0, params.metric);
        data.effects.svg(&title, &data.verdict)
    });
    Ok(file::svg(&drawing.await?))
}
