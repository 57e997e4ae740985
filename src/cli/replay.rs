//! `benchline replay`: performs one case by hand and shows what happened. Nothing enters the history.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::json;

use super::{
    exit::{FAILED, FINE},
    output::say,
    project::{Project, scenarios},
    settings::Settings,
    terminal::Terminal,
};
use crate::{
    campaign::{Notice, Observer, Replay, ReplayOutcome, ReplaySpec, Tool, ToolReport},
    model::{Failure, Metric, Trial},
    report::text::columns,
    runner::{PipeDirection, PipeTrace},
    scenario::{self, CasePlan},
    units::Unit,
};

const AFTER_HELP: &str = "\
Examples:
  benchline replay 'sync/upload 10 × 1 MB'              by scenario and label
  benchline replay 'crypto/seal@1 size=1000000*'        a pattern that fits one case
  benchline replay '*documents=10 *' --verbose          every message of the pipe
  benchline replay 'store/create*=mail' --folder kept   keeps what the subject left
  benchline replay 'sync/upload 10 × 1 MB' --callgrind  counts the client's instructions
  benchline replay KEY --revision v1.2                  as another revision does it

One trial: set up, warmed up, sampled, verified, ended, as a run does it. Its figures are for the eye, and are not kept. \
Without --folder the files are kept only where something failed or a tool wrote a profile.
Exit code 1 where the case fails.";

/// A line of the pipe is shown this far; a histogram may be long.
const SHOWN: usize = 4000;

/// The most frequent system calls.
const SYSCALL_LINES: usize = 16;

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The case: its key, its scenario and label, or a pattern that fits no other
    case: String,
    /// The revision whose subject performs it; this checkout where nothing is given
    #[arg(long, value_name = "REV")]
    revision: Option<String>,
    /// How many samples to take after warm-up [default: 5, and 1 with a tool]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    samples: Option<u32>,
    /// An empty folder, or one to be made, for the subjects' files, which are kept there
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Show every message of the pipe
    #[arg(long, short)]
    verbose: bool,
    /// Count the client's instructions with valgrind, and keep the profile
    #[arg(long, group = "tool")]
    callgrind: bool,
    /// Count the client's system calls with strace
    #[arg(long, group = "tool")]
    syscalls: bool,
    /// Take a profile of the client with perf
    #[arg(long, group = "tool")]
    perf: bool,
    /// The whole trial as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn replay(settings: &Settings, args: &Args) -> anyhow::Result<u8> {
    let case = scenario::find_case(&scenarios(settings)?, &args.case)?;
    let project = Project::open(settings)?;
    let spec = ReplaySpec {
        case,
        revision: args.revision.as_deref(),
        samples: args.samples,
        tool: args.tool(),
        folder: args.folder.as_deref(),
    };
    let terminal = Terminal::new();
    let Some(replay) = Replay::prepare(&project.config, &project.repository, spec, &terminal, &project.stop)? else {
        return Ok(FAILED);
    };
    let plan = replay.plan().clone();
    if !args.json {
        say(format_args!("{}, {}\n{}", plan.case.scenario, plan.label.0, plan.case.key()));
    }
    let samples = SampleLines { warmup: plan.warmup, silent: args.json };
    match replay.perform(args.verbose.then(pipe_lines), &samples, &project.stop)? {
        ReplayOutcome::Stopped => Ok(FAILED),
        ReplayOutcome::Failed { failure, folder } => {
            show_failure(&plan, &failure, args.json)?;
            show_folder(&folder, args.json);
            Ok(FAILED)
        }
        ReplayOutcome::Performed { trial, report, folder } => {
            show(&plan, &trial, report.as_ref(), args.json)?;
            if let Some(folder) = folder {
                show_folder(&folder, args.json);
            }
            Ok(FINE)
        }
    }
}

impl Args {
    fn tool(&self) -> Option<Tool> {
        let chosen = [(self.callgrind, Tool::Callgrind), (self.syscalls, Tool::Syscalls), (self.perf, Tool::Perf)];
        chosen.into_iter().find_map(|(wanted, tool)| wanted.then_some(tool))
    }
}

/// Prints each sample as it is taken.
struct SampleLines {
    warmup: u32,
    silent: bool,
}

impl Observer for SampleLines {
    fn notify(&self, notice: &Notice) {
        if let Notice::SampleTaken { sample, wall_ns } = notice
            && !self.silent
        {
            let counts = if *sample < self.warmup { "warm-up" } else { "sample" };
            say(format_args!("{counts:<8} {:>12}", Unit::Nanoseconds.format(*wall_ns as f64)));
        }
    }
}

/// Prints each line of the pipe, on standard error: standard output may be read by a program.
fn pipe_lines() -> PipeTrace {
    Arc::new(|role, direction, line| {
        let arrow = if direction == PipeDirection::Request { "◂" } else { "▸" };
        let cut = if line.len() > SHOWN { " …" } else { "" };
        let shown: String = line.chars().take(SHOWN).collect();
        eprintln!("{:<6} {arrow} {shown}{cut}", role.as_str());
    })
}

fn show_failure(plan: &CasePlan, failure: &Failure, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let object = json!({ "schema": 1, "key": plan.case.key(), "failure": failure });
        say(format_args!("{}", serde_json::to_string_pretty(&object)?));
        return Ok(());
    }
    say(format_args!("✕ {}: {}", failure.kind.as_str().replace('_', " "), failure.message));
    if !failure.log.is_empty() {
        say(format_args!("the end of what it wrote to standard error:\n{}", failure.log.trim_end()));
    }
    Ok(())
}

fn show(plan: &CasePlan, trial: &Trial, report: Option<&ToolReport>, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let object = json!({ "schema": 1, "key": plan.case.key(), "trial": trial });
        say(format_args!("{}", serde_json::to_string_pretty(&object)?));
        return Ok(());
    }
    let expect = &plan.expect;
    say(format_args!("right: {} items, {} bytes, digest {}\n", expect.items, expect.bytes, expect.digest));
    match report {
        Some(report) => say(format_args!("{}", findings(report))),
        None => say(format_args!("{}", figures(trial).trim_end())),
    }
    Ok(())
}

/// What a tool found, for people.
fn findings(report: &ToolReport) -> String {
    match report {
        ToolReport::Instructions { each, total, samples, file } => {
            let (each, file) = (Unit::Count.format(*each), file.display());
            format!(
                "instructions  {each} an operation ({total} in all, samples: {samples}; one role alone, all its threads)\n\
                 profile       {file}; `callgrind_annotate {file}` reads it"
            )
        }
        ToolReport::Syscalls { table, file } => {
            let lines: Vec<&str> = table.lines().take(SYSCALL_LINES).collect();
            format!(
                "system calls of the client from start to exit, set-up included:\n{}\nall of them   {}",
                lines.join("\n"),
                file.display()
            )
        }
        ToolReport::Profile { bytes, file } => {
            let (size, file) = (Unit::Bytes.format(*bytes as f64), file.display());
            format!("profile       {file} ({size}); `perf report -i {file}` reads it")
        }
    }
}

/// Every metric: the median, least and most of its samples, or the one value of the trial.
fn figures(trial: &Trial) -> String {
    let mut rows = vec![["metric", "median", "least", "most"].map(str::to_owned).to_vec()];
    for column in &trial.columns {
        let Some(mut values) = trial.samples(column.metric).filter(|values| !values.is_empty()) else { continue };
        values.sort_by(f64::total_cmp);
        let last = values.len() - 1;
        let median = (values[last / 2] + values[last.div_ceil(2)]) / 2.0;
        let cells = [median, values[0], values[last]].map(|value| column.metric.unit().format(value));
        rows.push(std::iter::once(column.metric.to_string()).chain(cells).collect());
    }
    let total = |metric: Metric, value: u64| vec![metric.to_string(), metric.unit().format(value as f64)];
    rows.extend(trial.totals.iter().map(|each| total(each.metric, each.value)));
    columns(&rows, &[false, true, true, true])
}

fn show_folder(folder: &Path, as_json: bool) {
    let line = format!("kept          {}", folder.display());
    if as_json { eprintln!("{line}") } else { say(format_args!("{line}")) }
}
