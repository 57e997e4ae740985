//! `benchline serve`: the pages over the results that are there, and over those that arrive.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::{
    exit::FINE,
    interrupt,
    project::{runtime, scenarios},
    settings::Settings,
};
use crate::{
    runner::Stop,
    scenario::Scenario,
    site::{self, ScenarioText, SiteState},
};

const AFTER_HELP: &str = "\
Examples:
  benchline serve
  benchline serve --listen 127.0.0.1:9000 --database elsewhere.sqlite

It only reads: another benchline may measure into the same database meanwhile, and pages follow it live.";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {}

pub(super) fn serve(settings: &Settings, _args: &Args) -> anyhow::Result<u8> {
    let runtime = runtime()?;
    let stop = interrupt::watch(runtime.handle())?;
    let site = Site::start(settings, &scenarios(settings)?, runtime.handle(), stop)?;
    eprintln!("serving {} on http://{}  (Ctrl-C ends)", settings.database.display(), site.address);
    site.wait(&runtime)?;
    Ok(FINE)
}

/// Pages being served.
pub(super) struct Site {
    pub(super) address: SocketAddr,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Site {
    /// Starts serving until `stop` is set. An address that cannot be listened on is an error here, before anything else
    /// is done.
    pub(super) fn start(
        settings: &Settings,
        scenarios: &[Scenario],
        runtime: &tokio::runtime::Handle,
        stop: Arc<Stop>,
    ) -> anyhow::Result<Site> {
        let listener = runtime.block_on(TcpListener::bind(settings.listen)).with_context(|| {
            format!("{} cannot be listened on; choose another address with --listen", settings.listen)
        })?;
        let address = listener.local_addr()?;
        let texts = scenarios.iter().map(|scenario| ScenarioText {
            name: scenario.name.clone(),
            version: scenario.version,
            rules: scenario.rules.clone(),
            question: scenario.question.clone(),
            reading: scenario.reading.clone(),
            baseline: scenario.baseline.clone(),
            source: scenario.source.clone(),
            path: format!("scenarios/{}.toml", scenario.name),
        });
        let state =
            SiteState { history: settings.database.clone(), scenarios: texts.collect(), title: "Benchline".to_owned() };
        let task = runtime.spawn(site::run(listener, state, stopped(stop)));
        Ok(Site { address, task })
    }

    /// Serves until it ends.
    pub(super) fn wait(self, runtime: &tokio::runtime::Runtime) -> anyhow::Result<()> {
        runtime.block_on(self.task)?.context("the pages can no longer be served")
    }
}

async fn stopped(stop: Arc<Stop>) {
    while !stop.is_set() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
