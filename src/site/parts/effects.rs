//! The effect of each block of one series: what the estimate and the interval of a verdict are made of, as a graph, a table
//! and CSV. Derived from the trials each time; nothing here decides.

use std::{collections::HashMap, sync::Arc};

use axum::{
    body::Body,
    extract::{Query, State, rejection::QueryRejection},
    response::Response,
};
use serde::Serialize;

use super::{
    figure::{Figure, Link, Table},
    verdict_table,
};
use crate::{
    charts::{BlockDot, BlockGraph, BlockStage, Estimate},
    judge,
    model::{Block, Metric, Scale, Stage, Trial, Unit, Verdict},
    report::format,
    site::{
        downloads::{csv::Csv, files},
        http::{error::PageError, shared::Shared},
        pages::series::{Asked, Choice, SeriesPath},
    },
};

/// The blocks of one series, by stage and index.
#[derive(Debug)]
pub(crate) struct Effects {
    pub(crate) scale: Scale,
    pub(crate) blocks: Vec<BlockEffect>,
}

/// One block.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct BlockEffect {
    /// 1 or 2.
    pub(crate) stage: u32,
    /// Which block of its stage, from 1.
    pub(crate) block: u32,
    /// Whether the head's trial was measured first.
    pub(crate) head_first: bool,
    /// The trial's value of the base, in the metric's unit. `None` where the trial failed or has none.
    pub(crate) base: Option<f64>,
    /// That of the head.
    pub(crate) head: Option<f64>,
    /// Head over base, or head less base. `None` where a side has no value.
    pub(crate) effect: Option<f64>,
}

impl Effects {
    /// Pairs the trials as the blocks say.
    pub(crate) fn of(verdict: &Verdict, blocks: &[Block], base: &[Trial], head: &[Trial]) -> Effects {
        let values = |trials: &[Trial]| -> HashMap<u32, f64> {
            trials.iter().filter_map(|trial| Some((trial.index, judge::value(trial, verdict.metric)?))).collect()
        };
        let (base, head) = (values(base), values(head));
        let effect = |block: &Block| {
            let sides = (base.get(&block.trial).copied(), head.get(&block.trial).copied());
            BlockEffect {
                stage: block.stage.number(),
                block: block.index.saturating_add(1),
                head_first: block.head_first,
                base: sides.0,
                head: sides.1,
                effect: sides.0.zip(sides.1).and_then(|(base, head)| effect(verdict.scale, base, head)),
            }
        };
        Effects { scale: verdict.scale, blocks: blocks.iter().map(effect).collect() }
    }

    /// The graph with its table; `None` where nothing was measured.
    pub(crate) fn figure(&self, choice: &Choice, verdict: &Verdict) -> Result<Option<Figure>, PageError> {
        if self.blocks.is_empty() {
            return Ok(None);
        }
        let sentence = format!("{}: the effect of each block, in the order measured", format::metric(verdict.metric));
        let svg = self.svg(&sentence, verdict)?;
        let note = "A mark is a block: full where the base was measured first, hollow where the head was. The grey band is the \
                    margin, the dashed line the estimate of the stage that decides, its band the interval; grey marks are of \
                    a stage that does not decide."
            .to_owned();
        let (comparison, query) = (choice.comparison, choice.query());
        let links = vec![
            Link::new("CSV", format!("/comparison/{comparison}/series.csv?{query}")),
            Link::new("JSON", format!("/api/v1/comparisons/{comparison}/series?{query}")),
            Link::new("SVG", format!("/comparison/{comparison}/series.svg?{query}")),
            Link::new("permalink", format!("/comparison/{comparison}/series?{query}")),
        ];
        Ok(Some(Figure { sentence, note, svg, table: self.table(verdict.metric), links }))
    }

    /// The graph as SVG text.
    pub(crate) fn svg(&self, title: &str, verdict: &Verdict) -> Result<String, PageError> {
        let stages: Vec<BlockStage> = [Stage::First, Stage::Second]
            .into_iter()
            .map(|stage| self.stage(stage, verdict))
            .filter(|stage| !stage.blocks.is_empty())
            .collect();
        let margin = verdict_table::margin(verdict);
        let margin = (self.change(margin.0), self.change(margin.1));
        Ok(BlockGraph { title, unit: self.unit(verdict.metric), stages: &stages, margin }.svg()?)
    }

    fn stage(&self, stage: Stage, verdict: &Verdict) -> BlockStage {
        let dot = |block: &BlockEffect| BlockDot {
            name: format!("stage {}, block {}", block.stage, block.block),
            effect: block.effect.map(|effect| self.change(effect)),
            head_first: block.head_first,
        };
        let decides = verdict.stage == Some(stage);
        let estimate = verdict.effect.filter(|_| decides).map(|effect| Estimate {
            value: self.change(effect),
            interval: verdict.interval.map(|interval| (self.change(interval.low), self.change(interval.high))),
        });
        let blocks = self.blocks.iter().filter(|block| block.stage == stage.number()).map(dot).collect();
        let decides = if decides { ", which decides" } else { "" };
        BlockStage { name: format!("stage {}{decides}", stage.number()), blocks, estimate }
    }

    /// An effect with 0 for no change: a ratio as a share, a difference as it is.
    fn change(&self, effect: f64) -> f64 {
        match self.scale {
            Scale::Ratio => effect - 1.0,
            Scale::Difference => effect,
        }
    }

    fn unit(&self, metric: Metric) -> Unit {
        match self.scale {
            Scale::Ratio => Unit::Ratio,
            Scale::Difference => metric.unit(),
        }
    }

    fn table(&self, metric: Metric) -> Table {
        let head = ["Stage", "Block", "First", "Base", "Head", "Effect"].map(str::to_owned).to_vec();
        let value = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| metric.unit().format(value));
        let row = |block: &BlockEffect| {
            let effect = block.effect.map_or_else(
                || "–".to_owned(),
                |effect| match self.scale {
                    Scale::Ratio => format!("{effect:.4} ×"),
                    Scale::Difference => metric.unit().format(effect),
                },
            );
            let first = if block.head_first { "head" } else { "base" };
            vec![
                block.stage.to_string(),
                block.block.to_string(),
                first.to_owned(),
                value(block.base),
                value(block.head),
                effect,
            ]
        };
        Table { head, rows: self.blocks.iter().map(row).collect() }
    }
}

/// Only positive values have a ratio.
fn effect(scale: Scale, base: f64, head: f64) -> Option<f64> {
    match scale {
        Scale::Ratio => (base > 0.0 && head > 0.0).then(|| head / base),
        Scale::Difference => Some(head - base),
    }
}

/// Answers `/comparison/{comparison}/series.csv`.
pub(crate) async fn csv(
    State(shared): State<Arc<Shared>>,
    path: SeriesPath,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, PageError> {
    let choice = Choice::of(path, query)?;
    let name = format!("comparison-{}-{}.csv", choice.comparison, choice.metric);
    let text = shared.read(move |site| Ok(rows(&choice.read(site.history()?)?.effects, choice.metric))).await?;
    Ok(files::csv(&name, Body::from(text)))
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

/// Answers `/comparison/{comparison}/series.svg`.
pub(crate) async fn svg(
    State(shared): State<Arc<Shared>>,
    path: SeriesPath,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, PageError> {
    let choice = Choice::of(path, query)?;
    let drawing = shared.read(move |site| {
        let data = choice.read(site.history()?)?;
        if data.effects.blocks.is_empty() {
            return Err(PageError::missing("nothing of this series was measured"));
        }
        let title = format!("{} {}, {}", data.verdict.case.scenario, data.verdict.label.0, choice.metric);
        data.effects.svg(&title, &data.verdict)
    });
    Ok(files::svg(&drawing.await?))
}
