//! `benchline list`: what would be measured, and about how long it would take.

use std::collections::BTreeMap;

use serde_json::json;

use super::{FINE, measuring::scenarios, output::say, settings::Settings, table::table};
use crate::{
    history::{HistoryError, Reader},
    model::{Profile, Unit},
    scenario::{self, CasePlan},
};

const AFTER_HELP: &str = "\
Examples:
  benchline list
  benchline list --profile full --scenario 'sync/*'
  benchline list --json

The time is that of the newest run that measured the case; a case that was never measured has none.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Only scenarios whose name matches; may be given more than once
    #[arg(long, value_name = "GLOB")]
    scenario: Vec<String>,
    /// Which profile: quick, gate or full
    #[arg(long, default_value = "quick")]
    profile: Profile,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn list(settings: &Settings, args: &Args) -> anyhow::Result<u8> {
    let plan = scenario::plan(&scenarios(settings)?, args.profile, &args.scenario)?;
    let keys: Vec<String> = plan.cases.iter().map(|case| case.case.key()).collect();
    let durations = trial_durations(settings, &keys)?;
    let expected = |case: &CasePlan| durations.get(&case.case.key()).map(|trial| trial * f64::from(case.trials));
    if args.json {
        let cases: Vec<_> = plan.cases.iter().map(|case| as_json(case, expected(case))).collect();
        say(format_args!("{}", serde_json::to_string_pretty(&json!({ "schema": 1, "cases": cases }))?));
        return Ok(FINE);
    }
    let mut rows = vec![["scenario", "case", "trials", "samples", "about"].map(str::to_owned).to_vec()];
    rows.extend(plan.cases.iter().map(|case| {
        vec![
            case.case.scenario.clone(),
            case.label.0.clone(),
            case.trials.to_string(),
            format!("{} + {}", case.warmup, case.samples),
            expected(case).map_or("–".to_owned(), |time| Unit::Nanoseconds.format(time)),
        ]
    }));
    say(format_args!("{}", table(&rows, &[false, false, true, true, true]).trim_end()));
    let known: Vec<f64> = plan.cases.iter().filter_map(expected).collect();
    let total = Unit::Nanoseconds.format(known.iter().sum());
    say(format_args!("{} cases; the {} that were measured before take about {total}", plan.cases.len(), known.len()));
    Ok(FINE)
}

/// Mean duration of a trial of each case, in nanoseconds, from the newest run that has any.
pub(super) fn trial_durations(settings: &Settings, keys: &[String]) -> anyhow::Result<BTreeMap<String, f64>> {
    const RUNS_LOOKED_AT: u32 = 10;
    let mut durations = BTreeMap::new();
    let reader = match Reader::open(&settings.database) {
        Ok(reader) => reader,
        Err(HistoryError::Missing { .. }) => return Ok(durations),
        Err(error) => return Err(error.into()),
    };
    for listing in reader.runs(RUNS_LOOKED_AT)? {
        for key in keys {
            if durations.contains_key(key) {
                continue;
            }
            let trials = reader.trials(listing.run.id, key)?;
            if !trials.is_empty() {
                let sum: f64 = trials.iter().map(|trial| trial.duration_ns as f64).sum();
                durations.insert(key.clone(), sum / trials.len() as f64);
            }
        }
    }
    Ok(durations)
}

fn as_json(case: &CasePlan, expected_ns: Option<f64>) -> serde_json::Value {
    json!({
        "key": case.case.key(), "scenario": case.case.scenario, "label": case.label.0, "trials": case.trials,
        "warmup": case.warmup, "samples": case.samples, "iterations": case.iterations, "expected_ns": expected_ns,
    })
}
