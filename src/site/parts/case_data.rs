//! Everything raw about one case of a run, and the figures that show it.

use super::figure::{Figure, Link, Table};
use crate::{
    charts::{Estimate, SampleSpan, Strip, StripTrial, Timelines, TimelinesRole},
    history::{Reader, RunListing},
    model::{Case, CaseLabel, Measurement, Metric, RunId, Timeline, Trial},
    report::format,
    site::{
        http::{error::PageError, params},
        pages::run,
    },
    stats::Sorted,
    units::Unit,
};

/// One case of a run with everything raw.
#[derive(Debug)]
pub(crate) struct CaseData {
    pub(crate) listing: RunListing,
    pub(crate) id: String,
    pub(crate) case: Case,
    pub(crate) label: CaseLabel,
    pub(crate) measurements: Vec<Measurement>,
    pub(crate) trials: Vec<Trial>,
}

impl CaseData {
    /// Everything about one case of a run, or the page that says that there is none.
    pub(crate) fn read(reader: &Reader, run: RunId, id: &str) -> Result<CaseData, PageError> {
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
    pub(crate) fn measurement(&self, metric: Metric) -> Option<&Measurement> {
        self.measurements.iter().find(|measurement| measurement.metric == metric)
    }

    /// The address of the case's page.
    pub(crate) fn href(&self) -> String {
        format!("/runs/{}/cases/{}", self.listing.run.id, self.id)
    }

    /// Every sample of a metric as a strip plot; `None` where the metric has no samples.
    pub(crate) fn strip(&self, metric: Metric) -> Result<Option<Figure>, PageError> {
        let rows: Vec<StripTrial> = self.trials.iter().filter_map(|trial| strip_trial(trial, metric)).collect();
        if rows.is_empty() {
            return Ok(None);
        }
        let estimate = self.measurement(metric).map(|measurement| Estimate {
            value: measurement.summary.estimate,
            interval: measurement.summary.interval.map(|interval| (interval.low, interval.high)),
        });
        let all: usize = rows.iter().map(|row| row.samples.len()).sum();
        let sentence = format!("{}: all {all} samples, a row for each trial", format::metric(metric));
        let svg = Strip { title: &sentence, unit: metric.unit(), trials: &rows, estimate }.svg()?;
        let note = "Within a row, samples run from top to bottom in the order taken. Grey ones are warm-up: they count for \
                    nothing, and stand at the edge where they are beyond the scale. The tick is the trial's median, the dashed line the estimate, the band its interval.";
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
    pub(crate) fn timelines(&self, trial: usize) -> Result<Option<Figure>, PageError> {
        let Some(shown) = self.trials.get(trial).filter(|trial| !trial.timelines.is_empty()) else { return Ok(None) };
        let roles: Vec<TimelinesRole> = shown
            .timelines
            .iter()
            .map(|line| TimelinesRole { name: format::role(line.role).to_owned(), points: line.points.clone() })
            .collect();
        let samples = sample_spans(shown);
        let sentence = format!("What each process used in trial {}", shown.index.saturating_add(1));
        let svg = Timelines { title: &sentence, roles: &roles, samples: &samples }.svg()?;
        let note = "Seen from outside: CPU time and memory every 20 ms, reads and writes every 100. The shaded stretch is warm-up.".to_owned();
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

fn strip_trial(trial: &Trial, metric: Metric) -> Option<StripTrial> {
    let samples = trial.values(metric)?;
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
    let row = |line: &Timeline| {
        let last = line.points.last().copied().unwrap_or_default();
        let peak = line.points.iter().map(|point| point.rss).max().unwrap_or_default();
        vec![
            format::role(line.role).to_owned(),
            line.points.len().to_string(),
            Unit::Nanoseconds.format(last.cpu_ns as f64),
            Unit::MemoryBytes.format(peak as f64),
            Unit::Bytes.format(last.bytes_read as f64),
            Unit::Bytes.format(last.bytes_written as f64),
        ]
    };
    Table { head, rows: trial.timelines.iter().map(row).collect() }
}
