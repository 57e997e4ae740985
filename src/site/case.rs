//! The page of one case in one run: every sample, what the processes used meanwhile, every number with its checks.
//! The one page that may grow with the number of samples.

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

use super::{
    error::PageError,
    figure::{Figure, Link, Table},
    layout::{Layout, Place},
    params,
    run::{self, FailureText},
    shared::{Shared, Site},
    words::{self, Sign},
};
use crate::{
    charts::{Estimate, SampleSpan, Strip, StripTrial, Timelines, TimelinesRole},
    history::{Reader, RunListing},
    model::{Case, CaseLabel, CheckStatus, Grade, Grain, Measurement, Metric, RunId, Trial},
    stats::Sorted,
    units::Unit,
};

/// What may follow the question mark.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// Whose samples are drawn; wall time unless named.
    metric: Option<String>,
    /// Whose timelines are drawn, from 1; the first unless named.
    trial: Option<String>,
}

/// One case of a run with everything raw.
#[derive(Debug)]
pub(super) struct CaseData {
    pub(super) listing: RunListing,
    pub(super) id: String,
    pub(super) case: Case,
    pub(super) label: CaseLabel,
    pub(super) measurements: Vec<Measurement>,
    pub(super) trials: Vec<Trial>,
}

#[derive(Template)]
#[template(path = "case.html")]
struct CasePage {
    layout: Layout,
    run: RunId,
    revision: String,
    revision_href: String,
    scenario: String,
    label: String,
    key: String,
    sign: Sign,
    answer: String,
    checks: Vec<CheckLine>,
    metrics: Vec<Link>,
    strip: Option<Figure>,
    trial_links: Vec<Link>,
    timelines: Option<Figure>,
    numbers: Vec<Number>,
    trials: Vec<TrialLine>,
    failures: Vec<FailureText>,
    reproduce: String,
}

/// One check of the case's wall time.
struct CheckLine {
    sign: Sign,
    name: &'static str,
    meaning: &'static str,
    figure: String,
    limit: String,
    advice: String,
}

/// One metric of the case.
struct Number {
    name: String,
    metric: Metric,
    estimate: String,
    minimum: String,
    p99: String,
    between: String,
    within: String,
    sign: Sign,
    complaints: String,
}

/// One trial and what was going on around it.
struct TrialLine {
    number: u32,
    order: u32,
    date: String,
    took: String,
    samples: String,
    pressure: String,
    steal: String,
    others: String,
    sampler: String,
}

/// Answers `/runs/{run}/cases/{case}`.
pub(super) async fn page(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<(String, String)>, PathRejection>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, PageError> {
    let (run, case) = params::path(path)?;
    let (run, case) = (params::run(&run)?, params::case(&case)?);
    let asked = params::query(query)?;
    let metric = params::optional(asked.metric.as_ref(), params::metric)?;
    let trial = params::optional(asked.trial.as_ref(), params::trial)?;
    let key = format!("/runs/{run}/cases/{case}?{metric:?}&{trial:?}");
    shared
        .page(key, move |site| render(site, run, &case, metric.unwrap_or(Metric::WALL_TIME), trial.unwrap_or(0)))
        .await
}

impl CaseData {
    /// Everything about one case of a run, or the page that says that there is none.
    pub(super) fn read(reader: &Reader, run: RunId, id: &str) -> Result<CaseData, PageError> {
        let listing = run::listing(reader, run)?;
        let mut measurements = reader.measurements(run)?;
        measurements.retain(|measurement| params::case_id(&measurement.case) == id);
        measurements.sort_by_key(|measurement| (measurement.metric.quantity, measurement.metric.role));
        let found = match measurements.first() {
            Some(measurement) => Some((measurement.case.clone(), measurement.label.clone())),
            None => unmeasured(reader, run, id)?,
        };
        let missing = || PageError::missing(format!("run {run} has no such case; its page lists those that it has"));
        let (case, label) = found.ok_or_else(missing)?;
        let trials = reader.trials(run, &case.key())?;
        Ok(CaseData { listing, id: id.to_owned(), case, label, measurements, trials })
    }

    /// The measurement of one metric.
    pub(super) fn measurement(&self, metric: Metric) -> Option<&Measurement> {
        self.measurements.iter().find(|measurement| measurement.metric == metric)
    }

    /// The address of the case's page.
    pub(super) fn href(&self) -> String {
        format!("/runs/{}/cases/{}", self.listing.run.id, self.id)
    }

    /// Every sample of a metric as a strip plot; `None` where the metric has no samples.
    pub(super) fn strip(&self, metric: Metric) -> Result<Option<Figure>, PageError> {
        let rows: Vec<StripTrial> = self.trials.iter().filter_map(|trial| strip_trial(trial, metric)).collect();
        if rows.is_empty() {
            return Ok(None);
        }
        let estimate = self.measurement(metric).map(|measurement| Estimate {
            value: measurement.summary.estimate,
            interval: measurement.summary.interval.map(|interval| (interval.low, interval.high)),
        });
        let all: usize = rows.iter().map(|row| row.samples.len()).sum();
        let sentence = format!("{}: all {all} samples, a row for each trial", words::metric(metric));
        let svg = Strip { title: &sentence, unit: metric.unit(), trials: &rows, estimate }.svg()?;
        let note = "Within a row, samples run from top to bottom in the order taken; grey ones are warm-up and count for \
                    nothing. The tick is the trial's median, the dashed line the estimate, the band its interval.";
        let href = self.href();
        let links = vec![
            Link::new("CSV", format!("{href}/samples.csv")),
            Link::new("JSON", format!("/api/v1{href}")),
            Link::new("SVG", format!("{href}/samples.svg?metric={metric}")),
            Link::new("permalink", format!("{href}?metric={metric}")),
        ];
        Ok(Some(Figure { sentence, note: note.to_owned(), svg, table: strip_table(metric, &rows), links }))
    }

    /// What the processes of one trial used over time.
    pub(super) fn timelines(&self, trial: usize) -> Result<Option<Figure>, PageError> {
        let Some(shown) = self.trials.get(trial).filter(|trial| !trial.timelines.is_empty()) else { return Ok(None) };
        let roles: Vec<TimelinesRole> = shown
            .timelines
            .iter()
            .map(|line| TimelinesRole { name: words::role(line.role).to_owned(), points: line.points.clone() })
            .collect();
        let samples = sample_spans(shown);
        let sentence = format!("What each process used in trial {}", shown.index.saturating_add(1));
        let svg = Timelines { title: &sentence, roles: &roles, samples: &samples }.svg()?;
        let note = "Seen from outside, every 20 ms. The shaded stretch is warm-up.".to_owned();
        let (href, number) = (self.href(), trial + 1);
        let links = vec![
            Link::new("CSV", format!("{href}/timelines.csv?trial={number}")),
            Link::new("JSON", format!("/api/v1{href}")),
            Link::new("SVG", format!("{href}/timelines.svg?trial={number}")),
            Link::new("permalink", format!("{href}?trial={number}")),
        ];
        Ok(Some(Figure { sentence, note, svg, table: timelines_table(shown), links }))
    }
}

fn render(site: &Site, run: RunId, id: &str, metric: Metric, trial: usize) -> Result<String, PageError> {
    let reader = site.history()?;
    let data = CaseData::read(reader, run, id)?;
    if trial > 0 && trial >= data.trials.len() {
        return Err(PageError::missing(format!("this case has {} trials", data.trials.len())));
    }
    let failures = reader.failures(run)?;
    let ours = failures.iter().filter(|failure| failure.case.as_ref() == Some(&data.case));
    let failures: Vec<FailureText> =
        ours.take(run::MOST_FAILURES).map(|failure| FailureText::of(run, failure)).collect();
    let wall = data.measurement(Metric::WALL_TIME);
    let revision = &data.listing.run.revision;
    let page = CasePage {
        layout: Layout::new(
            site,
            format!("{} {} at {}", data.case.scenario, data.label.0, revision.short()),
            Place::Elsewhere,
        )?,
        run,
        revision: revision.short().to_owned(),
        revision_href: format!("/commits/{}", revision.id),
        scenario: data.case.scenario.clone(),
        label: data.label.0.clone(),
        key: data.case.key(),
        sign: sign(wall, &failures),
        answer: answer(wall, &data.trials),
        checks: wall.map(check_lines).unwrap_or_default(),
        metrics: metric_links(&data, metric),
        strip: data.strip(metric)?,
        trial_links: trial_links(&data, trial),
        timelines: data.timelines(trial)?,
        numbers: data.measurements.iter().map(number).collect(),
        trials: data.trials.iter().map(trial_line).collect(),
        failures,
        reproduce: data.listing.run.reproduce.clone(),
    };
    Ok(page.render()?)
}

/// A case that has failures and no numbers.
fn unmeasured(reader: &Reader, run: RunId, id: &str) -> Result<Option<(Case, CaseLabel)>, PageError> {
    let failures = reader.failures(run)?;
    let ours = failures.into_iter().find_map(|failure| {
        let case = failure.case.filter(|case| params::case_id(case) == id)?;
        Some((case, failure.label.unwrap_or(CaseLabel(String::new()))))
    });
    // Trials that are kept while the run goes on have no measurements yet, but the one being measured has a name.
    let current = reader.progress()?.filter(|now| now.run == run && params::case_id(&now.case) == id);
    Ok(ours.or(current.map(|now| (now.case, now.label))))
}

fn sign(wall: Option<&Measurement>, failures: &[FailureText]) -> Sign {
    match failures.first() {
        Some(failure) => failure.sign,
        None => wall.map_or(Sign::UNSUPPORTED, |measurement| Sign::grade(measurement.grade)),
    }
}

/// What the wall time says, in a sentence.
fn answer(wall: Option<&Measurement>, trials: &[Trial]) -> String {
    let Some(measurement) = wall else {
        return format!(
            "{} kept so far; the estimate comes when the case is over.",
            words::counted(trials.len() as u32, "trial")
        );
    };
    let summary = &measurement.summary;
    let level = summary.interval.map(|interval| format!(" at {:.1}%", interval.level * 100.0)).unwrap_or_default();
    let trust = match measurement.grade {
        Grade::Sound => "Every check passes.".to_owned(),
        Grade::Noisy => format!("Believe it with care: {}.", words::complaints(&measurement.checks)),
        Grade::Unusable => format!("Do not believe it: {}.", words::complaints(&measurement.checks)),
    };
    format!(
        "{}{level}: the median of {} with {} in all. {trust}",
        words::with_interval(Metric::WALL_TIME, summary),
        words::counted(summary.trials, "trial"),
        words::counted(summary.samples, "sample"),
    )
}

fn check_lines(measurement: &Measurement) -> Vec<CheckLine> {
    let line = |check: &crate::model::Check| CheckLine {
        sign: Sign::check(check.status),
        name: check.name.as_str(),
        meaning: words::check(check.name),
        figure: words::figure(check.name, check.figure),
        limit: words::figure(check.name, check.limit),
        advice: if check.status == CheckStatus::Pass { String::new() } else { check.advice.clone() },
    };
    measurement.checks.iter().map(line).collect()
}

/// The metrics that have samples.
fn metric_links(data: &CaseData, shown: Metric) -> Vec<Link> {
    let sampled = data.measurements.iter().map(|measurement| measurement.metric);
    let sampled = sampled.filter(|metric| metric.quantity.grain() == Grain::Sample);
    let link = |metric: Metric| Link {
        here: metric == shown,
        ..Link::new(words::metric(metric), format!("{}?metric={metric}#samples", data.href()))
    };
    sampled.map(link).collect()
}

fn trial_links(data: &CaseData, shown: usize) -> Vec<Link> {
    let link = |index: usize| Link {
        here: index == shown,
        ..Link::new(format!("{}", index + 1), format!("{}?trial={}#timelines", data.href(), index + 1))
    };
    (0..data.trials.len()).map(link).collect()
}

fn strip_trial(trial: &Trial, metric: Metric) -> Option<StripTrial> {
    let column = trial.columns.iter().find(|column| column.metric == metric)?;
    let iterations = trial.iterations.max(1) as f64;
    let samples: Vec<f64> = column.values.iter().map(|value| *value as f64 / iterations).collect();
    let warmup = (trial.warmup as usize).min(samples.len());
    Some(StripTrial {
        name: format!("trial {}", trial.index.saturating_add(1)),
        median: Sorted::new(&samples[warmup..]).ok().map(|counted| counted.median()),
        samples,
        warmup,
    })
}

fn strip_table(metric: Metric, rows: &[StripTrial]) -> Table {
    let head = ["Trial", "Samples", "Warm-up", "Median"].map(str::to_owned).to_vec();
    let row = |row: &StripTrial| {
        let median = row.median.map_or_else(|| "–".to_owned(), |median| metric.unit().format(median));
        vec![row.name.clone(), row.samples.len().to_string(), row.warmup.to_string(), median]
    };
    Table { head, rows: rows.iter().map(row).collect() }
}

/// When each sample was taken. Wall time belongs to the case, so that every trial has it.
fn sample_spans(trial: &Trial) -> Vec<SampleSpan> {
    let walls = trial.columns.iter().find(|column| column.metric == Metric::WALL_TIME);
    let walls = walls.map(|column| column.values.as_slice()).unwrap_or_default();
    let spans = trial.starts_ns.iter().zip(walls).enumerate();
    spans
        .map(|(index, (start, wall))| SampleSpan {
            start_ns: *start,
            wall_ns: *wall,
            warmup: index < trial.warmup as usize,
        })
        .collect()
}

fn timelines_table(trial: &Trial) -> Table {
    let head = ["Process", "Readings", "CPU time", "Highest memory", "Read", "Written"].map(str::to_owned).to_vec();
    let row = |line: &crate::model::Timeline| {
        let last = line.points.last().copied().unwrap_or_default();
        let peak = line.points.iter().map(|point| point.rss).max().unwrap_or_default();
        vec![
            words::role(line.role).to_owned(),
            line.points.len().to_string(),
            Unit::Nanoseconds.format(last.cpu_ns as f64),
            Unit::MemoryBytes.format(peak as f64),
            Unit::Bytes.format(last.bytes_read as f64),
            Unit::Bytes.format(last.bytes_written as f64),
        ]
    };
    Table { head, rows: trial.timelines.iter().map(row).collect() }
}

fn number(measurement: &Measurement) -> Number {
    let (summary, unit) = (&measurement.summary, measurement.metric.unit());
    let share = |spread: Option<f64>| spread.map_or_else(|| "–".to_owned(), |spread| Unit::Ratio.format(spread));
    Number {
        name: words::metric(measurement.metric),
        metric: measurement.metric,
        estimate: words::with_interval(measurement.metric, summary),
        minimum: unit.format(summary.minimum),
        p99: unit.format(summary.p99),
        between: share(summary.between),
        within: share(summary.within),
        sign: Sign::grade(measurement.grade),
        complaints: words::complaints(&measurement.checks),
    }
}

fn trial_line(trial: &Trial) -> TrialLine {
    let share = |ppm: u64| Unit::Ratio.format(ppm as f64 / 1e6);
    let told = |ppm: Option<u64>| ppm.map_or_else(|| "–".to_owned(), share);
    let counted = trial.starts_ns.len().saturating_sub(trial.warmup as usize);
    let each = if trial.iterations > 1 { format!(" of {} each", trial.iterations) } else { String::new() };
    TrialLine {
        number: trial.index.saturating_add(1),
        order: trial.order.saturating_add(1),
        date: words::date(trial.started_at),
        took: Unit::Nanoseconds.format(trial.duration_ns as f64),
        samples: format!("{} + {counted}{each}", trial.warmup),
        pressure: told(trial.conditions.pressure_ppm),
        steal: told(trial.conditions.steal_ppm),
        others: told(trial.conditions.others_ppm),
        sampler: share(trial.conditions.sampler_ppm),
    }
}
