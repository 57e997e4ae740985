//! How often the checks warn of clean data, and how often of what they are for. Seeded, so that every run is the same.
//!
//! With 4000 rounds and two shapes more the largest rate of a check on clean data was 0.95% (`settled`, 12 trials of 60
//! samples, 5% noise between and 10% within); here are as many rounds as a test has time for.

use super::super::fixture::trial;
use super::tests::checks;
use crate::model::{Canary, CanaryReading, CheckName, CheckStatus, Metric, Trial};
use crate::stats::noise::{Noise, SplitMix64};

const ROUNDS: usize = 150;

/// Checks that look at more than how much there is and how wide it lies.
const SIMULATED: [CheckName; 5] =
    [CheckName::WarmedUp, CheckName::Independent, CheckName::Unimodal, CheckName::Outliers, CheckName::Undisturbed];

/// What trials are drawn from: their number, the samples in each, and the noise between and within as shares.
#[derive(Debug, Clone, Copy)]
struct Shape {
    trials: u32,
    samples: u32,
    between: f64,
    within: f64,
}

/// Trials of a millisecond a sample. `change` is given the trial, the sample as a part of the trial from 0 to 1, and a
/// uniform number, and answers with a factor.
fn draw(shape: Shape, random: &mut SplitMix64, change: &dyn Fn(u32, f64, f64) -> f64) -> Vec<Trial> {
    let gaussian = |random: &mut SplitMix64| Noise::Gaussian.draw(random);
    (0..shape.trials)
        .map(|index| {
            let level = 1e6 * (1.0 + shape.between * gaussian(random));
            let sample = |place| {
                let part = f64::from(place) / f64::from(shape.samples.max(2) - 1);
                let noise = 1.0 + shape.within * gaussian(random);
                (level * noise * change(index, part, random.uniform())).max(0.0) as u64
            };
            let mut drawn = trial(index, &(0..shape.samples).map(sample).collect::<Vec<_>>());
            let mut reading = || CanaryReading { wall_ns: (5e5 * (1.0 + 0.005 * gaussian(random))) as u64, cpu_ns: 0 };
            drawn.canary = Some(Canary { workload: "mix@1".into(), before: reading(), after: reading() });
            drawn
        })
        .collect()
}

/// How often each simulated check warned, as a share of the rounds.
fn rates(shape: Shape, seed: u64, change: &dyn Fn(u32, f64, f64) -> f64) -> Vec<(CheckName, f64)> {
    let mut random = SplitMix64::new(seed);
    let rounds: Vec<_> = (0..ROUNDS).map(|_| checks(&draw(shape, &mut random, change), Metric::WALL_TIME)).collect();
    let warned = |name| {
        let bad = rounds.iter().flatten().filter(|check| check.name == name && check.status != CheckStatus::Pass);
        bad.count() as f64 / ROUNDS as f64
    };
    SIMULATED.map(|name| (name, warned(name))).to_vec()
}

#[test]
fn clean_data_is_rarely_warned_of() {
    let allowed = 0.01 + 4.0 * (0.01 * 0.99 / ROUNDS as f64).sqrt();
    for (trials, samples) in [(6, 5), (6, 8), (6, 20), (12, 3), (12, 20), (30, 8)] {
        for (between, within) in [(0.01, 0.01), (0.05, 0.1)] {
            let shape = Shape { trials, samples, between, within };
            for (name, rate) in rates(shape, 100, &|_, _, _| 1.0) {
                assert!(rate <= allowed, "{}: {rate} of {shape:?}", name.as_str());
            }
        }
    }
}

#[test]
fn what_a_check_is_for_is_seen() {
    let seen = |name, shape, change: &dyn Fn(u32, f64, f64) -> f64| {
        rates(shape, 7, change).into_iter().find(|(found, _)| *found == name).unwrap().1
    };
    let quick = Shape { trials: 6, samples: 8, between: 0.01, within: 0.01 };
    let gate = Shape { trials: 12, samples: 20, ..quick };
    assert!(seen(CheckName::WarmedUp, quick, &|_, part, _| 1.0 - 0.05 * part) > 0.95);
    assert!(seen(CheckName::WarmedUp, gate, &|_, part, _| 1.0 + 0.03 * part) > 0.95);
    assert!(seen(CheckName::Independent, gate, &|index, _, _| 1.0 + 0.01 * f64::from(index)) > 0.9);
    let jumping = |index: u32, _: f64, _: f64| if index.is_multiple_of(3) { 1.15 } else { 1.0 };
    assert!(seen(CheckName::Unimodal, Shape { trials: 12, ..quick }, &jumping) > 0.9);
    assert!(seen(CheckName::Unimodal, gate, &|_, _, chance| if chance < 0.3 { 1.1 } else { 1.0 }) > 0.95);
    assert!(seen(CheckName::Outliers, gate, &|_, _, chance| if chance < 0.1 { 1.5 } else { 1.0 }) > 0.9);
}
