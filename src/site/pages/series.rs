//! The page of one series of a comparison: the effect of every block in order, and how the verdict came about. The one place
//! where a comparison's raw trials are read, a case at a time.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    response::Response,
};
use serde::Deserialize;

use super::comparison::{self, Summary};
use crate::{
    history::{ComparisonListing, Reader},
    judge,
    model::{ComparisonId, Metric, RunState, Scale, Stage, Verdict, VerdictKind},
    report::format::{self, Sign},
    site::{
        http::{
            error::PageError,
            params,
            shared::{Shared, Site},
        },
        parts::{
            effects::Effects,
            figure::{Figure, Link},
            layout::{Layout, Place},
            verdict_table,
        },
    },
};

/// Which series; also of its downloads.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    case: String,
    metric: String,
}

/// A validated [`Asked`] with its comparison.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) comparison: ComparisonId,
    case: String,
    pub(crate) metric: Metric,
}

/// A series of a comparison, with its blocks.
#[derive(Debug)]
pub(crate) struct SeriesData {
    pub(crate) listing: ComparisonListing,
    pub(crate) verdict: Verdict,
    pub(crate) effects: Effects,
}

#[derive(Template)]
#[template(path = "series.html")]
struct SeriesPage {
    layout: Layout,
    summary: Summary,
    scenario: String,
    label: String,
    metric: String,
    sign: Sign,
    answer: String,
    story: Vec<String>,
    figure: Option<Figure>,
    facts: Vec<(&'static str, String)>,
    siblings: Vec<Link>,
    /// Every sample of the base and of the head, as far as there are any.
    samples: Vec<Link>,
    history_href: String,
    reproduce: String,
}

/// What names a series in an address.
pub(crate) type SeriesPath = Result<Path<String>, PathRejection>;

/// Answers `/comparison/{comparison}/series`.
pub(crate) async fn page(
    State(shared): State<Arc<Shared>>,
    path: SeriesPath,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, PageError> {
    let choice = Choice::of(path, query)?;
    let key = format!("/comparison/{}/series?{}&{}", choice.comparison, choice.case, choice.metric);
    shared.page(key, move |site| render(site, &choice)).await
}

impl Choice {
    /// What was asked for, validated.
    pub(crate) fn of(path: SeriesPath, query: Result<Query<Asked>, QueryRejection>) -> Result<Choice, PageError> {
        let comparison = params::comparison(&params::path(path)?)?;
        let asked = params::query(query)?;
        Ok(Choice { comparison, case: params::case(&asked.case)?, metric: params::metric(&asked.metric)? })
    }

    /// The series with its blocks, or the page that says that the comparison has no such series.
    pub(crate) fn read(&self, reader: &Reader) -> Result<SeriesData, PageError> {
        let listing = comparison::listing(reader, self.comparison)?;
        let verdict = self.verdict(reader.verdicts(self.comparison)?)?;
        let key = verdict.case.key();
        let blocks = reader.blocks(self.comparison, &key)?;
        let (base, head) =
            (reader.trials(listing.comparison.base, &key)?, reader.trials(listing.comparison.head, &key)?);
        let effects = Effects::of(&verdict, &blocks, &base, &head);
        Ok(SeriesData { listing, verdict, effects })
    }

    fn verdict(&self, verdicts: Vec<Verdict>) -> Result<Verdict, PageError> {
        let ours = |verdict: &Verdict| verdict.metric == self.metric && params::case_id(&verdict.case) == self.case;
        let missing = || {
            let what = format!("comparison {} says nothing of {} of this case", self.comparison, self.metric);
            PageError::missing(format!("{what}; its page lists its series"))
        };
        // The newest version of the operation comes last.
        verdicts.into_iter().rfind(ours).ok_or_else(missing)
    }

    /// The address of the series, for links to what is beside its page.
    pub(crate) fn query(&self) -> String {
        format!("case={}&metric={}", self.case, self.metric)
    }
}

fn render(site: &Site, choice: &Choice) -> Result<String, PageError> {
    let reader = site.history()?;
    let data = choice.read(reader)?;
    let SeriesData { listing, verdict, effects } = &data;
    let metric = format::metric(verdict.metric);
    let page = SeriesPage {
        layout: Layout::new(
            site,
            format!("{metric}, {} {}", verdict.case.scenario, verdict.label.0),
            Place::Comparisons,
        )?,
        summary: Summary::of(reader, listing)?,
        scenario: verdict.case.scenario.clone(),
        label: verdict.label.0.clone(),
        sign: sign(verdict),
        answer: capital(&judge::sentence(verdict)),
        story: story(listing, verdict),
        figure: effects.figure(choice, verdict)?,
        facts: facts(verdict),
        siblings: siblings(reader, choice, verdict)?,
        samples: samples(&data),
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
fn samples(data: &SeriesData) -> Vec<Link> {
    let SeriesData { listing, verdict, effects } = data;
    let sides = [
        ("base", listing.comparison.base, effects.blocks.iter().any(|block| block.base.is_some())),
        ("head", listing.comparison.head, effects.blocks.iter().any(|block| block.head.is_some())),
    ];
    let case = params::case_id(&verdict.case);
    let link = |(name, run, _)| {
        Link::new(format!("every sample of the {name}"), format!("/runs/{run}/cases/{case}?metric={}", verdict.metric))
    };
    sides.into_iter().filter(|(_, _, measured)| *measured).map(link).collect()
}

/// Series that only describe have no verdict to show.
fn sign(verdict: &Verdict) -> Sign {
    if verdict.gate { Sign::verdict(verdict.kind) } else { Sign { glyph: "–", word: "described" } }
}

fn capital(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(first) = text.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// How the verdict came about, in about three sentences.
fn story(listing: &ComparisonListing, verdict: &Verdict) -> Vec<String> {
    let Some(stage) = verdict.stage else {
        return vec![
            "Both sides are the same binary with the same configuration.".to_owned(),
            "No difference could be the code's, so nothing was measured and the verdict is equivalent at once."
                .to_owned(),
        ];
    };
    if verdict.blocks == 0 {
        return vec![outcome(verdict)];
    }
    vec![tested(listing, verdict, stage), outcome(verdict)]
}

/// What was measured and tested. A stage that is not whole decides nothing, and nothing is claimed of it.
fn tested(listing: &ComparisonListing, verdict: &Verdict, stage: Stage) -> String {
    let design = &listing.comparison.design;
    let p = verdict.p.map_or_else(|| "not known yet".to_owned(), format::probability);
    let (first, first_alpha) = (design.first_blocks, format::probability(design.first_alpha));
    let planned = match stage {
        Stage::First => first,
        Stage::Second => design.second_blocks,
    };
    let blocks = capital(&format::plural(verdict.blocks, "block"));
    if listing.comparison.state != RunState::Finished && verdict.blocks < planned {
        let number = stage.number();
        return format!(
            "{blocks} of {planned} of stage {number} are measured; nothing is decided before a stage is whole."
        );
    }
    let together = format!("{blocks} measured one trial of each side in random order, and p is {p}.");
    match (verdict.gate, stage) {
        (false, _) => format!(
            "{together} This metric is only described: it never turns red or green, so that the metrics that decide need \
             not share their error budget with it."
        ),
        (true, Stage::First) if verdict.p.is_some_and(|p| p < design.first_alpha) => {
            format!("{together} Below {first_alpha} that is suspicious, and only fresh blocks could confirm it.")
        }
        (true, Stage::First) => format!(
            "{together} A series is suspicious below {first_alpha}, so no fresh blocks were measured for this one."
        ),
        (true, Stage::Second) => format!(
            "The {first} blocks of the first stage made this series suspicious (p below {first_alpha}). {} of the second \
             stage decide alone: p is {p}, against {}.",
            format::plural(verdict.blocks, "fresh block"),
            format::probability(design.second_alpha)
        ),
    }
}

/// What the figures lead to.
fn outcome(verdict: &Verdict) -> String {
    let margin = format::amount(verdict, verdict.margin);
    let within = verdict.interval.map(|interval| {
        let (low, high) = verdict_table::margin(verdict);
        interval.low >= low && interval.high <= high
    });
    let caught = verdict.resolution.map(|size| {
        format!(" A change of {} would have been caught with 90% probability.", format::amount(verdict, size))
    });
    let said = match (verdict.kind, verdict.gate) {
        (_, false) => match within {
            Some(true) => format!("Its interval lies within ±{margin}."),
            Some(false) => format!("Its interval reaches beyond ±{margin}."),
            None => "There are too few blocks for an interval.".to_owned(),
        },
        (kind @ (VerdictKind::Worse | VerdictKind::Better), true) => {
            format!("That is certain enough, and the estimate lies beyond the margin of {margin}: {}.", kind.as_str())
        }
        (VerdictKind::Equivalent, true) => {
            format!("The whole interval lies within the margin of {margin}: equivalent.")
        }
        (VerdictKind::Inconclusive, true) => match within {
            Some(true) => "That does not decide.".to_owned(),
            _ => format!(
                "The interval reaches beyond the margin of {margin}, and nothing is certain enough: inconclusive."
            ),
        },
        (VerdictKind::Unusable, true) => format!("The two sides cannot be compared: {}.", verdict.reason),
    };
    format!("{said}{}", caught.unwrap_or_default())
}

/// The figures behind the verdict.
fn facts(verdict: &Verdict) -> Vec<(&'static str, String)> {
    let scale = match verdict.scale {
        Scale::Ratio => "head over base",
        Scale::Difference => "head less base",
    };
    let stage = verdict.stage.map_or_else(|| "none".to_owned(), |stage| stage.number().to_string());
    let optional = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
    let level = verdict.interval.map(|interval| format!("{:.2}%", interval.level * 100.0));
    let mut facts = vec![
        ("Effect", format!("{}, {scale}", format::change(verdict))),
        ("Level of the interval", optional(level)),
        ("p", optional(verdict.p.map(format::probability))),
        ("Held against", optional(verdict.alpha.map(format::probability))),
        ("Margin", format!("±{}", format::amount(verdict, verdict.margin))),
        ("Resolution", optional(verdict.resolution.map(|size| format::amount(verdict, size)))),
        ("Blocks", format!("{} of stage {stage}", verdict.blocks)),
    ];
    if let Some(blocks) = verdict.blocks_needed {
        facts.push(("Would decide", format!("about {blocks} blocks")));
    }
    if !verdict.reason.is_empty() {
        facts.push(("Reason", verdict.reason.clone()));
    }
    facts
}

/// The other series of the case that decide.
fn siblings(reader: &Reader, choice: &Choice, shown: &Verdict) -> Result<Vec<Link>, PageError> {
    let all = reader.verdicts(choice.comparison)?;
    let ours =
        all.iter().filter(|verdict| verdict.case == shown.case && (verdict.gate || verdict.metric == shown.metric));
    let link = |verdict: &Verdict| Link {
        here: verdict.metric == shown.metric,
        ..Link::new(
            format!("{} {}", sign(verdict).glyph, format::metric(verdict.metric)),
            verdict_table::series_href(choice.comparison, &verdict.case, verdict.metric),
        )
    };
    Ok(ours.map(link).collect())
}
