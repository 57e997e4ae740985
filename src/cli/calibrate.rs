//! `benchline calibrate`: measures the platform itself on this machine, and says how often it is wrong and what it sees.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{
    exit::{FAILED, FINE},
    output::{say, write_json},
    project::{Project, scenarios},
    settings::Settings,
    terminal::Terminal,
};
use crate::{
    campaign::{CalibrationOutcome, Estimates, Workbench, check_blocks, variants},
    history::Reader,
    model::{Calibration, Profile, Unit},
    report::{CalibrationReport, format::plural, text},
    scenario::{self, Plan},
    units,
};

const AFTER_HELP: &str = "\
Examples:
  benchline calibrate                            this checkout against itself and against known slowdowns
  benchline calibrate --neutral                  also against itself linked in two other orders
  benchline calibrate --scenario 'crypto/*' --blocks 440 --inject none
  benchline calibrate --report                   the newest one that is stored, again

Every block holds one trial of every variant in random order. What is measured is kept as it is measured: Ctrl-C ends it, and \
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
    /// Memory to inject, such as 50MB: a variant of its own
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
    let variants = variants(&args.inject.0, args.inject_memory, args.neutral)?;
    check_blocks(args.blocks)?;
    let estimate = estimate(settings, &plan, variants.len(), args.blocks)?;
    let project = Project::open(settings)?;
    let terminal = Terminal::new();
    let mut workbench = Workbench::open(project.config, &project.repository, plan, &terminal, &project.stop)?;
    terminal.line(&estimate);
    let outcome = workbench.calibrate(&variants, args.blocks)?;
    drop(workbench);
    let (id, code) = match outcome {
        CalibrationOutcome::Finished { id, failures: 0 } => (id, FINE),
        CalibrationOutcome::Finished { id, .. } | CalibrationOutcome::Stopped(Some(id)) => (id, FAILED),
        CalibrationOutcome::Stopped(None) => return Ok(FAILED),
    };
    print(settings, Some(id), args.json.as_deref())?;
    Ok(code)
}

/// What is going to be measured, and about how long it takes.
fn estimate(settings: &Settings, plan: &Plan, variants: usize, blocks: u32) -> anyhow::Result<String> {
    let estimates = Estimates::read(&settings.database)?;
    let known: Vec<f64> = plan.cases.iter().filter_map(|case| Some(estimates.trial(&case.case)?.0)).collect();
    let a_block: f64 = known.iter().sum::<f64>() * variants as f64;
    let about = match known.len() {
        0 => "none of them was measured before, so how long it takes is not known".to_owned(),
        all if all == plan.cases.len() => format!("about {}", Unit::Nanoseconds.format(a_block * f64::from(blocks))),
        some => format!(
            "about {} for the {some} that were measured before",
            Unit::Nanoseconds.format(a_block * f64::from(blocks))
        ),
    };
    let (cases, blocks) = (plural(plan.cases.len(), "case"), plural(blocks, "block"));
    Ok(format!("{cases}, {blocks} of each, {} per block: {about}", plural(variants, "trial")))
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
