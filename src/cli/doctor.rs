//! `benchline doctor`: is this machine fit to measure, what to change, and how small a change it would show.

use serde::Serialize;
use serde_json::json;

use super::{
    exit::{FAILED, FINE},
    output::say,
    settings::Settings,
};
use crate::{
    judge::{self, Noise},
    probe::{
        doctor::{self, Bound, Finding, Status, Workload},
        environment,
    },
    report::text::columns,
    units::Unit,
};

const AFTER_HELP: &str = "\
Examples:
  benchline doctor
  benchline doctor --json

Grades:
  A  nothing disturbs: changes of 1.5% in CPU-bound work will be seen, and no setting is warned about
  B  good enough to compare: changes of 3% will be seen
  C  noisy: only larger changes will be seen; look at the advice
  D  unfit: something makes measuring impossible or meaningless

What is found: ✓ fine, · worth knowing, ? not told by this machine, ! measurements are worse for it, ✗ unfit.
Exit code 0 for the grades A to C, 1 for D.";

/// Gate series that a comparison here is taken to have: about as many as the gate profile.
const GATE_SERIES: u32 = 100;

/// Blocks of the two stages, and the error budget: as `benchline compare` has them unless told.
const SIZES: (u32, u32, f64) = (10, 30, 0.01);

/// The smallest changes in CPU-bound work that the grades A and B ask for. The margin alone hides changes up to 1%.
const SEEN: (f64, f64) = (0.015, 0.03);

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// How fit a machine is to measure, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum Grade {
    A,
    B,
    C,
    D,
}

/// A piece of fixed work and how noisy it was.
struct Heard {
    bound: Bound,
    noise: Noise,
}

pub(super) fn doctor(settings: &Settings, args: &Args) -> anyhow::Result<u8> {
    let environment = environment::fingerprint(None, None);
    let found = doctor::examine(settings.results());
    let heard = found.workloads.iter().map(listen).collect::<anyhow::Result<Vec<_>>>()?;
    let heard: Vec<Heard> = heard.into_iter().flatten().collect();
    let cpu = heard.iter().find(|heard| heard.bound == Bound::Cpu).and_then(|heard| heard.noise.smallest_change);
    let grade = grade(&found.findings, cpu);
    let code = if grade == Grade::D { FAILED } else { FINE };
    if args.json {
        let noise: Vec<_> = heard.iter().map(|heard| json!({ "bound": heard.bound, "noise": heard.noise })).collect();
        let object = json!({
            "schema": 2, "environment": environment, "grade": grade, "noise": noise, "findings": found.findings,
            "workloads": found.workloads,
        });
        say(format_args!("{}", serde_json::to_string_pretty(&object)?));
        return Ok(code);
    }
    say(format_args!("{}  ({})\n", environment.title(), environment.id));
    say(format_args!("{}", findings(&found.findings).trim_end()));
    say(format_args!("\nThe same work, again and again:\n{}", noises(&heard).trim_end()));
    say(format_args!("\n{}", conclusion(grade, &found.findings)));
    Ok(code)
}

fn listen(work: &Workload) -> anyhow::Result<Option<Heard>> {
    let (first, second, budget) = SIZES;
    let design = judge::design(first, second, budget, GATE_SERIES)?;
    Ok(judge::noise(&work.nanoseconds, &design).map(|noise| Heard { bound: work.bound, noise }))
}

/// Settings that are warned about keep the best grade away, however quiet the machine is just now.
fn grade(findings: &[Finding], smallest_change: Option<f64>) -> Grade {
    let any = |status| findings.iter().any(|finding| finding.status == status);
    match smallest_change {
        _ if any(Status::Bad) => Grade::D,
        Some(change) if change <= SEEN.0 && !any(Status::Warn) => Grade::A,
        Some(change) if change <= SEEN.1 => Grade::B,
        _ => Grade::C,
    }
}

fn findings(findings: &[Finding]) -> String {
    let row = |finding: &Finding| {
        vec![finding.status.glyph().to_owned(), finding.name.to_string(), finding.found.clone(), finding.advice.clone()]
    };
    columns(&findings.iter().map(row).collect::<Vec<_>>(), &[])
}

fn noises(heard: &[Heard]) -> String {
    let (first, second, _) = SIZES;
    let rows = heard.iter().map(|heard| {
        let Noise { median, spread, smallest_change } = heard.noise;
        let seen = match smallest_change {
            Some(change) if change >= 1.0 => {
                format!("not even twice the time will be seen here in {first} + {second} blocks")
            }
            Some(change) => format!(
                "a change below about {} will not be seen here in {first} + {second} blocks",
                Unit::Ratio.format(change)
            ),
            None => format!("no change will be seen here in {first} + {second} blocks"),
        };
        let spread = format!("± {}", Unit::Ratio.format(spread));
        vec![heard.bound.as_str().to_owned(), Unit::Nanoseconds.format(median), spread, seen]
    });
    columns(&rows.collect::<Vec<_>>(), &[false, true, true, false])
}

fn conclusion(grade: Grade, findings: &[Finding]) -> String {
    let said = match grade {
        Grade::A => "Grade A: this machine is fit to measure.",
        Grade::B => "Grade B: this machine is good enough to compare revisions, interleaved.",
        Grade::C => "Grade C: this machine is noisy; it will show large changes only.",
        Grade::D => "Grade D: this machine is unfit to measure as it is.",
    };
    let named = |status| -> Vec<&str> {
        findings.iter().filter(|finding| finding.status == status).map(|finding| finding.name).collect()
    };
    let first = |what: &str, names: Vec<&str>| {
        if names.is_empty() { String::new() } else { format!("\n{what}: {}.", names.join(", ")) }
    };
    format!("{said}{}{}", first("Mend first", named(Status::Bad)), first("Could be better", named(Status::Warn)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(statuses: &[Status]) -> Vec<Finding> {
        let finding =
            |status: &Status| Finding { name: "x", status: *status, found: "y".into(), advice: String::new() };
        statuses.iter().map(finding).collect()
    }

    #[test]
    fn a_machine_is_graded_by_what_it_shows_and_what_it_is_warned_about() {
        use Status::{Bad, Note, Ok, Unknown, Warn};
        for (statuses, change, expected) in [
            (&[Ok, Note, Unknown][..], Some(0.011), Grade::A),
            (&[Ok, Warn], Some(0.011), Grade::B),
            (&[Ok], Some(0.02), Grade::B),
            (&[Warn, Warn], Some(0.08), Grade::C),
            (&[Ok], None, Grade::C),
            (&[Ok, Bad], Some(0.011), Grade::D),
        ] {
            assert_eq!(grade(&found(statuses), change), expected, "{statuses:?}");
        }
        assert!(conclusion(Grade::D, &found(&[Bad, Warn])).ends_with("Mend first: x.\nCould be better: x."));
    }
}
