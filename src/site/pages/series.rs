//! The page of one series of a comparison: the effect of every block in order, and how the verdict was reached.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};

use crate::{
    history::{ComparisonListing, Reader},
    judge,
    model::{ComparisonId, RunState, Scale, Stage, Verdict, VerdictKind},
    report::format::{self, Sign},
    site::{
        http::{
            address::{Address, Params},
            error::PageError,
            names::{CaseId, ComparisonNumber},
            shared::{Shared, Site},
        },
        parts::{
            block_series::{BlockSeries, BlockSeriesParams},
            comparison_facts::ComparisonFacts,
            figure::{Figure, Link},
            layout::{Layout, Section},
            verdict_table,
        },
    },
};

#[derive(Template)]
#[template(path = "series.html")]
struct SeriesPage {
    layout: Layout,
    facts: ComparisonFacts,
    scenario: String,
    label: String,
    metric: String,
    sign: Sign,
    answer: String,
    story: Vec<String>,
    figure: Option<Figure>,
    evidence: Vec<(&'static str, String)>,
    siblings: Vec<Link>,
    /// Every sample of the base and of the head, as far as there are any.
    samples: Vec<Link>,
    history_href: String,
    reproduce: String,
}

/// Answers `/comparisons/{comparison}/series`.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    Address(ComparisonNumber(comparison)): Address<ComparisonNumber>,
    Params(params): Params<BlockSeriesParams>,
) -> Result<Response, PageError> {
    let key = format!("/comparisons/{comparison}/series?{}&{}", params.case, params.metric);
    shared.page(key, move |site| render(site, comparison, &params)).await
}

fn render(site: &Site, comparison: ComparisonId, params: &BlockSeriesParams) -> Result<String, PageError> {
    let reader = site.history()?;
    let data = BlockSeries::read(reader, comparison, params)?;
    let BlockSeries { listing, verdict, effects } = &data;
    let metric = format::metric(verdict.metric);
    let page = SeriesPage {
        layout: Layout::new(
            site,
            format!("{metric}, {} {}", verdict.case.scenario, verdict.label.0),
            Section::Comparisons,
        )?,
        facts: ComparisonFacts::of(reader, listing)?,
        scenario: verdict.case.scenario.clone(),
        label: verdict.label.0.clone(),
        sign: choose_sign(verdict),
        answer: capitalize(&judge::sentence(verdict)),
        story: explain(listing, verdict),
        figure: effects.figure(comparison, verdict)?,
        evidence: list_evidence(verdict),
        siblings: link_siblings(reader, comparison, verdict)?,
        samples: link_samples(&data),
        history_href: format!(
            "/scenarios/{}?metric={}&environment={}&at={}",
            verdict.case.scenario, verdict.metric, listing.head.run.environment, listing.head.run.revision.id
        ),
        reproduce: listing.head.run.reproduce.clone(),
        metric,
    };
    Ok(page.render()?)
}

/// The pages with every sample of the two sides.
fn link_samples(data: &BlockSeries) -> Vec<Link> {
    let BlockSeries { listing, verdict, effects } = data;
    let sides = [
        ("base", listing.comparison.base, effects.blocks.iter().any(|block| block.base.is_some())),
        ("head", listing.comparison.head, effects.blocks.iter().any(|block| block.head.is_some())),
    ];
    let case = CaseId::of(&verdict.case);
    let link = |(name, run, _)| {
        Link::new(format!("all samples of the {name}"), format!("/runs/{run}/cases/{case}?metric={}", verdict.metric))
    };
    sides.into_iter().filter(|(_, _, measured)| *measured).map(link).collect()
}

/// Series that only describe have no verdict to show.
fn choose_sign(verdict: &Verdict) -> Sign {
    if verdict.gate { Sign::verdict(verdict.kind) } else { Sign { glyph: "–", word: "described" } }
}

fn capitalize(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(first) = text.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// How the verdict was reached, in about three sentences.
fn explain(listing: &ComparisonListing, verdict: &Verdict) -> Vec<String> {
    let Some(stage) = verdict.stage else {
        return vec![
            "Both revisions build to the same binary and have the same configuration.".to_owned(),
            "The code cannot have changed anything, so nothing was measured and the verdict is equivalent.".to_owned(),
        ];
    };
    if verdict.blocks == 0 {
        return vec![explain_outcome(verdict)];
    }
    vec![explain_test(listing, verdict, stage), explain_outcome(verdict)]
}

/// What was measured and tested. A stage that is not whole decides nothing, and nothing is claimed of it.
fn explain_test(listing: &ComparisonListing, verdict: &Verdict, stage: Stage) -> String {
    let design = &listing.comparison.design;
    let p = verdict.p.map_or_else(|| "not known yet".to_owned(), format::probability);
    let (first, first_alpha) = (design.first_blocks, format::probability(design.first_alpha));
    let planned = match stage {
        Stage::First => first,
        Stage::Second => design.second_blocks,
    };
    let blocks = capitalize(&format::plural(verdict.blocks, "block"));
    if listing.comparison.state != RunState::Finished && verdict.blocks < planned {
        let number = stage.number();
        return format!("{blocks} of {planned} in stage {number} measured. A verdict needs the whole stage.");
    }
    let together = format!("{blocks} measured one trial of each revision in random order, with p = {p}.");
    match (verdict.gate, stage) {
        (false, _) => format!(
            "{together} This is not a gate metric, so it gets no verdict and takes no share of the error budget."
        ),
        (true, Stage::First) if verdict.p.is_some_and(|p| p < design.first_alpha) => {
            format!("{together} That is below {first_alpha}, hence suspicious; only fresh blocks can confirm it.")
        }
        (true, Stage::First) => format!(
            "{together} Only a series with p below {first_alpha} is suspicious, so no fresh blocks were measured."
        ),
        (true, Stage::Second) => format!(
            "The {first} blocks of the first stage made this series suspicious (p below {first_alpha}). Only the fresh data \
             decide: {} of the second stage give p = {p}; the threshold is {}.",
            format::plural(verdict.blocks, "fresh block"),
            format::probability(design.second_alpha)
        ),
    }
}

/// What the figures lead to.
fn explain_outcome(verdict: &Verdict) -> String {
    let margin = format::amount(verdict, verdict.margin);
    let within = verdict.interval.map(|interval| {
        let (low, high) = verdict_table::margin(verdict);
        interval.low >= low && interval.high <= high
    });
    let caught = verdict.resolution.map(|size| {
        format!(" A change of {} would have been detected with 90% probability.", format::amount(verdict, size))
    });
    let said = match (verdict.kind, verdict.gate) {
        (_, false) => match within {
            Some(true) => format!("Its interval lies within ±{margin}."),
            Some(false) => format!("Its interval extends beyond ±{margin}."),
            None => "There are too few blocks for an interval.".to_owned(),
        },
        (kind @ (VerdictKind::Worse | VerdictKind::Better), true) => {
            format!("The evidence is sufficient and the estimate exceeds the margin of {margin}: {}.", kind.as_str())
        }
        (VerdictKind::Equivalent, true) => {
            format!("The whole interval lies within the margin of {margin}: equivalent.")
        }
        (VerdictKind::Inconclusive, true) => match within {
            Some(true) => "The evidence does not suffice for a verdict.".to_owned(),
            _ => format!(
                "The interval extends beyond the margin of {margin}, and the evidence is insufficient: inconclusive."
            ),
        },
        (VerdictKind::Unusable, true) => format!("The two revisions cannot be compared: {}.", verdict.reason),
    };
    format!("{said}{}", caught.unwrap_or_default())
}

/// The figures behind the verdict.
fn list_evidence(verdict: &Verdict) -> Vec<(&'static str, String)> {
    let scale = match verdict.scale {
        Scale::Ratio => "head over base",
        Scale::Difference => "head minus base",
    };
    let stage = verdict.stage.map_or_else(|| "none".to_owned(), |stage| stage.number().to_string());
    let optional = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
    let level = verdict.interval.map(|interval| format!("{:.2}%", interval.level * 100.0));
    let mut facts = vec![
        ("Effect", format!("{}, {scale}", format::change(verdict))),
        ("Confidence level", optional(level)),
        ("p-value", optional(verdict.p.map(format::probability))),
        ("Threshold", optional(verdict.alpha.map(format::probability))),
        ("Margin", format!("±{}", format::amount(verdict, verdict.margin))),
        ("Resolution", optional(verdict.resolution.map(|size| format::amount(verdict, size)))),
        ("Blocks", format!("{} of stage {stage}", verdict.blocks)),
    ];
    if let Some(blocks) = verdict.blocks_needed {
        facts.push(("Needed for a verdict", format!("about {blocks} blocks")));
    }
    if !verdict.reason.is_empty() {
        facts.push(("Reason", verdict.reason.clone()));
    }
    facts
}

/// The other series of the case that decide.
fn link_siblings(reader: &Reader, comparison: ComparisonId, shown: &Verdict) -> Result<Vec<Link>, PageError> {
    let all = reader.verdicts(comparison)?;
    let ours =
        all.iter().filter(|verdict| verdict.case == shown.case && (verdict.gate || verdict.metric == shown.metric));
    let link = |verdict: &Verdict| Link {
        here: verdict.metric == shown.metric,
        ..Link::new(
            format!("{} {}", choose_sign(verdict).glyph, format::metric(verdict.metric)),
            verdict_table::series_href(comparison, &verdict.case, verdict.metric),
        )
    };
    Ok(ours.map(link).collect())
}
