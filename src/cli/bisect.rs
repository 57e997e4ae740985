//! `benchline bisect`: finds the commit that changed a metric, by comparing the commits between two revisions with the
//! first of them.

use std::path::{Path, PathBuf};

use super::{
    compare::{blocks, share},
    exit::{FAILED, FINE},
    notices::{decided, found},
    output::{say, write_json},
    project::{Project, scenarios},
    settings::Settings,
    terminal::Terminal,
};
use crate::{
    campaign::{
        Answer, BisectionResult, Sizes, Step, Workbench, check_sizes, line_between, most_comparisons, one_case,
    },
    judge::bisect::Seen,
    model::{Metric, Profile, Revision},
    report::{self, BisectionReport, CaseReport, CommitRange, StepReport, VerdictReport, format::plural},
    scenario::{self, CasePlan},
};

const AFTER_HELP: &str = "\
Examples:
  benchline bisect v1.2 HEAD --scenario sync/upload --metric wall_time
  benchline bisect HEAD~20 HEAD --scenario crypto/seal --metric client.cpu_time --case '10 kB'

GOOD comes before BAD on the line of first parents. Each commit that is looked at is measured interleaved with GOOD; the \
comparisons share the error budget. Commits that do not build or do not know the operation are skipped, and equal programs \
are not measured. Ctrl-C ends it; the same command goes on from there.
Exit codes: 0 a commit was found, 1 not: a range of them, no difference, or interrupted.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// A revision before the change
    good: String,
    /// A later one that has it
    bad: String,
    /// The scenario that shows the change
    #[arg(long, value_name = "NAME")]
    scenario: String,
    /// The metric that changed, such as wall_time or client.rss_peak
    #[arg(long)]
    metric: Metric,
    /// Which case of the scenario: its label, or part of it
    #[arg(long, value_name = "TEXT")]
    case: Option<String>,
    /// Which profile's cases: quick, gate or full
    #[arg(long, default_value = "quick")]
    profile: Profile,
    /// Blocks of the first stage of each comparison, and fresh ones where it is suspicious
    #[arg(long, default_value = "10+30", value_name = "N+M", value_parser = blocks)]
    blocks: (u32, u32),
    /// Probability that any of the comparisons of equal commits shows a difference
    #[arg(long, default_value = "1%", value_name = "SHARE", value_parser = share)]
    budget: f64,
    /// Also write the result as JSON to this file; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn bisect(settings: &Settings, args: &Args) -> anyhow::Result<u8> {
    let plan = scenario::plan(&scenarios(settings)?, args.profile, std::slice::from_ref(&args.scenario))?;
    let plan = one_case(&plan, args.case.as_deref(), args.metric)?;
    let sizes = Sizes { first: args.blocks.0, second: args.blocks.1, budget: args.budget };
    check_sizes(sizes)?;
    let project = Project::open(settings)?;
    let line = line_between(&project.repository, &args.good, &args.bad)?;
    let terminal = Terminal::new();
    let case = plan.cases[0].clone();
    let mut workbench = Workbench::open(project.config, &project.repository, plan, &terminal, &project.stop)?;
    terminal.line(&format!(
        "{} of {} {}: {} between {} and {}, at most {}",
        args.metric,
        case.case.scenario,
        case.label.0,
        plural(line.len() - 2, "commit"),
        line[0].short(),
        line[line.len() - 1].short(),
        plural(most_comparisons(line.len() - 2), "comparison")
    ));
    let BisectionResult { answer, steps } = workbench.bisect(&line, args.metric, sizes)?;
    if args.json.as_deref() != Some(Path::new("-")) {
        say(format_args!("{}", text(&line, &answer, &steps, args.metric)));
    }
    if let Some(path) = &args.json {
        write_json(path, &report(&line, &case, args, &answer, &steps))?;
    }
    Ok(if matches!(answer, Answer::Found { .. }) { FINE } else { FAILED })
}

/// What came out, for people.
fn text(line: &[Revision], answer: &Answer, steps: &[Step], metric: Metric) -> String {
    let commit = |index: usize| format!("{}  {}", line[index].short(), line[index].title);
    match answer {
        Answer::Found { index, verdict } => {
            format!("{}\n{metric} against the commit before: {}", commit(*index), decided(verdict))
        }
        Answer::Range { after, upto } => {
            let why: Vec<String> = steps
                .iter()
                .filter(|step| (*after..=*upto).contains(&step.index))
                .filter(|step| matches!(step.seen, Seen::Skipped | Seen::Unclear))
                .map(|step| format!("  {}: {}", commit(step.index), found(step)))
                .collect();
            let (first, last) = (line[after + 1].short(), line[*upto].short());
            let range = if first == last { format!("probably {last}") } else { format!("one of {first} … {last}") };
            format!("{metric} changed after {}, with {range}\n{}", line[*after].short(), why.join("\n"))
        }
        Answer::NoDifference => {
            let end = steps.first().map(found).unwrap_or_default();
            let (good, bad) = (line[0].short(), line[line.len() - 1].short());
            format!("{metric} of {bad} does not differ from that of {good}, so there is nothing to look for: {end}")
        }
        Answer::Stopped => "interrupted; what was compared is kept, and the same command goes on from there".to_owned(),
    }
    .trim_end()
    .to_owned()
}

/// What came out, for scripts.
fn report(line: &[Revision], case: &CasePlan, args: &Args, answer: &Answer, steps: &[Step]) -> BisectionReport {
    let mut report = BisectionReport {
        good: line[0].clone(),
        bad: line[line.len() - 1].clone(),
        case: CaseReport::new(&case.case, &case.label),
        metric: args.metric,
        error_budget: args.budget,
        answer: report::Answer::NoDifference,
        commit: None,
        verdict: None,
        range: None,
        steps: steps.iter().map(|step| step_report(line, step)).collect(),
    };
    match answer {
        Answer::Found { index, verdict } => {
            report.answer = report::Answer::Found;
            report.commit = Some(line[*index].clone());
            report.verdict = Some(VerdictReport::from(&**verdict));
        }
        Answer::Range { after, upto } => {
            report.answer = report::Answer::Range;
            report.range = Some(CommitRange { after: line[*after].id.clone(), up_to: line[*upto].id.clone() });
        }
        Answer::NoDifference => {}
        Answer::Stopped => report.answer = report::Answer::Interrupted,
    }
    report
}

fn step_report(line: &[Revision], step: &Step) -> StepReport {
    StepReport {
        commit: line[step.index].id.clone(),
        title: line[step.index].title.clone(),
        outcome: step.seen.into(),
        message: found(step),
        comparison: step.comparison(),
        verdict: step.verdict().map(VerdictReport::from),
    }
}
