//! `benchline engine serve`: a server.

use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use benchline_engine::server;
use tokio::net::TcpListener;

use super::{input, server::DataArgs};
use crate::cli::FINE;

const AFTER_HELP: &str = "\
Examples:
  benchline engine serve --data server
  benchline engine serve --data server --listen 127.0.0.1:9000 --config-file engine.toml

The first Ctrl-C or SIGTERM lets requests finish and closes the data, the second does not wait.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// The address to listen on
    #[arg(id = "engine_listen", long = "listen", default_value = "127.0.0.1:7878", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
}

pub(super) fn serve(args: &Args) -> anyhow::Result<u8> {
    ensure!(
        args.listen.ip().is_loopback(),
        "{} can be reached from elsewhere, and without TLS everyone on the way reads the tokens: listen on 127.0.0.1 \
         behind a reverse proxy that speaks TLS",
        args.listen
    );
    let config = args.data.config()?;
    super::runtime()?.block_on(async {
        let listener = TcpListener::bind(args.listen)
            .await
            .with_context(|| format!("{} cannot be listened on; choose another address with --listen", args.listen))?;
        let address = listener.local_addr()?;
        let server = args.data.open(&config).await?;
        eprintln!("serving {} on http://{address}  (Ctrl-C ends)", args.data.data.display());
        let stopped = async {
            if let Err(error) = input::interrupted().await {
                tracing::error!(%error, "signals cannot be watched for");
                std::future::pending::<()>().await;
            }
            eprintln!("stopping: requests may finish");
        };
        server::run(listener, server, stopped).await?;
        Ok(FINE)
    })
}
