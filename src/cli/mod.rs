//! The command line: arguments, settings and the terminal. One small file a subcommand; what a subcommand does is in
//! `campaign`.
//!
//! Start with [`main`]; `project` puts together what measuring needs, `terminal` and `notices` show its progress.

mod bisect;
mod calibrate;
mod check;
mod compare;
mod detect;
mod doctor;
mod exit;
mod findings;
mod history;
mod interrupt;
mod list;
mod notices;
mod output;
mod project;
mod replay;
mod report;
mod role;
mod run;
mod serve;
mod settings;
mod terminal;
mod up;

use std::{ffi::OsString, io::IsTerminal as _, process::ExitCode};

use clap::{Parser, Subcommand};

use exit::{FAILED, FINE, USAGE};
use output::say;
use settings::Overrides;

const AFTER_HELP: &str = "\
Examples:
  benchline up                          measure this checkout, then serve the pages, live
  benchline run HEAD~4..HEAD            measure five commits and keep the results
  benchline compare main                this checkout against main, interleaved
  benchline run --scenario 'sync/*'     only scenarios whose name matches
  benchline serve                       serve the results that are there

Exit codes: 0 fine, 1 failed, 2 bad usage, 3 worse (with --fail-on worse).
Settings come from benchline.toml, then BENCHLINE_* variables, then options; --config shows what is in force.";

/// What `benchline engine` answers.
const ENGINE_MOVED: &str = "\
benchline: the sync engine is a program of its own: use `benchline-engine` in place of `benchline engine`
build it with: cargo build --release -p benchline-engine-cli";

/// Measures a program at every commit, keeps every sample, and shows what changed.
#[derive(Debug, Parser)]
#[command(name = "benchline", version, after_help = AFTER_HELP, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    overrides: Overrides,
    /// Show the settings in force and where each comes from, then exit.
    #[arg(long)]
    config: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure this checkout with the quick profile and serve the results, live from the first sample.
    Up(up::Args),
    /// Measure a revision, or a range of them, and keep the results.
    Run(run::Args),
    /// Measure two revisions against each other, interleaved, and say what changed.
    Compare(compare::Args),
    /// Show what would be measured, and about how long it would take.
    List(list::Args),
    /// Validate the scenario files and perform each case once.
    Check(check::Args),
    /// Perform one case by hand, and show what happens.
    Replay(replay::Args),
    /// Serve the pages over the results that are there.
    Serve(serve::Args),
    /// Show the changes in history, and say what is known of them.
    Findings(findings::Args),
    /// Look after the database of results.
    History(history::Args),
    /// Measure the platform itself: how often it is wrong on this machine, and how small a change it sees.
    Calibrate(calibrate::Args),
    /// Find the commit that changed a metric, by comparing the commits between two revisions with the first.
    Bisect(bisect::Args),
    /// Find the change points of a series in a CSV file.
    Detect(detect::Args),
    /// Tell whether this machine is fit to measure, and what to change.
    Doctor(doctor::Args),
    /// Moved to a program of its own.
    #[command(hide = true, disable_help_flag = true)]
    Engine {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        _arguments: Vec<OsString>,
    },
    /// Play a role of a case that is not the subject's. The runner asks for it.
    #[command(hide = true)]
    Role(role::Args),
}

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("BENCHLINE_LOG").unwrap_or_else(|_| "warn".into());
    // A log that is kept has no use for colours.
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).init();
    match dispatch(cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("benchline: {}", one_text(&error));
            ExitCode::from(FAILED)
        }
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<u8> {
    let command = match cli.command {
        // A faulty benchline.toml must not hide the answer.
        Some(Command::Engine { .. }) => {
            eprintln!("{ENGINE_MOVED}");
            return Ok(USAGE);
        }
        // It runs in a folder of a trial, where no settings are meant for it.
        Some(Command::Role(args)) => return role::role(&args),
        command => command,
    };
    let settings = settings::Settings::read(cli.overrides)?;
    if cli.config {
        say(format_args!("{settings}"));
        return Ok(FINE);
    }
    match command {
        Some(Command::Up(args)) => up::up(&settings, &args),
        Some(Command::Run(args)) => run::run(&settings, &args),
        Some(Command::Compare(args)) => compare::compare(&settings, &args),
        Some(Command::List(args)) => list::list(&settings, &args),
        Some(Command::Check(args)) => check::check(&settings, &args),
        Some(Command::Replay(args)) => replay::replay(&settings, &args),
        Some(Command::Serve(args)) => serve::serve(&settings, &args),
        Some(Command::Findings(args)) => findings::findings(&settings, &args),
        Some(Command::History(args)) => history::history(&settings, &args),
        Some(Command::Calibrate(args)) => calibrate::calibrate(&settings, &args),
        Some(Command::Bisect(args)) => bisect::bisect(&settings, &args),
        Some(Command::Detect(args)) => detect::detect(&args),
        Some(Command::Doctor(args)) => doctor::doctor(&settings, &args),
        Some(Command::Role(args)) => role::role(&args),
        Some(Command::Engine { .. }) => Ok(USAGE),
        None => anyhow::bail!("name a command, such as `benchline up`; `benchline --help` lists them"),
    }
}

/// The error with its causes, each said once: many errors name their cause in their own text already.
fn one_text(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}
