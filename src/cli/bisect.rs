//! `benchline bisect`: finds the commit that changed a metric, by comparing the commits between two revisions with the
//! first of them.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::{
    FAILED, FINE,
    compare::{blocks, share},
    notices::{decided, found, seen},
    output::say,
    project::{Project, scenarios},
    report::write_text,
    settings::Settings,
    terminal::Terminal,
};
use crate::{
    campaign::{
        Answer, BisectionResult, Sizes, Step, Workbench, check_sizes, line_between, most_comparisons, one_case,
    },
    judge::bisect::Seen,
    model::{Metric, Profile, Revision, Scale, Verdict},
    scenario,
};

/// Version of the object. History: 1, the first.
const SCHEMA: u32 = 1;

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
    let case = plan.cases.first().map(|case| format!("{} {}", case.case.scenario, case.label.0)).unwrap_or_default();
    let mut workbench = Workbench::open(project.config, &project.repository, plan, &terminal, &project.stop)?;
    terminal.line(&format!(
        "{} of {case}: {} commits between {} and {}, at most {} comparisons",
        args.metric,
        line.len() - 2,
        line[0].short(),
        line[line.len() - 1].short(),
        most_comparisons(line.len() - 2)
    ));
    let BisectionResult { answer, steps } = workbench.bisect(&line, args.metric, sizes)?;
    if args.json.as_deref() != Some(Path::new("-")) {
        say(format_args!("{}", text(&line, &answer, &steps, args.metric)));
    }
    if let Some(path) = &args.json {
        let mut object = object(&line, &answer, &steps);
        object["case"] = case.into();
        object["metric"] = args.metric.to_string().into();
        object["error_budget"] = args.budget.into();
        write_text(path, &serde_json::to_string_pretty(&object)?)?;
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
fn object(line: &[Revision], answer: &Answer, steps: &[Step]) -> Json {
    let mut object = json!({
        "schema": SCHEMA,
        "good": line[0],
        "bad": line[line.len() - 1],
        "answer": null,
        "commit": null,
        "verdict": null,
        "range": null,
        "steps": steps.iter().map(|step| row(line, step)).collect::<Vec<_>>(),
    });
    object["answer"] = match answer {
        Answer::Found { index, verdict } => {
            object["commit"] = json!(line[*index]);
            object["verdict"] = figures(verdict);
            "found"
        }
        Answer::Range { after, upto } => {
            object["range"] = json!({ "after": line[*after].id, "upto": line[*upto].id });
            "range"
        }
        Answer::NoDifference => "no_difference",
        Answer::Stopped => "interrupted",
    }
    .into();
    object
}

fn row(line: &[Revision], step: &Step) -> Json {
    json!({
        "commit": line[step.index].id,
        "title": line[step.index].title,
        "seen": seen(step.seen),
        "said": found(step),
        "comparison": step.comparison(),
        "verdict": step.verdict().map(figures),
    })
}

fn figures(verdict: &Verdict) -> Json {
    let effect = |scale| verdict.effect.filter(|_| verdict.scale == scale);
    json!({
        "verdict": verdict.kind,
        "ratio": effect(Scale::Ratio),
        "difference": effect(Scale::Difference),
        "interval": verdict.interval.map(|interval| [interval.low, interval.high]),
        "level": verdict.interval.map(|interval| interval.level),
        "p": verdict.p,
        "alpha": verdict.alpha,
        "blocks": verdict.blocks,
        "reason": verdict.reason,
    })
}
