//! `benchline calibrate`: measures the platform itself on this machine, and says how often it is wrong and what it sees.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{
    FAILED, FINE,
    calibrating::{Ending, arms::arms},
    comparing::Sizes,
    estimating::Estimates,
    measuring::{Workbench, runtime, scenarios},
    output::{say, write_json},
    settings::Settings,
};
use crate::{
    history::Reader,
    model::{Calibration, Profile, Unit},
    report::{CalibrationReport, format::plural, text},
    revision::Repository,
    scenario::{self, Plan},
    units,
};

const AFTER_HELP: &str = "\
Examples:
  benchline calibrate                            this checkout against itself and against known slowdowns
  benchline calibrate --neutral                  also against itself linked in two other orders
  benchline calibrate --scenario 'crypto/*' --blocks 440 --inject none
  benchline calibrate --report                   the newest one that is stored, again

Every block holds one trial of every arm in random order. What is measured is kept as it is measured: Ctrl-C ends it, and \
the same command resumes it. It takes hours; the estimate is printed first.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Blocks of each case; a window of the replay takes 40 of them
    #[arg(long, value_name = "N", default_value_t = 120)]
    blocks: u32,
    /// Slowdowns to inject, as shares of the measured time; `none` for none
    #[arg(long, value_name = "SHARES", default_value = "1%,2%,5%,10%", value_parser = parse_slowdowns)]
    inject: Slowdowns,
    /// Memory to inject, such as 50MB: an arm of its own
    #[arg(long, value_name = "SIZE", value_parser = units::parse_bytes)]
    inject_memory: Option<u64>,
    /// Also compare with the same source linked in N other orders
    #[arg(long, value_name = "N", num_args = 0..=1, default_value_t = 0, default_missing_value = "2")]
    neutral: u32,
    /// Only scenarios whose name matches; may be given more than once
    #[arg(long, value_name = "GLOB")]
    scenario: Vec<String>,
    /// Which profile's cases: quick, gate or full
    #[arg(long, default_value = "quick")]
    profile: Profile,
    /// Also write the result as JSON to this file; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure nothing; print the newest calibration that is stored
    #[arg(long)]
    report: bool,
}

/// Shares from a list of them.
#[derive(Debug, Clone)]
struct Slowdowns(Vec<f64>);

fn parse_slowdowns(text: &str) -> Result<Slowdowns, units::ParseError> {
    match text.trim() {
        "none" => Ok(Slowdowns(Vec::new())),
        list => list.split(',').map(|share| units::parse_ratio(share.trim())).collect::<Result<_, _>>().map(Slowdowns),
    }
}

pub(super) fn calibrate(settings: &Settings, args: &Args) -> anyhow::Result<u8> {
    if args.report {
        print(settings, None, args.json.as_deref())?;
        return Ok(FINE);
    }
    let plan = scenario::plan(&scenarios(settings)?, args.profile, &args.scenario)?;
    let arms = arms(&args.inject.0, args.inject_memory, args.neutral)?;
    let window = Sizes::DEFAULT.first + Sizes::DEFAULT.second;
    anyhow::ensure!(
        args.blocks >= window,
        "{} blocks hold no window to replay: give --blocks {window} or more",
        args.blocks
    );
    let estimate = estimate(settings, &plan, arms.len(), args.blocks)?;
    let repository = Repository::discover(&std::env::current_dir()?)?;
    let runtime = runtime()?;
    let mut workbench = Workbench::open(settings, &repository, plan, runtime.handle())?;
    // The procedure is that of a comparison over all these cases.
    let design = workbench.design(Sizes::DEFAULT)?;
    workbench.terminal().line(&estimate);
    let ending = workbench.calibrate(&arms, args.blocks, design)?;
    drop(workbench);
    let (id, code) = match ending {
        Ending::Finished { id, failures: 0 } => (id, FINE),
        Ending::Finished { id, .. } | Ending::Stopped(Some(id)) => (id, FAILED),
        Ending::Stopped(None) => return Ok(FAILED),
    };
    print(settings, Some(id), args.json.as_deref())?;
    Ok(code)
}

/// What is going to be measured, and about how long it takes.
fn estimate(settings: &Settings, plan: &Plan, arms: usize, blocks: u32) -> anyhow::Result<String> {
    let estimates = Estimates::read(settings)?;
    let known: Vec<f64> = plan.cases.iter().filter_map(|case| Some(estimates.trial(&case.case)?.0)).collect();
    let a_block: f64 = known.iter().sum::<f64>() * arms as f64;
    let about = match known.len() {
        0 => "none of them was measured before, so how long it takes is not known".to_owned(),
        all if all == plan.cases.len() => format!("about {}", Unit::Nanoseconds.format(a_block * f64::from(blocks))),
        some => format!(
            "about {} for the {some} that were measured before",
            Unit::Nanoseconds.format(a_block * f64::from(blocks))
        ),
    };
    let (cases, blocks) = (plural(plan.cases.len(), "case"), plural(blocks, "block"));
    Ok(format!("{cases}, {blocks} of each, {} per block: {about}", plural(arms, "trial")))
}

/// Prints a calibration, or the newest one.
fn print(settings: &Settings, id: Option<i64>, json: Option<&Path>) -> anyhow::Result<()> {
    let reader = Reader::open(&settings.database)?;
    let found: Option<Calibration> = match id {
        Some(id) => reader.calibration(id)?,
        None => reader.calibrations(None)?.into_iter().next(),
    };
    let found = CalibrationReport::from(found.context("no calibration is stored; `benchline calibrate` makes one")?);
    if json != Some(Path::new("-")) {
        say(format_args!("{}", text::calibration(&found).trim_end()));
    }
    json.map_or(Ok(()), |path| write_json(path, &found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slowdowns_are_shares_in_a_list() {
        assert_eq!(parse_slowdowns("1%, 0.05").unwrap().0, [0.01, 0.05]);
        assert!(parse_slowdowns("none").unwrap().0.is_empty());
        assert!(parse_slowdowns("1%,").is_err() && parse_slowdowns("fast").is_err());
    }
}
