//! `benchline-engine token`: what a user's devices log in with. It is printed once and stored hashed: nobody can show it
//! again.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context as _;
use benchline_engine::protocol::UserName;
use serde_json::json;

use crate::{
    data::DataArgs,
    options,
    output::{count, say, say_json},
    runtime::runtime,
    secrets,
};

const AFTER_HELP: &str = "\
Examples:
  benchline-engine token ana --data server >ana.token
  benchline-engine token ana --for 365d --data server
  benchline-engine token ana --revoke --data server
  benchline-engine token ana --revoke --only lost-phone.token --data server

The token goes to standard output, and is valid at once. A revoked one is refused within a second.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Whose token
    name: UserName,
    /// How long it is valid, such as 12h or 365d
    #[arg(long = "for", default_value = "30d", value_name = "DURATION", value_parser = options::duration)]
    lifetime: Duration,
    /// Revoke the user's tokens
    #[arg(long, conflicts_with_all = ["lifetime", "json"])]
    revoke: bool,
    /// Revoke only the token in this file
    #[arg(long, value_name = "FILE", requires = "revoke")]
    only: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArgs,
}

pub(super) fn token(args: &Args) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        let server = args.data.open_existing().await?;
        let accounts = server.accounts();
        match (&args.only, args.revoke) {
            (Some(file), _) => {
                let was_valid = accounts.revoke(secrets::first_line(file)?.trim()).await?;
                anyhow::ensure!(was_valid, "the token in {} was not valid any more", file.display());
                eprintln!("revoked");
            }
            (None, true) => {
                let gone = accounts.revoke_all(&args.name).await?;
                eprintln!("revoked {} of {}", count(gone as u64, "token"), args.name);
            }
            (None, false) => {
                let token = accounts.create_token(&args.name, args.lifetime).await?;
                let expires = expiry(args.lifetime)?;
                if args.json {
                    say_json(json!({
                        "user": args.name.as_str(), "token": token.as_str(), "expires": expires.as_second(),
                    }))?;
                } else {
                    say(format_args!("{}", token.as_str()));
                    eprintln!(
                        "for {}, until {}; it is not shown again",
                        args.name,
                        expires.strftime("%Y-%m-%d %H:%M UTC")
                    );
                }
            }
        }
        server.close().await;
        Ok(ExitCode::SUCCESS)
    })
}

fn expiry(lifetime: Duration) -> anyhow::Result<jiff::Timestamp> {
    let now = jiff::Timestamp::now();
    now.checked_add(jiff::SignedDuration::try_from(lifetime)?).context("no date is so far away: choose a shorter --for")
}
