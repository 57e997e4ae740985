//! Change points against what is known to be there: simulated series with and without steps, awkward input, and the
//! promise that a series that grows is cut as one that is there at once.

use super::super::noise::{Noise, SplitMix64};
use super::super::{NEARBY, Online};
use super::*;

/// The noise models of the published error rates, all of about one percent.
#[derive(Debug, Clone, Copy)]
enum Model {
    Gaussian,
    /// One value in twenty is 5 to 15% higher.
    Outliers,
    /// First-order autoregressive with ρ = 0.7.
    Correlated,
    /// Three in ten are 3% higher, each with 0.5% noise.
    Bimodal,
}

const NONE: [usize; 0] = [];

const MODELS: [Model; 4] = [Model::Gaussian, Model::Outliers, Model::Correlated, Model::Bimodal];

/// 300 values around 1 and, from `at` on, around 1 + `step`.
fn series(model: Model, at: usize, step: f64, random: &mut SplitMix64) -> Vec<f64> {
    let mut last = Noise::Gaussian.draw(random);
    let value = |place| {
        let plain = Noise::Gaussian.draw(random);
        let noise = match model {
            Model::Gaussian => 0.01 * plain,
            Model::Outliers if random.uniform() < 0.05 => 0.01 * plain + 0.05 + 0.1 * random.uniform(),
            Model::Outliers => 0.01 * plain,
            Model::Correlated => {
                last = 0.7 * last + (1.0_f64 - 0.49).sqrt() * plain;
                0.01 * last
            }
            Model::Bimodal if random.uniform() < 0.3 => 0.005 * plain + 0.03,
            Model::Bimodal => 0.005 * plain,
        };
        (1.0 + noise) * if place < at { 1.0 } else { 1.0 + step }
    };
    (0..300).map(value).collect()
}

fn of(values: &[f64]) -> Segmentation {
    segments(values, LevelScale::Ratio).unwrap()
}

fn places(values: &[f64]) -> Vec<usize> {
    of(values).changes.iter().map(|change| change.at).collect()
}

/// Guards against regressions; the large tables are made by `cargo bench --bench detectors`.
#[test]
fn clean_series_raise_few_alarms() {
    for (seed, model) in MODELS.into_iter().enumerate() {
        let mut random = SplitMix64::new(100 + seed as u64);
        let alarms: usize = (0..40).map(|_| places(&series(model, 300, 0.0, &mut random)).len()).sum();
        // Measured: at most 0.02 a thousand. One in 40 series is 0.08.
        assert!(alarms <= 1, "{model:?}: {alarms} in 12 000 commits");
    }
}

#[test]
fn steps_are_caught_and_placed() {
    const ROUNDS: usize = 50;
    for (seed, (model, small)) in MODELS.into_iter().zip([0.9, 0.9, 0.6, 0.8]).enumerate() {
        let mut random = SplitMix64::new(200 + seed as u64);
        let mut share = |step: f64, within: usize| {
            let caught = (0..ROUNDS).filter(|round| {
                let at = 100 + round;
                places(&series(model, at, step, &mut random)).iter().any(|found| found.abs_diff(at) <= within)
            });
            caught.count() as f64 / ROUNDS as f64
        };
        let (found_small, found_large) = (share(0.02, 5), share(0.05, 2));
        assert!(found_small >= small, "{model:?}: {found_small} of +2% steps");
        assert!(found_large >= 0.98, "{model:?}: {found_large} of +5% steps");
    }
}

#[test]
fn an_interval_covers_the_step_and_the_place_is_within() {
    const ROUNDS: usize = 100;
    for (seed, model) in [Model::Gaussian, Model::Correlated].into_iter().enumerate() {
        let mut random = SplitMix64::new(300 + seed as u64);
        let (mut covered, mut within) = (0, 0);
        for _ in 0..ROUNDS {
            let found = of(&series(model, 150, 0.06, &mut random));
            let change = found.changes.iter().min_by_key(|change| change.at.abs_diff(150)).unwrap();
            covered += usize::from(change.interval.low <= 1.06 && 1.06 <= change.interval.high);
            within += usize::from(change.at.abs_diff(150) <= change.within);
        }
        // Four Monte Carlo errors below 95%.
        assert!(covered as f64 / ROUNDS as f64 > 0.86, "{model:?}: {covered} of {ROUNDS}");
        assert!(within as f64 / ROUNDS as f64 > 0.86, "{model:?}: {within} of {ROUNDS}");
    }
}

#[test]
fn a_series_that_grows_is_cut_as_one_that_is_there_at_once() {
    for (seed, model) in [Model::Outliers, Model::Correlated].into_iter().enumerate() {
        let mut random = SplitMix64::new(400 + seed as u64);
        let values = [series(model, 130, 0.04, &mut random), series(model, 60, -0.03, &mut random)].concat();
        let mut online = Online::new(LevelScale::Ratio);
        for (place, value) in values.iter().enumerate() {
            online.append(*value).unwrap();
            if place % 17 == 0 || (250..280).contains(&place) {
                assert_eq!(online.segmentation(), of(&values[..=place]), "{model:?} up to {place}");
            }
        }
        assert_eq!(online.segmentation(), of(&values));
    }
}

#[test]
fn a_change_is_new_then_confirmed_and_may_be_withdrawn() {
    let mut random = SplitMix64::new(7);
    let values = series(Model::Gaussian, 200, 0.05, &mut random);
    let mut online = Online::new(LevelScale::Ratio);
    values[..202].iter().for_each(|value| online.append(*value).unwrap());
    assert!(online.sightings().is_empty());
    online.append(values[202]).unwrap();
    let change = online.segmentation().changes[0];
    assert_eq!((change.at, change.points_after, change.confirmed_at), (200, 3, None));
    online.append(values[203]).unwrap();
    assert_eq!(online.segmentation().changes[0].confirmed_at, Some(203));
    assert_eq!(online.sightings()[0].confirmed_at, Some(203));
    // Three points that go back to the old level were nothing.
    let mut online = Online::new(LevelScale::Ratio);
    values[..203].iter().for_each(|value| online.append(*value).unwrap());
    values[..60].iter().for_each(|value| online.append(*value).unwrap());
    let first = online.sightings()[0];
    assert!(first.at.abs_diff(200) <= NEARBY && first.seen_at == 202);
}

#[test]
fn a_level_that_returns_is_two_changes_and_spikes_are_none() {
    let mut random = SplitMix64::new(8);
    let mut values = series(Model::Gaussian, 300, 0.0, &mut random);
    values[100..140].iter_mut().for_each(|value| *value *= 1.05);
    assert_eq!(places(&values), [100, 140]);
    let mut spikes = series(Model::Gaussian, 300, 0.0, &mut random);
    for place in [50, 51, 120, 298, 299] {
        spikes[place] *= 3.0;
    }
    assert_eq!(places(&spikes), NONE);
}

#[test]
fn awkward_series_have_an_answer_or_a_reason() {
    assert_eq!(of(&[]).segments, []);
    assert_eq!(of(&[5.0]).segments, [Segment { start: 0, end: 1, level: 5.0_f64.ln().exp() }]);
    for length in [2, 3, 7, 300] {
        for value in [1.0, 7.5, 1e-150, 1e150] {
            assert_eq!(places(&vec![value; length]), NONE, "{length} times {value}");
        }
    }
    assert_eq!(segments(&[0.0; 50], LevelScale::Difference).unwrap().changes, []);
    for refused in [f64::NAN, f64::INFINITY, 1e200] {
        assert!(matches!(
            segments(&[1.0, refused], LevelScale::Difference),
            Err(StatsError::OutOfRange { index: 1, .. })
        ));
    }
    assert_eq!(segments(&[1.0, 0.0], LevelScale::Ratio), Err(StatsError::NotPositive { index: 1, value: 0.0 }));
    let mut online = Online::new(LevelScale::Ratio);
    assert!(online.append(-1.0).is_err());
    assert_eq!(online.segmentation(), of(&[]), "what is refused leaves no trace");
}

#[test]
fn exact_steps_are_found_where_they_are() {
    for (low, high) in [(100.0, 101.0), (1.0, 1e150), (1e-150, 1.0), (100.0, 100.1)] {
        let values: Vec<f64> = (0..60).map(|place| if place < 25 { low } else { high }).collect();
        let found = of(&values);
        assert_eq!(places(&values), [25], "{low} to {high}");
        assert!((found.changes[0].before / low - 1.0).abs() < 1e-6, "{:?}", found.changes[0]);
        assert!(found.changes[0].gain.is_finite() && found.changes[0].interval.low > 1.0);
    }
    // Counted in pages: most neighbours are equal, and three in ten are one higher.
    let mut random = SplitMix64::new(9);
    let pages: Vec<f64> = (0..300).map(|_| if random.uniform() < 0.3 { 101.0 } else { 100.0 }).collect();
    assert_eq!(places(&pages), NONE);
}

#[test]
fn a_hundred_thousand_points_are_no_trouble() {
    let mut random = SplitMix64::new(10);
    let wild: Vec<f64> = (0..100_000).map(|_| Noise::Cauchy.draw(&mut random).clamp(-1e6, 1e6)).collect();
    assert!(segments(&wild, LevelScale::Difference).unwrap().changes.len() < 50);
    let stairs: Vec<f64> = (0..20_000).map(|place| f64::from(place / 10) * 5.0 + random.uniform()).collect();
    assert_eq!(segments(&stairs, LevelScale::Difference).unwrap().segments.last().unwrap().end, 20_000);
}

#[test]
fn a_large_step_soon_after_the_beginning_is_found_in_its_place() {
    // Peak memory of a real program, in pages of 4 KiB. A window that reached farther forward than back put the step at 3.
    let pages = [426.0, 414.0, 432.0, 409.0, 421.0, 427.0, 2384.0, 2383.0, 2383.0, 2375.0, 2377.0, 2378.0, 2388.0];
    let found = segments(&pages, LevelScale::Ratio).unwrap();
    let places: Vec<usize> = found.changes.iter().map(|change| change.at).collect();
    assert_eq!(places, [6]);
}
