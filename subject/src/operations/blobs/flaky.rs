//! `blobs/flaky`: blobs are sent over a network that breaks some requests, before or after the server saw them, until all
//! have arrived. The relay that does so is a process of its own, so it is in no role's figures. The counter `requests` is
//! that of connections, each of which carries one. The digest is over what a second device then fetches, over a network
//! that works.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use benchline_engine::client::{Blobs, PutAs};
use benchline_engine::config::Config;
use tokio::runtime::Handle;

use super::super::account::Account;
use super::super::{Client, Setting, Work, on_reactor, only_once, too_early};
use super::devices::Devices;
use super::set::BlobSet;
use super::transfers::{connect, counters, sync};
use super::upload::fetched;
use crate::clock::Meter;
use crate::contract::Access;
use crate::error::SubjectError;
use crate::parameters::Parameters;
use crate::relay;

/// How often a synchronisation that broke off is begun again.
const ATTEMPTS: usize = 100;

struct Flaky {
    set: BlobSet,
    failing: u64,
    seed: u64,
    config: Config,
    /// Once the server's address is known.
    relay: Option<Relay>,
    senders: Devices,
    receivers: Devices,
    ready: Option<(Blobs, Account)>,
    sent_to: Option<Account>,
    operation: String,
    runtime: Handle,
}

pub(in super::super) fn prepare(
    setting: &Setting<'_>,
    mut parameters: Parameters<'_>,
) -> Result<Box<dyn Client>, SubjectError> {
    let wanted = "the share of requests that fail, 0 to 90 percent";
    let failing = parameters.count("failing", wanted)?;
    if failing > 90 {
        return Err(parameters.missing("failing", wanted));
    }
    let set = BlobSet::read(setting, &mut parameters)?;
    parameters.finish()?;
    if setting.config.http.keep_alive {
        let why = "the setting `http.keep_alive` to be off, so that a connection is a request";
        return Err(SubjectError::Order(format!("`{}` needs {why}", setting.operation)));
    }
    Ok(Box::new(Flaky {
        set,
        failing,
        seed: setting.payload.seed(),
        config: setting.config.clone(),
        relay: None,
        senders: Devices::new(setting, "senders"),
        receivers: Devices::new(setting, "receivers"),
        ready: None,
        sent_to: None,
        operation: setting.operation.to_owned(),
        runtime: setting.runtime.clone(),
    }))
}

impl Flaky {
    /// The relay, started where there is none yet.
    fn relay(&mut self, account: &Account) -> Result<&mut Relay, SubjectError> {
        let relay = match self.relay.take() {
            Some(relay) => relay,
            None => Relay::start(account.host(), self.failing, self.seed).map_err(SubjectError::engine(RELAYING))?,
        };
        Ok(self.relay.insert(relay))
    }
}

const RELAYING: &str = "asking the relay";

impl Client for Flaky {
    fn reset(&mut self, access: Option<Access>) -> Result<(), SubjectError> {
        let account = Account::read(&self.operation, access.as_ref())?;
        (self.ready, self.sent_to) = (None, None);
        let sender = self.runtime.block_on(async {
            let sender = self.senders.fresh(&account.user).await?;
            self.set.clone().put(sender.clone(), PutAs::Upload).await?;
            Ok::<_, SubjectError>(sender)
        })?;
        self.relay(&account)?.ask("reset").map_err(SubjectError::engine(RELAYING))?;
        self.ready = Some((sender, account));
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        only_once(&self.operation, count)?;
        let (sender, account) = self.ready.take().ok_or_else(|| too_early(&self.operation, "a reset"))?;
        let relay = self.relay(&account)?;
        let way = Account { address: format!("http://{}", relay.address), ..account.clone() };
        let work = send_all(self.config.clone(), sender, way);
        let mut counters = meter.time(|| on_reactor(&self.runtime, work))?;
        let requests = self.relay(&account)?.ask("count").map_err(SubjectError::engine(RELAYING))?;
        counters.insert("requests".to_owned(), requests);
        self.sent_to = Some(account);
        Ok(Work { items: self.set.count(), bytes: self.set.bytes(), counters })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        let account = self.sent_to.clone().ok_or_else(|| too_early(&self.operation, "an iteration"))?;
        fetched(&self.runtime, &self.config, &mut self.receivers, account)
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        (self.ready, self.relay) = (None, None);
        self.runtime.block_on(self.senders.remove())
    }
}

/// Sends everything. Transfers are repeated by the engine; the question what the server has is not, and is asked again here,
/// as its users do.
async fn send_all(config: Config, sender: Blobs, account: Account) -> Result<BTreeMap<String, u64>, SubjectError> {
    let client = connect(&config, &sender, &account)?;
    let mut attempts = 1;
    while let Err(error) = sync(&client).await {
        if attempts == ATTEMPTS {
            return Err(error);
        }
        attempts += 1;
    }
    let counted = counters(&client.progress().borrow());
    client.close().await;
    Ok(counted)
}

/// A child process that is a relay. It ends when this is dropped, and is not waited for: its CPU time is not this process's.
struct Relay {
    /// `127.0.0.1:PORT`.
    address: String,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _child: Child,
}

impl Relay {
    fn start(server: &str, failing: u64, seed: u64) -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([relay::ARGUMENT, server, &failing.to_string(), &seed.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let mut relay = Self { address: String::new(), input, output: BufReader::new(output), _child: child };
        relay.address = relay.line()?;
        Ok(relay)
    }

    fn ask(&mut self, word: &str) -> io::Result<u64> {
        writeln!(self.input, "{word}")?;
        self.line()?.parse().map_err(io::Error::other)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.output.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}
