//! How often the comparison of two revisions is wrong, and what it sees: the whole procedure on simulated comparisons, as the
//! tables of `docs/METHODOLOGY.md`. Seeded, so every run prints the same. Measures no time.
//!
//! `cargo bench --bench deciding`

#![allow(clippy::print_stdout, clippy::expect_used)]

mod comparison;
mod random;

use benchline::judge;
use benchline::model::{Design, Stage, VerdictKind};
use benchline::stats;

use comparison::{Comparison, SERIES, Setting};
use random::{Model, Random};

const FIRST: u32 = 10;
const SECOND: u32 = 30;
const BUDGET: f64 = 0.01;

fn main() {
    false_verdicts();
    power();
    resolutions();
}

fn design(series: u32) -> Design {
    judge::design(FIRST, SECOND, BUDGET, series).expect("30 blocks reach every budget here")
}

/// Comparisons of revisions that do not differ.
fn false_verdicts() {
    println!("False verdicts on clean commits, {FIRST} + {SECOND} blocks, budget {BUDGET}:\n");
    println!("| noise of a trial | gate series | commits | suspicious series | commits with a false verdict |");
    println!("|---|--:|--:|--:|--:|");
    let mut random = Random(1);
    for model in Model::ALL {
        for (series, commits) in [(30, 10_000), (100, 4000), (300, 2000)] {
            let design = design(series);
            let setting = Setting { model, scale: 1.0, change: 1.0 };
            let (mut suspicious, mut wrong) = (0, 0);
            for _ in 0..commits {
                let mut any = false;
                for _ in 0..series as usize / SERIES {
                    let (marked, decided) = clean_case(&design, setting, &mut random);
                    suspicious += marked;
                    any |= decided;
                }
                wrong += u64::from(any);
            }
            let share = 100.0 * suspicious as f64 / (f64::from(series) * commits as f64);
            println!("| {} | {series} | {commits} | {share:.1}% | {} |", model.name(), rate(wrong, commits));
        }
    }
}

/// How many series of a case were marked, and whether any was called worse or better.
fn clean_case(design: &Design, setting: Setting, random: &mut Random) -> (usize, bool) {
    let mut comparison = Comparison::default();
    comparison.measure(Stage::First, FIRST, setting, random);
    let marked = comparison.suspicious(design);
    if marked == 0 {
        return (0, false);
    }
    comparison.measure(Stage::Second, SECOND, setting, random);
    let decided = comparison.any_significant(design.second_alpha)
        && comparison.verdicts(design).iter().any(|v| matches!(v.kind, VerdictKind::Worse | VerdictKind::Better));
    (marked, decided)
}

/// Comparisons in which every series of the head is slower.
fn power() {
    const COMPARISONS: u64 = 400;
    println!("\nSlowdowns called `worse`, of {} series each:\n", COMPARISONS * SERIES as u64);
    println!("| noise | change | gate series | spread of the blocks: 0.5% | 1% | 1.7% | 2.5% | 4% |");
    println!("|---|--:|--:|--:|--:|--:|--:|--:|");
    let mut random = Random(2);
    for (model, name) in [(Model::Gaussian, "Gaussian"), (Model::HeavyTails, "heavy tails")] {
        for change in [1.02, 1.05] {
            for series in [30, 100, 300] {
                let cells = [0.005, 0.01, 0.017, 0.025, 0.04].map(|spread| {
                    // A block's effect is the difference of two trials, each with a spread of 1% times the scale.
                    let setting = Setting { model, scale: spread / (0.01 * 2.0_f64.sqrt()), change };
                    let caught: u64 = (0..COMPARISONS).map(|_| worse(&design(series), setting, &mut random)).sum();
                    format!("{:.0}%", 100.0 * caught as f64 / (COMPARISONS * SERIES as u64) as f64)
                });
                let percent = 100.0 * (change - 1.0);
                println!("| {name} | +{percent:.0}% | {series} | {} |", cells.join(" | "));
            }
        }
    }
}

/// How many series of a case are called worse.
fn worse(design: &Design, setting: Setting, random: &mut Random) -> u64 {
    let mut comparison = Comparison::default();
    comparison.measure(Stage::First, FIRST, setting, random);
    if comparison.suspicious(design) == 0 {
        return 0;
    }
    comparison.measure(Stage::Second, SECOND, setting, random);
    comparison.verdicts(design).iter().filter(|verdict| verdict.kind == VerdictKind::Worse).count() as u64
}

/// The resolution that a clean comparison states, and how often a change of that size is caught in new ones.
fn resolutions() {
    const STATED: u64 = 100;
    const COMPARISONS: u64 = 10;
    println!("\nStated resolutions (90%) against what is caught, 100 gate series:\n");
    println!("| noise of a trial | resolution, median | smallest tenth | largest tenth | caught |");
    println!("|---|--:|--:|--:|--:|");
    let mut random = Random(3);
    let design = design(100);
    for model in Model::ALL {
        let clean = Setting { model, scale: 1.0, change: 1.0 };
        let (mut stated, mut caught) = (Vec::new(), 0);
        while (stated.len() as u64) < STATED {
            let mut comparison = Comparison::default();
            comparison.measure(Stage::First, FIRST, clean, &mut random);
            comparison.measure(Stage::Second, SECOND, clean, &mut random);
            let Some(resolution) = comparison.verdicts(&design)[0].resolution else { continue };
            stated.push(resolution);
            let changed = Setting { change: 1.0 + resolution, ..clean };
            caught += (0..COMPARISONS).map(|_| worse(&design, changed, &mut random)).sum::<u64>();
        }
        stated.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| 100.0 * stated[(share * stated.len() as f64) as usize];
        let share = 100.0 * caught as f64 / (STATED * COMPARISONS * SERIES as u64) as f64;
        println!("| {} | {:.1}% | {:.1}% | {:.1}% | {share:.0}% |", model.name(), at(0.5), at(0.1), at(0.9));
    }
}

/// A share of commits with its interval.
fn rate(wrong: u64, commits: u64) -> String {
    let share = 100.0 * wrong as f64 / commits as f64;
    match stats::wilson(wrong, commits, 0.95) {
        Ok(interval) => format!("{share:.2}% ({:.2} … {:.2}%)", 100.0 * interval.low, 100.0 * interval.high),
        Err(error) => error.to_string(),
    }
}
