//! `benchline list`: what would be measured, and about how long it would take.

use super::{exit::FINE, output::say, project::scenarios, settings::Settings};
use crate::{
    campaign::{Estimates, Total, trials},
    model::{Profile, Unit},
    report::{CasePlanReport, CaseReport, EstimateSource, PlanReport, ProfileReport, format::NONE, text::columns},
    scenario::{self, CasePlan, Plan, PlanError},
};

const AFTER_HELP: &str = "\
Examples:
  benchline list
  benchline list --profile full --scenario 'sync/*'
  benchline list --json

Times come from the newest run that measured the case: `~` marks a case that was measured only on another machine, `≈` one \
that was never measured and is taken to be like the others of its scenario or group. Builds are not in them: a revision's \
first build takes as long as its compiler does.
The gate measures each revision interleaved with its parent: 10 blocks of every case, and 30 more of what is suspicious.";

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
    let scenarios = scenarios(settings)?;
    let plan = scenario::plan(&scenarios, args.profile, &args.scenario)?;
    let estimates = Estimates::read(&settings.database)?;
    let mut totals = Vec::new();
    for profile in Profile::ALL {
        match scenario::plan(&scenarios, profile, &args.scenario) {
            Ok(plan) => totals.push((estimates.total(&plan), plan)),
            Err(PlanError::Empty(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if args.json {
        let report = PlanReport {
            profile: args.profile,
            cases: plan.cases.iter().map(|case| case_report(case, args.profile, &estimates)).collect(),
            profiles: totals.iter().map(|(total, plan)| profile_report(total, plan)).collect(),
        };
        say(format_args!("{}", serde_json::to_string_pretty(&report)?));
        return Ok(FINE);
    }
    let mut rows = vec![["scenario", "case", "trials", "samples", "about"].map(str::to_owned).to_vec()];
    rows.extend(plan.cases.iter().map(|case| row(case, args.profile, &estimates)));
    say(format_args!("{}", columns(&rows, &[false, false, true, true, true])));
    let mut rows = vec![["profile", "cases", "about", "at worst", ""].map(str::to_owned).to_vec()];
    rows.extend(totals.iter().map(|(total, plan)| total_row(total, plan)));
    say(format_args!("{}", columns(&rows, &[false, true, true, true, false]).trim_end()));
    Ok(FINE)
}

fn row(case: &CasePlan, profile: Profile, estimates: &Estimates) -> Vec<String> {
    let (usual, _) = trials(case, profile);
    let about = estimates.trial(&case.case).map(|(trial, source)| {
        let mark = match source {
            EstimateSource::Measured => "",
            EstimateSource::Elsewhere => "~ ",
            EstimateSource::LikeCases => "≈ ",
        };
        format!("{mark}{}", duration(usual * trial))
    });
    vec![
        case.case.scenario.clone(),
        case.label.0.clone(),
        usual.to_string(),
        format!("{} + {}", case.warmup, case.samples),
        about.unwrap_or_else(|| NONE.to_owned()),
    ]
}

fn total_row(total: &Total, plan: &Plan) -> Vec<String> {
    let known = total.measured + total.like_others > 0;
    let time = |ns: f64| if known { duration(ns) } else { NONE.to_owned() };
    let notes = [(total.like_others, "like others"), (total.unknown, "unknown")];
    let notes: Vec<String> =
        notes.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    vec![
        plan.profile.as_str().to_owned(),
        plan.cases.len().to_string(),
        time(total.expected_ns),
        time(total.worst_ns),
        notes.join(", "),
    ]
}

/// Minutes and hours, where seconds would be many.
fn duration(nanoseconds: f64) -> String {
    let seconds = nanoseconds / 1e9;
    match seconds {
        ..100.0 => Unit::Nanoseconds.format(nanoseconds),
        ..6000.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

fn case_report(case: &CasePlan, profile: Profile, estimates: &Estimates) -> CasePlanReport {
    let (usual, worst) = trials(case, profile);
    let trial = estimates.trial(&case.case);
    CasePlanReport {
        case: CaseReport::new(&case.case, &case.label),
        trials: usual,
        warmup: case.warmup,
        samples: case.samples,
        iterations: case.iterations,
        expected_ns: trial.map(|(trial, _)| usual * trial),
        worst_ns: trial.map(|(trial, _)| worst * trial),
        source: trial.map(|(_, source)| source),
    }
}

fn profile_report(total: &Total, plan: &Plan) -> ProfileReport {
    let Total { expected_ns, worst_ns, measured, like_others, unknown } = *total;
    let (profile, cases) = (plan.profile, plan.cases.len());
    ProfileReport { profile, cases, expected_ns, worst_ns, measured, like_others, unknown }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn long_times_are_told_in_minutes_and_hours() {
        assert_eq!([8.2e9, 99.9e9, 150e9, 7200e9].map(duration), ["8.20 s", "99.9 s", "2 min", "2.0 h"]);
    }
}
