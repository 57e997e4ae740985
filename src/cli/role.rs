//! `benchline role …`: the roles of a case that this program plays itself. The runner starts it; nobody types it, so it is
//! hidden. Nothing but the pipe contract may reach standard output.

use std::io;

use anyhow::Context as _;

use super::exit::FINE;
use crate::{adapter, load, model::external::AdapterSpec, selfbench};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    role: Role,
}

#[derive(Debug, clap::Subcommand)]
enum Role {
    /// Sends requests to the server of a case.
    Load,
    /// Does what the platform does, to be measured.
    Own,
    /// Holds a program that does not speak the contract.
    External {
        /// Which one and how, as the runner says it in JSON.
        order: String,
    },
}

pub(super) fn role(args: &Args) -> anyhow::Result<u8> {
    match &args.role {
        Role::Load => load::serve(io::stdin().lock(), io::stdout().lock())?,
        Role::Own => selfbench::serve(io::stdin().lock(), io::stdout())?,
        Role::External { order } => {
            let order: AdapterSpec = serde_json::from_str(order).context("the order is not one of the runner's")?;
            adapter::serve(&order)?;
        }
    }
    Ok(FINE)
}
