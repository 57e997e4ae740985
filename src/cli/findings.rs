//! `benchline findings`: the changes in history, and what people say of them.

use anyhow::Context as _;

use super::{exit::FINE, output::say, project::scenarios, settings::Settings};
use crate::{
    campaign::{now, refresh_findings},
    history::{Reader, Writer},
    judge,
    model::{Finding, FindingEvent, FindingEventKind, FindingId, FindingState, Scale},
    report::{FindingsReport, format, text::columns},
    revision::Repository,
};

const AFTER_HELP: &str = "\
Examples:
  benchline findings list               what is new, confirmed or acknowledged
  benchline findings list --all --json  everything that ever was, for a script
  benchline findings ack 7 --because 'the price of checking lengths'
  benchline findings noise 8 --because 'the machine was busy'
  benchline findings move 9 4f1c2aa9 --because 'bisected'
  benchline findings note 9 'reported upstream'

A finding is a place in history at which series change, found in the graphs themselves. Nothing is ever deleted: every entry \
keeps its time and its author.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show the findings: those that still ask for attention, or all.
    List {
        /// Those that are resolved or noise too
        #[arg(long)]
        all: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Say that a change was seen and may stay.
    Ack(Word),
    /// Say that it is no change at all.
    Noise(Word),
    /// Add a note; the state stays.
    Note {
        /// Number of the finding
        finding: i64,
        /// What to note
        text: String,
        /// Who says so; git's user.name where nothing is given
        #[arg(long = "as", value_name = "NAME")]
        person: Option<String>,
    },
    /// Say at which commit the change really is.
    Move {
        /// Number of the finding
        finding: i64,
        /// The commit
        commit: String,
        #[command(flatten)]
        why: Why,
    },
    /// Look for changes again, in everything that was measured.
    Refresh,
}

#[derive(Debug, clap::Args)]
struct Word {
    /// Number of the finding
    finding: i64,
    #[command(flatten)]
    why: Why,
}

#[derive(Debug, clap::Args)]
struct Why {
    /// Why, in a sentence
    #[arg(long, value_name = "TEXT")]
    because: String,
    /// Who says so; git's user.name where nothing is given
    #[arg(long = "as", value_name = "NAME")]
    person: Option<String>,
}

pub(super) fn findings(settings: &Settings, args: &Args) -> anyhow::Result<u8> {
    match &args.command {
        Command::List { all, json } => list(&Reader::open(&settings.database)?, *all, *json)?,
        Command::Ack(word) => tell(settings, word.finding, Some(FindingState::Acknowledged), &word.why)?,
        Command::Noise(word) => tell(settings, word.finding, Some(FindingState::Noise), &word.why)?,
        Command::Note { finding, text, person } => {
            tell(settings, *finding, None, &Why { because: text.clone(), person: person.clone() })?;
        }
        Command::Move { finding, commit, why } => relocate(settings, *finding, commit, why)?,
        Command::Refresh => {
            let scenarios = scenarios(settings)?;
            let mut writer = Writer::open(&settings.database)?;
            let reader = Reader::open(&settings.database)?;
            for environment in reader.environments()? {
                let rules = scenarios.iter().map(|scenario| &scenario.rules);
                refresh_findings(&mut writer, &reader, &environment.id, rules)?;
            }
            list(&reader, false, false)?;
        }
    }
    Ok(FINE)
}

fn list(reader: &Reader, all: bool, json: bool) -> anyhow::Result<()> {
    let open = [FindingState::New, FindingState::Confirmed, FindingState::Acknowledged];
    let states: &[FindingState] = if all { &FindingState::ALL } else { &open };
    let findings = reader.findings(None, states)?;
    if json {
        say(format_args!("{}", serde_json::to_string_pretty(&FindingsReport { findings })?));
        return Ok(());
    }
    if findings.is_empty() {
        say(format_args!("no findings"));
        return Ok(());
    }
    let mut rows = vec![["", "state", "where", "largest change", "series", "title"].map(str::to_owned).to_vec()];
    rows.extend(findings.iter().map(row));
    say(format_args!("{}", columns(&rows, &[true]).trim_end()));
    Ok(())
}

fn row(finding: &Finding) -> Vec<String> {
    let largest = finding.series.iter().max_by(|a, b| a.ratio.ln().abs().total_cmp(&b.ratio.ln().abs()));
    let change = largest.map(|change| {
        let factor = format::effect(change.metric, Scale::Ratio, change.ratio, change.interval);
        format!("{} {}: {factor}", change.case.scenario, change.metric)
    });
    let place = match &finding.after {
        Some(after) if finding.at.parent.as_deref() != Some(after.id.as_str()) => {
            format!("{}..{}", after.short(), finding.at.short())
        }
        _ => finding.at.short().to_owned(),
    };
    vec![
        finding.id.to_string(),
        finding.state.as_str().to_owned(),
        place,
        change.unwrap_or_default(),
        finding.series.len().to_string(),
        finding.at.title.clone(),
    ]
}

/// Keeps what a person says; without a state, the one that it has stays.
fn tell(settings: &Settings, finding: i64, state: Option<FindingState>, why: &Why) -> anyhow::Result<()> {
    let mut writer = Writer::open(&settings.database)?;
    let known = find(settings, finding)?;
    let event = said(&known, state, why)?;
    Ok(writer.finding_event(known.id, &event)?)
}

fn relocate(settings: &Settings, finding: i64, commit: &str, why: &Why) -> anyhow::Result<()> {
    let repository = Repository::discover(&std::env::current_dir()?)?;
    let at = repository.resolve_one(Some(commit))?;
    let before = at.parent.as_deref().map(|parent| repository.resolve_one(Some(parent))).transpose()?;
    let mut writer = Writer::open(&settings.database)?;
    let known = find(settings, finding)?;
    writer.set_finding(known.id, before.as_ref(), &at, &known.series)?;
    let said = said(&known, None, why)?;
    let event = judge::moved(&known, &at, said.person.as_deref().unwrap_or_default(), &said.reason, said.at);
    Ok(writer.finding_event(known.id, &event)?)
}

fn find(settings: &Settings, finding: i64) -> anyhow::Result<Finding> {
    Reader::open(&settings.database)?
        .finding(FindingId(finding))?
        .with_context(|| format!("there is no finding {finding}; `benchline findings list --all` shows all"))
}

fn said(known: &Finding, state: Option<FindingState>, why: &Why) -> anyhow::Result<FindingEvent> {
    anyhow::ensure!(!why.because.trim().is_empty(), "say why, in a sentence");
    Ok(FindingEvent {
        at: now(),
        kind: if state.is_some() { FindingEventKind::StateChanged } else { FindingEventKind::Note },
        state: state.unwrap_or(known.state),
        person: Some(why.person.clone().unwrap_or_else(somebody)),
        reason: why.because.trim().to_owned(),
    })
}

/// Who is at the keyboard: git's name for them, or the account's.
fn somebody() -> String {
    let git = std::process::Command::new("git").args(["config", "user.name"]).output();
    let name =
        git.ok().filter(|output| output.status.success()).map(|o| String::from_utf8_lossy(&o.stdout).into_owned());
    let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    name.or_else(|| std::env::var("USER").ok()).unwrap_or_else(|| "somebody".to_owned())
}
