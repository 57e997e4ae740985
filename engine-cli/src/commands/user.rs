//! `benchline-engine user`: who may use a server.

use std::process::ExitCode;

use benchline_engine::protocol::UserName;
use serde_json::json;

use crate::{
    data::DataArgs,
    options,
    output::{say, say_json, size, table},
    runtime::runtime,
};

const AFTER_HELP: &str = "\
Examples:
  benchline-engine user add ana --data server
  benchline-engine user add ben --quota 10GB --data server
  benchline-engine user quota ben 20GB --data server
  benchline-engine user list --data server

The server may run meanwhile. To shut a user out: `benchline-engine token NAME --revoke`.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a user.
    Add {
        /// The user's name: a-z 0-9 . _ -
        name: UserName,
        /// Bytes of blobs that the user may store, such as 10GB [default: the server's own quota]
        #[arg(long, value_name = "SIZE", value_parser = options::size)]
        quota: Option<u64>,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Change how much a user may store.
    Quota {
        /// The user
        name: UserName,
        /// Bytes of blobs, such as 10GB; without, the server's own quota counts
        #[arg(value_name = "SIZE", value_parser = options::size)]
        quota: Option<u64>,
        #[command(flatten)]
        data: DataArgs,
    },
    /// List the users.
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        data: DataArgs,
    },
}

pub(super) fn user(args: &Args) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        match &args.command {
            Command::Add { name, quota, data } => add(name, *quota, data).await,
            Command::Quota { name, quota, data } => set_quota(name, *quota, data).await,
            Command::List { json, data } => list(*json, data).await,
        }
    })
}

async fn add(name: &UserName, quota: Option<u64>, data: &DataArgs) -> anyhow::Result<ExitCode> {
    let server = data.open(&data.config()?).await?;
    server.accounts().create_user(name).await?;
    if quota.is_some() {
        server.accounts().set_quota(name, quota).await?;
    }
    server.close().await;
    eprintln!("user {name} was created; `benchline-engine token {name}` makes what its devices log in with");
    Ok(ExitCode::SUCCESS)
}

async fn set_quota(name: &UserName, quota: Option<u64>, data: &DataArgs) -> anyhow::Result<ExitCode> {
    let server = data.open_existing().await?;
    server.accounts().set_quota(name, quota).await?;
    server.close().await;
    eprintln!("user {name} may store {}", quota_text(quota));
    Ok(ExitCode::SUCCESS)
}

async fn list(as_json: bool, data: &DataArgs) -> anyhow::Result<ExitCode> {
    let server = data.open_existing().await?;
    let accounts = server.accounts().list().await?;
    server.close().await;
    if as_json {
        let users = accounts
            .iter()
            .map(|account| json!({ "name": account.name.as_str(), "quota": account.quota, "tokens": account.tokens }));
        say_json(json!({ "users": users.collect::<Vec<_>>() }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![["user", "quota", "valid tokens"].map(str::to_owned).to_vec()];
    rows.extend(
        accounts
            .iter()
            .map(|account| vec![account.name.to_string(), quota_text(account.quota), account.tokens.to_string()]),
    );
    say(format_args!("{}", table(&rows, &[false, true, true]).trim_end()));
    Ok(ExitCode::SUCCESS)
}

fn quota_text(quota: Option<u64>) -> String {
    quota.map_or_else(|| "the server's quota".to_owned(), size)
}
