//! `benchline-engine init` and `login`: a machine becomes one of a user's devices. The user's root secret is whatever lies in
//! the slot at the server; a new one is stored there before it is stored here, so that two devices end with one.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use benchline_engine::{
    client::{RecoveryError, RecoverySlot},
    config::Config,
    crypto::{Cost, UnlockError},
    protocol::UserName,
};

use crate::{
    device::{Home, HomeArgs},
    runtime::{runtime, unless_interrupted},
    secrets::{self, PassphraseArgs, Secret, TokenArgs},
};

const AFTER_HELP: &str = "\
Examples:
  benchline-engine init --server https://sync.example.org --user ana
  benchline-engine init --server http://127.0.0.1:7878 --user ana --token-file ana.token --home /tmp/ana

The first device makes the user's secret and asks for a passphrase; every other one takes over that \
secret and asks for the same passphrase. Whoever forgets it loses everything: nobody else, the \
server's operator included, can open anything.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The server's address
    #[arg(long, value_name = "URL")]
    server: String,
    /// The user's name there
    #[arg(long, value_name = "NAME")]
    user: UserName,
    /// Trust this authority (PEM) for the server's certificate, and no other: for a private server
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    #[command(flatten)]
    token: TokenArgs,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    #[command(flatten)]
    home: HomeArgs,
}

const LOGIN_AFTER_HELP: &str = "\
Examples:
  benchline-engine login                            when the token has expired, or the passphrase was changed elsewhere
  benchline-engine login --token-file ana.token";

#[derive(Debug, clap::Args)]
#[command(after_help = LOGIN_AFTER_HELP)]
pub(super) struct LoginArgs {
    #[command(flatten)]
    token: TokenArgs,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    #[command(flatten)]
    home: HomeArgs,
}

pub(super) fn init(args: &Args) -> anyhow::Result<ExitCode> {
    let folder = args.home.folder()?;
    let shown = folder.display();
    ensure!(
        !Home::exists(&folder),
        "{shown} is a device already: `benchline-engine login` gives it another token, --home makes another device"
    );
    let given = args.passphrase.given()?;
    let token = args.token.token()?;
    let mut config = Config::default();
    if let Some(ca) = &args.ca {
        // The commands that come later may be given elsewhere.
        config.http.ca = Some(std::path::absolute(ca)?);
    }
    let slot = RecoverySlot::new(&config, &args.server, &args.user, &token)?;
    Home::make_folder(&folder)?;
    runtime()?.block_on(async {
        let Some(new) = unless_interrupted(establish(&slot, &folder, &args.user, given)).await? else {
            eprintln!("interrupted: run it again");
            return Ok(ExitCode::FAILURE);
        };
        Home::store_token(&folder, &token)?;
        Home::create(&folder, &args.server, &args.user, config.http.ca.as_deref())?;
        if new {
            eprintln!("{shown} is the first device of {}, with a new secret. Do not forget the passphrase", args.user);
        } else {
            eprintln!("{shown} is a device of {}; `benchline-engine sync` fetches what there is", args.user);
        }
        Ok(ExitCode::SUCCESS)
    })
}

pub(super) fn login(args: &LoginArgs) -> anyhow::Result<ExitCode> {
    let home = Home::find(&args.home)?;
    let given = args.passphrase.given()?;
    let token = args.token.token()?;
    let slot = RecoverySlot::new(&home.config, &home.server, &home.user, &token)?;
    runtime()?.block_on(async {
        let established = establish(&slot, &home.folder, &home.user, given);
        if unless_interrupted(established).await?.is_none() {
            eprintln!("interrupted: the token is as it was");
            return Ok(ExitCode::FAILURE);
        }
        Home::store_token(&home.folder, &token)?;
        eprintln!("{} is logged in to {} as {}", home.folder.display(), home.server, home.user);
        Ok(ExitCode::SUCCESS)
    })
}

/// Makes the user's secret, or takes it over. Gives whether it is new.
async fn establish(slot: &RecoverySlot, folder: &Path, user: &UserName, given: Option<Secret>) -> anyhow::Result<bool> {
    let local = Home::recovery_file(folder);
    let new = slot.fetch().await?.is_none() && !local.exists();
    loop {
        let passphrase = match &given {
            Some(given) => given.clone(),
            None => ask(user, new).await?,
        };
        match slot.establish(&local, &passphrase, Cost::default()).await {
            Ok(_) => return Ok(new),
            Err(RecoveryError::Unlock(UnlockError::WrongPassphrase)) if given.is_none() => {
                eprintln!("that is not the passphrase of {user}; Ctrl-C gives up");
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn ask(user: &UserName, new: bool) -> anyhow::Result<Secret> {
    let prompt = if new { format!("a new passphrase for {user}") } else { format!("passphrase of {user}") };
    let asked = tokio::task::spawn_blocking(move || secrets::ask_passphrase(&prompt, new));
    asked.await.context("the terminal cannot be read")?
}
