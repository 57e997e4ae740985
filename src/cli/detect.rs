//! `benchline detect`: the change points of a series in a file. Reads no history and keeps nothing.

use std::{
    fs::File,
    io::{self, Read},
};

use anyhow::{Context as _, bail, ensure};

use super::{exit::FINE, output::say};
use crate::{
    model::{Interval, Scale},
    report::{ChangeReport, ChangeState, DetectionReport, NoiseReport, SegmentReport, SightingReport},
    stats::{self, Change, LevelScale, Online, Segment},
};

const AFTER_HELP: &str = "\
Examples:
  benchline detect series.csv
  benchline detect --online series.csv
  sqlite3 results.db 'SELECT id, seconds FROM …' -csv | benchline detect -

The file holds a line `commit,value` for each commit, oldest first; a header is passed over. Where all values are above \
zero ratios are looked at, else differences. A change is new until three values follow its first, then confirmed.";

/// The longest file that is read.
const MOST_BYTES: u64 = 64 << 20;

/// The most points; a hundred thousand take about 30 ms.
const MOST_POINTS: usize = 1_000_000;

/// The longest name of a commit.
const MOST_NAME: usize = 256;

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Lines of `commit,value`, oldest first; `-` is standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// Take the points one by one, and tell when each change was first seen, confirmed and withdrawn
    #[arg(long)]
    online: bool,
}

pub(super) fn detect(args: &Args) -> anyhow::Result<u8> {
    let text = read(&args.file)?;
    let points = parse(&text).with_context(|| args.file.clone())?;
    let found = report(&points, args.online)?;
    say(format_args!("{}", serde_json::to_string_pretty(&found)?));
    Ok(FINE)
}

fn read(file: &str) -> anyhow::Result<String> {
    let source: Box<dyn Read> = match file {
        "-" => Box::new(io::stdin()),
        path => Box::new(File::open(path).with_context(|| format!("{path} cannot be opened"))?),
    };
    let mut text = String::new();
    let length = source
        .take(MOST_BYTES + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("{file} cannot be read as text"))?;
    ensure!(length as u64 <= MOST_BYTES, "{file} is longer than {} MiB: pass fewer points", MOST_BYTES >> 20);
    Ok(text)
}

/// Commits and values.
fn parse(text: &str) -> anyhow::Result<Vec<(&str, f64)>> {
    let mut points = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if line.trim().is_empty() {
            continue;
        }
        match point(line) {
            Ok(point) => points.push(point),
            // A header is a first line that would be a point if its value were a number.
            Err(_) if index == 0 && line.contains(',') && !line.contains(|digit: char| digit.is_ascii_digit()) => {}
            Err(why) => bail!("line {number}: {why}"),
        }
        ensure!(points.len() <= MOST_POINTS, "line {number}: there are more than {MOST_POINTS} points: pass fewer");
    }
    Ok(points)
}

fn point(line: &str) -> Result<(&str, f64), String> {
    let (commit, value) = line.rsplit_once(',').ok_or("`commit,value` is wanted, and there is no comma")?;
    let (commit, value) = (commit.trim(), value.trim());
    if commit.is_empty() || commit.len() > MOST_NAME {
        return Err(format!("the commit has {} bytes; 1 to {MOST_NAME} are wanted", commit.len()));
    }
    match value.parse::<f64>() {
        Ok(number) if number.abs() <= stats::LARGEST => Ok((commit, number)),
        _ => {
            let shown: String = value.chars().take(40).collect();
            Err(format!("`{shown}` is not a finite number of at most 1e150; leave out what was not measured"))
        }
    }
}

fn report(points: &[(&str, f64)], online: bool) -> anyhow::Result<DetectionReport> {
    let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
    let scale = if values.iter().all(|value| *value > 0.0) { LevelScale::Ratio } else { LevelScale::Difference };
    let found = stats::segments(&values, scale)?;
    let segment = |segment: &Segment| SegmentReport { start: segment.start, end: segment.end, level: segment.level };
    Ok(DetectionReport {
        points: points.len(),
        scale: match scale {
            LevelScale::Ratio => Scale::Ratio,
            LevelScale::Difference => Scale::Difference,
        },
        changes: found.changes.iter().map(|change| change_report(points[change.at].0, change, scale)).collect(),
        segments: found.segments.iter().map(segment).collect(),
        noise: NoiseReport { sigma: found.noise.sigma, rho: found.noise.rho },
        sightings: if online { Some(sightings(points, &values, scale)?) } else { None },
    })
}

fn sightings(points: &[(&str, f64)], values: &[f64], scale: LevelScale) -> anyhow::Result<Vec<SightingReport>> {
    let mut series = Online::new(scale);
    values.iter().try_for_each(|value| series.append(*value))?;
    let sightings = series.sightings().iter().map(|sighting| SightingReport {
        index: sighting.at,
        commit: points[sighting.at].0.to_owned(),
        first_seen_index: sighting.seen_at,
        confirmed_at_index: sighting.confirmed_at,
        withdrawn_at_index: sighting.withdrawn_at,
    });
    Ok(sightings.collect())
}

fn change_report(commit: &str, change: &Change, scale: LevelScale) -> ChangeReport {
    let interval = Interval { low: change.interval.low, high: change.interval.high, level: change.interval.level };
    ChangeReport {
        index: change.at,
        commit: commit.to_owned(),
        before: change.before,
        after: change.after,
        // From zero there is no ratio.
        ratio: (change.before != 0.0).then(|| change.after / change.before),
        interval: (scale == LevelScale::Ratio).then_some(interval),
        gain: change.gain,
        penalty: change.penalty,
        within: change.within,
        state: if change.confirmed_at.is_some() { ChangeState::Confirmed } else { ChangeState::New },
        confirmed_at_index: change.confirmed_at,
    }
}
