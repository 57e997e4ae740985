//! `benchline bisect`: finds the commit that changed a metric, by comparing the commits between two revisions with the
//! first of them.

use std::path::{Path, PathBuf};

use super::{
    FAILED, FINE,
    bisecting::{Answer, Search, Step, most_comparisons, told},
    compare::{blocks, share},
    comparing::Sizes,
    measuring::{Workbench, runtime, scenarios},
    output::{say, write_json},
    settings::Settings,
};
use crate::{
    judge::bisect::Seen,
    model::{Metric, Profile, Revision, RevisionKind},
    report::{self, BisectionReport, CaseReport, CommitRange, StepReport, VerdictReport, format::plural},
    revision::Repository,
    scenario::{self, CasePlan, Plan},
    stats::FEWEST_TRIALS,
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
    let plan =
        one_case(&scenario::plan(&scenarios(settings)?, args.profile, std::slice::from_ref(&args.scenario))?, args)?;
    anyhow::ensure!(
        args.blocks.0 as usize >= FEWEST_TRIALS,
        "{} blocks give no interval, so no commit could be told to be without the change: give at least {FEWEST_TRIALS}",
        args.blocks.0
    );
    let repository = Repository::discover(&std::env::current_dir()?)?;
    let line = line(&repository, args)?;
    let runtime = runtime()?;
    let case = plan.cases[0].clone();
    let mut workbench = Workbench::open(settings, &repository, plan, runtime.handle())?;
    workbench.terminal().line(&format!(
        "{} of {} {}: {} between {} and {}, at most {}",
        args.metric,
        case.case.scenario,
        case.label.0,
        plural(line.len() - 2, "commit"),
        line[0].short(),
        line[line.len() - 1].short(),
        plural(most_comparisons(line.len() - 2), "comparison")
    ));
    let sizes = Sizes { first: args.blocks.0, second: args.blocks.1, budget: args.budget };
    let mut search = Search::new(&mut workbench, &line, args.metric, sizes);
    let answer = search.run()?;
    let steps = std::mem::take(&mut search.steps);
    if args.json.as_deref() != Some(Path::new("-")) {
        say(format_args!("{}", text(&line, &answer, &steps, args.metric)));
    }
    if let Some(path) = &args.json {
        write_json(path, &report(&line, &case, args, &answer, &steps))?;
    }
    Ok(if matches!(answer, Answer::Found { .. }) { FINE } else { FAILED })
}

/// The plan with the one case that was asked for, in which the metric alone decides.
fn one_case(plan: &Plan, args: &Args) -> anyhow::Result<Plan> {
    let wanted = |case: &&CasePlan| args.case.as_ref().is_none_or(|text| case.label.0.contains(text.as_str()));
    let exact = |case: &&CasePlan| args.case.as_deref() == Some(case.label.0.as_str());
    let mut found: Vec<&CasePlan> = plan.cases.iter().filter(exact).collect();
    if found.is_empty() {
        found = plan.cases.iter().filter(wanted).collect();
    }
    let [case] = found[..] else {
        let labels: Vec<String> =
            plan.cases.iter().map(|case| format!("{} `{}`", case.case.scenario, case.label.0)).collect();
        anyhow::bail!(
            "{} match; bisect needs exactly one: name it with --scenario and --case; there are {}",
            plural(found.len(), "case"),
            labels.join(", ")
        );
    };
    if let Some(role) = args.metric.role.filter(|role| !case.roles.contains(role)) {
        anyhow::bail!("{} has no {}, so no {}", case.case.scenario, role.as_str(), args.metric);
    }
    let mut case = case.clone();
    case.rules.only = Some(args.metric);
    Ok(Plan { profile: plan.profile, cases: vec![case] })
}

/// The commits from the good end to the bad one.
fn line(repository: &Repository, args: &Args) -> anyhow::Result<Vec<Revision>> {
    let end = |text: &str| -> anyhow::Result<Revision> {
        let revision = repository.resolve_one(Some(text))?;
        anyhow::ensure!(
            revision.kind == RevisionKind::Commit,
            "a bisection ends at commits: commit the work tree first"
        );
        Ok(revision)
    };
    let (good, bad) = (end(&args.good)?, end(&args.bad)?);
    anyhow::ensure!(good.id != bad.id, "{} and {} are one commit: there is nothing between them", args.good, args.bad);
    let line = repository.resolve(Some(&format!("{}..{}", good.id, bad.id)))?;
    // A range holds what is on BAD's line and not reachable from GOOD; the two meet only where GOOD is on that line itself.
    let joined = line.get(1).is_some_and(|next| next.parent.as_deref() == Some(good.id.as_str()));
    anyhow::ensure!(
        joined,
        "{} is not on the line of first parents that leads to {}: bisect between commits of one branch",
        args.good,
        args.bad
    );
    Ok(line)
}

/// What came out, for people.
fn text(line: &[Revision], answer: &Answer, steps: &[Step], metric: Metric) -> String {
    let commit = |index: usize| format!("{}  {}", line[index].short(), line[index].title);
    match answer {
        Answer::Found { index, verdict } => {
            format!("{}\n{metric} against the commit before: {}", commit(*index), told(verdict))
        }
        Answer::Range { after, upto } => {
            let why: Vec<String> = steps
                .iter()
                .filter(|step| (*after..=*upto).contains(&step.index))
                .filter(|step| matches!(step.seen, Seen::Skipped | Seen::Unclear))
                .map(|step| format!("  {}: {}", commit(step.index), step.said))
                .collect();
            let (first, last) = (line[after + 1].short(), line[*upto].short());
            let range = if first == last { format!("probably {last}") } else { format!("one of {first} … {last}") };
            format!("{metric} changed after {}, with {range}\n{}", line[*after].short(), why.join("\n"))
        }
        Answer::NoDifference => {
            let end = steps.first().map(|step| step.said.as_str()).unwrap_or_default();
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
        message: step.said.clone(),
        comparison: step.comparison,
        verdict: step.verdict.as_ref().map(VerdictReport::from),
    }
}
