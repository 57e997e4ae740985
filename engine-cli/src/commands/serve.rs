//! `benchline-engine serve`: a server, in one process or in several that share its port.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::{self, ExitCode},
};

use anyhow::Context as _;
use benchline_engine::{
    config::Config,
    server::{BoundServer, PlainHttp, ServeError, ServeOptions, Shutdown, Supervisor, TlsFiles},
};

use crate::{data::DataArgs, runtime::runtime};

const AFTER_HELP: &str = "\
Examples:
  benchline-engine serve --data server
  benchline-engine serve --data server --listen 127.0.0.1:9000 --config-file engine.toml
  benchline-engine serve --listen 0.0.0.0:443 --tls-certificate fullchain.pem --tls-key key.pem
  benchline-engine serve --incoming 127.0.0.1:2525  and take messages from mail services

The first Ctrl-C or SIGTERM lets requests finish and closes the data, the second does not wait. \
Certificates are read again when their files change, and on SIGHUP. BENCHLINE_LOG=debug says more.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// The address to listen on; may be given more than once
    #[arg(long, default_value = "127.0.0.1:7878", value_name = "ADDRESS:PORT")]
    listen: Vec<SocketAddr>,
    /// Where mail services hand over messages, such as 127.0.0.1:2525 [default: nowhere]
    #[arg(long, value_name = "ADDRESS:PORT")]
    incoming: Option<SocketAddr>,
    /// The server's certificate and those above it, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// The certificate's private key, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Without TLS, listen even where other machines reach it: whoever listens on the way reads the tokens, unless a
    /// reverse proxy stands in front
    #[arg(long)]
    plain_http_anywhere: bool,
    /// This is one of the processes that share a port
    #[arg(long, hide = true)]
    member: bool,
}

pub(super) fn serve(args: &Args) -> anyhow::Result<ExitCode> {
    let options = args.options(args.data.config()?);
    let several = options.config.server.processes.get() > 1;
    let outcome = runtime()?.block_on(async {
        let stop = Shutdown::new();
        stop.on_signals().context("signals cannot be watched for")?;
        if args.member {
            stop.on_end_of_input().context("standard input cannot be watched")?;
        }
        if several && !args.member {
            run_supervised(args, &options, stop).await
        } else {
            run(args, options, stop).await
        }
    });
    match outcome {
        Err(error) if matches!(error.downcast_ref(), Some(ServeError::Aborted)) => {
            eprintln!("{error}");
            Ok(ExitCode::FAILURE)
        }
        outcome => outcome.map(|()| ExitCode::SUCCESS),
    }
}

impl Args {
    fn options(&self, config: Config) -> ServeOptions {
        let tls = self.tls_certificate.clone().zip(self.tls_key.clone());
        ServeOptions {
            data: self.data.data.clone(),
            listen: self.listen.clone(),
            incoming: self.incoming,
            tls: tls.map(|(chain, key)| TlsFiles { chain, key }),
            plain: if self.plain_http_anywhere { PlainHttp::Anywhere } else { PlainHttp::Loopback },
            config,
        }
    }

    /// Prints the addresses, once the server listens.
    fn announce(&self, addresses: &[SocketAddr], incoming: Option<SocketAddr>) {
        let scheme = if self.tls_certificate.is_some() { "https" } else { "http" };
        let addresses = addresses.iter().map(|address| format!("{scheme}://{address}")).collect::<Vec<_>>();
        eprintln!("serving {} on {}  (Ctrl-C ends)", self.data.data.display(), addresses.join(", "));
        if let Some(incoming) = incoming {
            eprintln!("mail services hand over messages at {scheme}://{incoming}");
        }
    }
}

async fn run(args: &Args, options: ServeOptions, stop: Shutdown) -> anyhow::Result<()> {
    let serving = BoundServer::open(options).await?;
    if args.member {
        Supervisor::notify_parent();
    } else {
        args.announce(serving.addresses(), serving.incoming_address());
    }
    Ok(serving.run(stop).await?)
}

/// Keeps the processes running that share the port, each of which is this program again.
async fn run_supervised(args: &Args, options: &ServeOptions, stop: Shutdown) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("this program cannot be found, to start it again")?;
    let family = Supervisor::reserve(options)?;
    let addresses = family.addresses();
    let command = |_number: usize| {
        let mut command = process::Command::new(&program);
        command.args(["serve", "--member", "--data"]).arg(&args.data.data);
        for address in &addresses {
            command.arg("--listen").arg(address.to_string());
        }
        if let Some(incoming) = options.incoming {
            command.arg("--incoming").arg(incoming.to_string());
        }
        if let Some(tls) = &options.tls {
            command.arg("--tls-certificate").arg(&tls.chain).arg("--tls-key").arg(&tls.key);
        }
        if options.plain == PlainHttp::Anywhere {
            command.arg("--plain-http-anywhere");
        }
        args.data.pass_on(&mut command);
        command
    };
    let incoming = options.incoming;
    Ok(family.run(command, || args.announce(&addresses, incoming), stop).await?)
}
