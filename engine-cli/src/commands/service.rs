//! `benchline-engine service`: mail services, which may hand over messages for any user, and do nothing else.

use std::{process::ExitCode, time::Duration};

use anyhow::ensure;
use benchline_engine::server::ServiceName;
use serde_json::json;

use crate::{
    data::DataArgs,
    options,
    output::{say, say_json, table},
    runtime::runtime,
};

const AFTER_HELP: &str = "\
Examples:
  benchline-engine service add postfix --data server >postfix.token
  benchline-engine service list --data server
  benchline-engine service remove postfix --data server

A service needs a server that takes messages: `benchline-engine serve --incoming 127.0.0.1:2525`.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a service, and print its token.
    Add {
        /// The service's name: a-z 0-9 . _ -
        name: ServiceName,
        /// How long its token is valid, such as 30d
        #[arg(long = "for", default_value = "365d", value_name = "DURATION", value_parser = options::duration)]
        lifetime: Duration,
        #[command(flatten)]
        data: DataArgs,
    },
    /// List the services.
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Revoke a service's token.
    Remove {
        /// The service
        name: ServiceName,
        #[command(flatten)]
        data: DataArgs,
    },
}

pub(super) fn service(args: &Args) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        match &args.command {
            Command::Add { name, lifetime, data } => add(name, *lifetime, data).await,
            Command::List { json, data } => list(*json, data).await,
            Command::Remove { name, data } => remove(name, data).await,
        }
    })
}

async fn add(name: &ServiceName, lifetime: Duration, data: &DataArgs) -> anyhow::Result<ExitCode> {
    let server = data.open_existing().await?;
    let token = server.accounts().services().create_token(name, lifetime).await?;
    server.close().await;
    say(format_args!("{}", token.as_str()));
    eprintln!("service {name} was created; its token is not shown again");
    Ok(ExitCode::SUCCESS)
}

async fn list(as_json: bool, data: &DataArgs) -> anyhow::Result<ExitCode> {
    let server = data.open_existing().await?;
    let tokens = server.accounts().services().tokens().await?;
    server.close().await;
    if as_json {
        let services = tokens.iter().map(
            |token| json!({ "name": token.service.to_string(), "created": token.created, "expires": token.expires }),
        );
        say_json(json!({ "services": services.collect::<Vec<_>>() }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![["service", "since", "until"].map(str::to_owned).to_vec()];
    let date = |second| {
        jiff::Timestamp::from_second(second).map_or("–".to_owned(), |time| time.strftime("%Y-%m-%d").to_string())
    };
    rows.extend(tokens.iter().map(|token| vec![token.service.to_string(), date(token.created), date(token.expires)]));
    say(format_args!("{}", table(&rows, &[]).trim_end()));
    Ok(ExitCode::SUCCESS)
}

async fn remove(name: &ServiceName, data: &DataArgs) -> anyhow::Result<ExitCode> {
    let server = data.open_existing().await?;
    let revoked = server.accounts().services().revoke(name).await?;
    server.close().await;
    ensure!(revoked, "there is no service {name}; `benchline-engine service list` shows which there are");
    eprintln!("service {name} is refused from now on");
    Ok(ExitCode::SUCCESS)
}
