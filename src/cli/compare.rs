//! `benchline compare`: measures two revisions against each other, interleaved, and says what changed.

use anyhow::Context as _;

use super::{
    exit::{FAILED, FINE, WORSE},
    output::say,
    project::{Project, scenarios},
    report::{self, Format},
    settings::Settings,
    terminal::Terminal,
};
use crate::{
    campaign::{ComparisonOutcome, ComparisonSpec, MeasuredComparison, Sizes, Workbench},
    model::{Profile, Purpose, Revision},
    revision::Repository,
    scenario, units,
};

const AFTER_HELP: &str = "\
Examples:
  benchline compare                     the changes in this work tree against its own HEAD;
                                        where there are none, HEAD against its parent
  benchline compare main                this checkout against main
  benchline compare v1.2 v1.3 --scenario 'sync/*'
  benchline compare --anchor            this checkout against the last release tag
  benchline compare main --format markdown --fail-on worse

Each block has one trial of both, in random order. After the first stage only what looks suspicious is measured again, with \
fresh data, and only the fresh data decide. Sizes and error rates are fixed before the first trial: the budget is the probability \
that two equal programs show any false verdict. Ctrl-C shows what there is so far; the same command goes on from there.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// What to compare with: a commit, tag or branch
    base: Option<String>,
    /// What to judge; this checkout where nothing is given
    head: Option<String>,
    /// Compare with the last release: the newest tag that HEAD descends from
    #[arg(long, conflicts_with_all = ["base", "head"])]
    anchor: bool,
    /// Only scenarios whose name matches; may be given more than once
    #[arg(long, value_name = "GLOB")]
    scenario: Vec<String>,
    /// Which cases: quick, gate or full
    #[arg(long, default_value = "quick")]
    profile: Profile,
    /// Blocks of the first stage, and fresh ones for what is suspicious
    #[arg(long, default_value = "10+30", value_name = "N+M", value_parser = blocks)]
    blocks: (u32, u32),
    /// Probability that two equal programs show any false verdict
    #[arg(long, default_value = "1%", value_name = "SHARE", value_parser = share)]
    budget: f64,
    /// Seed of the random orders
    #[arg(long)]
    seed: Option<u64>,
    /// How to show the result: table, json or markdown
    #[arg(long, default_value = "table")]
    format: Format,
    /// Exit with 3 when something is worse
    #[arg(long, value_name = "WHEN", value_parser = ["worse"])]
    fail_on: Option<String>,
    /// Measure again what was already compared
    #[arg(long)]
    again: bool,
}

pub(super) fn compare(settings: &Settings, args: &Args) -> anyhow::Result<u8> {
    let scenarios = scenarios(settings)?;
    let plan = scenario::plan(&scenarios, args.profile, &args.scenario)?;
    let project = Project::open(settings)?;
    let (base, head) = sides(&project.repository, args)?;
    let terminal = Terminal::new();
    let mut workbench = Workbench::open(project.config, &project.repository, plan, &terminal, &project.stop)?;
    let spec = ComparisonSpec {
        base: &base,
        head: &head,
        purpose: if args.anchor { Purpose::Anchor } else { Purpose::Requested },
        sizes: Sizes { first: args.blocks.0, second: args.blocks.1, budget: args.budget },
        seed: args.seed,
        again: args.again,
    };
    let comparison = match workbench.compare(&spec)? {
        ComparisonOutcome::Measured(comparison) => *comparison,
        ComparisonOutcome::Impossible { revision, .. } => {
            anyhow::bail!("{} cannot be measured, so there is nothing to compare", revision.short())
        }
        ComparisonOutcome::Stopped => anyhow::bail!("interrupted before anything was measured"),
    };
    let report = report::comparison(&workbench.reader()?, comparison.listing.comparison.id, &scenarios)?;
    say(format_args!("{}", args.format.write(&report)?));
    if !comparison.is_finished() {
        terminal.line("interrupted: this is what was measured so far; the same command goes on from there");
    }
    Ok(code(&comparison, args.fail_on.is_some()))
}

fn code(comparison: &MeasuredComparison, fail_on_worse: bool) -> u8 {
    match comparison {
        _ if fail_on_worse && comparison.listing.worse > 0 => WORSE,
        _ if !comparison.is_finished() || comparison.verdicts == 0 => FAILED,
        _ => FINE,
    }
}

/// The two revisions that the arguments name.
fn sides(repository: &Repository, args: &Args) -> anyhow::Result<(Revision, Revision)> {
    let head = repository.resolve_one(args.head.as_deref())?;
    let base = match &args.base {
        Some(base) => base.clone(),
        None if args.anchor => repository.last_tag(&head)?,
        None => head
            .before()
            .with_context(|| {
                format!("{} has no parent to compare with: name a base, `benchline compare BASE`", head.short())
            })?
            .to_owned(),
    };
    Ok((repository.resolve_one(Some(&base))?, head))
}

/// The blocks of both stages.
pub(super) fn blocks(text: &str) -> Result<(u32, u32), String> {
    let parse = |part: &str| part.trim().parse::<u32>().ok().filter(|blocks| (1..=10_000).contains(blocks));
    text.split_once('+').and_then(|(first, second)| Some((parse(first)?, parse(second)?))).ok_or_else(|| {
        format!(
            "`{text}` is not a number of blocks: write `10+30`, for 10 blocks and 30 fresh ones of what is suspicious"
        )
    })
}

/// A share above 0 and below 1.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let share = units::parse_ratio(text).map_err(|error| error.to_string())?;
    if share > 0.0 && share < 1.0 { Ok(share) } else { Err(format!("`{text}` is not a share between 0% and 100%")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_two_numbers() {
        assert_eq!(blocks("10+30"), Ok((10, 30)));
        assert_eq!(blocks(" 6 + 12 "), Ok((6, 12)));
        for wrong in ["", "10", "10+", "+30", "0+30", "10+-1", "10+30+2", "1e3+4", "10001+1"] {
            assert!(blocks(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_budget_is_a_share() {
        assert_eq!((share("1%"), share("0.05")), (Ok(0.01), Ok(0.05)));
        for wrong in ["0%", "100%", "-1%", "much"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }
}
