//! `benchline doctor`: is this machine fit to measure, and what to change.

use serde_json::json;

use super::{FAILED, FINE, output::say, settings::Settings, table::table};
use crate::probe::{doctor, environment};

const AFTER_HELP: &str = "\
Examples:
  benchline doctor
  benchline doctor --json

Exit code 1 where something makes measuring impossible or meaningless.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn doctor(settings: &Settings, args: &Args) -> anyhow::Result<u8> {
    let environment = environment::fingerprint(None);
    let findings = doctor::examine(settings.results());
    let bad = findings.iter().any(|finding| finding.status == doctor::Status::Bad);
    let code = if bad { FAILED } else { FINE };
    if args.json {
        let object = json!({ "schema": 1, "environment": environment, "findings": findings });
        say(format_args!("{}", serde_json::to_string_pretty(&object)?));
        return Ok(code);
    }
    say(format_args!("{}  ({})\n", environment.title(), environment.id));
    let rows: Vec<Vec<String>> = findings
        .iter()
        .map(|finding| {
            vec![
                finding.status.glyph().to_owned(),
                finding.name.to_string(),
                finding.found.clone(),
                finding.advice.clone(),
            ]
        })
        .collect();
    say(format_args!("{}", table(&rows, &[]).trim_end()));
    Ok(code)
}
