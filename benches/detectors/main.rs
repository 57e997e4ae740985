//! Change detection beside its peers on the same simulated series: how often each is wrong, what it catches, how soon, and
//! how long it takes. `cargo bench --bench detectors` prints one table; it decides nothing and stores nothing.
//!
//! `simulate` makes the series, `rules`, `asv` and `otava` are the peers, reimplemented from their own descriptions.
//! `peers.py` runs the originals of asv and Otava over series written by `cargo bench --bench detectors -- --export DIR`.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs, reason = "a program that prints a table")]

mod asv;
mod otava;
mod rules;
mod simulate;

use std::{fmt::Write as _, fs, hint::black_box, path::Path, time::Instant};

use benchline::stats::{FOLLOWING, LevelScale, NEARBY, Online, segments};
use simulate::{Model, Random};

/// Commits of a series.
const LENGTH: usize = 300;

/// A detector: the places at which it says a series changes.
struct Detector {
    name: &'static str,
    find: fn(&[f64]) -> Vec<usize>,
    /// Whether it looks at a commit and what came before it, so that what it said once it never takes back.
    causal: bool,
    /// Series a figure is made from, and series that are followed commit by commit.
    rounds: usize,
    followed: usize,
}

const DETECTORS: [Detector; 6] = [
    Detector { name: "Benchline", find: ours, causal: false, rounds: 1000, followed: 400 },
    Detector { name: "asv (Potts L1)", find: asv::asv, causal: false, rounds: 200, followed: 10 },
    Detector { name: "Otava (E-divisive)", find: otava::otava, causal: false, rounds: 400, followed: 40 },
    Detector { name: "rustc-perf (fence)", find: rules::rustc_perf, causal: true, rounds: 1000, followed: 400 },
    Detector { name: "Bencher (t-test 0.99)", find: rules::bencher, causal: true, rounds: 1000, followed: 400 },
    Detector { name: "criterion (pairwise)", find: rules::criterion, causal: true, rounds: 1000, followed: 400 },
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(place) = arguments.iter().position(|argument| argument == "--export") {
        export(Path::new(&arguments[place + 1]));
        return;
    }
    println!("300 commits a series. False alarms per 1000 commits: once the history is complete, and ever on the way.");
    println!("Share of steps told within 5 and 2 commits; median commits until told. Time of one look, warm.\n");
    let head = "| noise | detector | false | ever | +2% ≤5 | +2% ≤2 | delay | +5% ≤5 | +5% ≤2 | delay |";
    println!("{head}\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    for model in Model::ALL {
        for detector in &DETECTORS {
            println!("{}", row(model, detector));
        }
    }
    println!("\n| detector | 365 points | 5000 points |\n|---|--:|--:|");
    for detector in &DETECTORS {
        println!("| {} | {} | {} |", detector.name, time(detector, 365), time(detector, 5000));
    }
    println!("| Benchline, a point appended at 5000 | | {} |", time_of_appending());
}

fn row(model: Model, detector: &Detector) -> String {
    let mut random = Random::new(1);
    let clean: Vec<Vec<f64>> = (0..detector.rounds).map(|_| model.series(LENGTH, LENGTH, 0.0, &mut random)).collect();
    let alarms: usize = clean.iter().map(|values| (detector.find)(values).len()).sum();
    let followed = &clean[..detector.followed];
    let ever: usize = followed.iter().map(|values| ever(detector, values)).sum();
    let rate = |count: usize, series: usize| 1000.0 * count as f64 / (series * LENGTH) as f64;
    let mut text = format!(
        "| {} | {} | {:.2} | {:.2} |",
        model.name(),
        detector.name,
        rate(alarms, clean.len()),
        rate(ever, followed.len())
    );
    for step in [0.02, 0.05] {
        let _ = write!(text, " {} |", caught(model, detector, step));
    }
    text
}

/// How many different changes it told of while the series grew.
fn ever(detector: &Detector, values: &[f64]) -> usize {
    if detector.causal {
        return (detector.find)(values).len();
    }
    let mut standing: Vec<usize> = Vec::new();
    let mut told = 0;
    for length in 1..=values.len() {
        let found = (detector.find)(&values[..length]);
        told += found.iter().filter(|at| standing.iter().all(|known| known.abs_diff(**at) > NEARBY)).count();
        standing = found;
    }
    told
}

/// Shares within 5 and 2 commits, and the median delay.
fn caught(model: Model, detector: &Detector, step: f64) -> String {
    let mut random = Random::new(2);
    let (mut within_5, mut within_2) = (0, 0);
    let mut delays = Vec::new();
    for round in 0..detector.rounds {
        let at = 100 + round % 100;
        let values = model.series(LENGTH, at, step, &mut random);
        let found = (detector.find)(&values);
        within_5 += usize::from(found.iter().any(|place| place.abs_diff(at) <= 5));
        within_2 += usize::from(found.iter().any(|place| place.abs_diff(at) <= 2));
        if round < detector.followed {
            delays.push(delay(detector, &values, at));
        }
    }
    let share = |count: usize| format!("{:.0}%", 100.0 * count as f64 / detector.rounds as f64);
    delays.sort_unstable();
    let median = delays[delays.len() / 2].map_or("–".to_owned(), |delay| delay.to_string());
    format!("{} | {} | {median}", share(within_5), share(within_2))
}

/// Commits after the step until it is told, nearby; those that never are, last in order.
fn delay(detector: &Detector, values: &[f64], at: usize) -> Option<std::num::NonZero<usize>> {
    const PATIENCE: usize = 100;
    let told = |length: &usize| (detector.find)(&values[..*length]).iter().any(|place| place.abs_diff(at) <= NEARBY);
    let length = (at + 1..=at + PATIENCE).find(told)?;
    std::num::NonZero::new(length - at)
}

/// Confirmed changes.
fn ours(values: &[f64]) -> Vec<usize> {
    let found = segments(values, LevelScale::Ratio).unwrap();
    found.changes.iter().filter(|change| change.points_after > FOLLOWING).map(|change| change.at).collect()
}

fn time(detector: &Detector, length: usize) -> String {
    let values = Model::Gaussian.series(length, length / 2, 0.02, &mut Random::new(3));
    let rounds = if length > 1000 { 5 } else { 20 };
    let once = |_| {
        let start = Instant::now();
        black_box((detector.find)(black_box(&values)));
        start.elapsed().as_secs_f64()
    };
    let best = (0..rounds).map(once).fold(f64::INFINITY, f64::min);
    format!("{:.3} ms", best * 1e3)
}

fn time_of_appending() -> String {
    let values = Model::Gaussian.series(6000, 3000, 0.02, &mut Random::new(4));
    let mut series = Online::new(LevelScale::Ratio);
    values[..5000].iter().for_each(|value| series.append(*value).unwrap());
    let start = Instant::now();
    values[5000..].iter().for_each(|value| series.append(*value).unwrap());
    // A thousand points: seconds in all are milliseconds each.
    format!("{:.3} ms", start.elapsed().as_secs_f64())
}

/// Writes series and what the two reimplementations say of them, for `peers.py`.
fn export(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let mut random = Random::new(5);
    let mut text = String::from("model,step,asv,otava,values\n");
    for model in Model::ALL {
        for step in [0.0, 0.02, 0.05] {
            for _ in 0..10 {
                let values = model.series(LENGTH, LENGTH / 2, step, &mut random);
                let words = |places: Vec<usize>| places.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
                let numbers: Vec<String> = values.iter().map(ToString::to_string).collect();
                let (asv, otava) = (words(asv::asv(&values)), words(otava::otava(&values)));
                let _ = writeln!(text, "{},{step},{asv},{otava},{}", model.name(), numbers.join(" "));
            }
        }
    }
    fs::write(folder.join("series.csv"), text).unwrap();
}
