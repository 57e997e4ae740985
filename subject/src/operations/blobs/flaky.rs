//! `blobs/flaky`: blobs are sent over a network that breaks some requests, before or after the server saw them, until all
//! have arrived. The relay that does so is a process of its own, so it is in no role's figures. The counter `requests` is
//! that of connections, each of which carries one. What has arrived is then fetched over a network that works.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use benchline_engine::client::Blobs;
use benchline_engine::config::Config;

use super::sending::{self, SendMethod};
use super::set::BlobSet;
use super::transfers::{Counting, connect, counters, sync};
use crate::error::SubjectError;
use crate::operations::account::Account;
use crate::operations::roles::{Client, Setup, too_early};
use crate::parameters::Parameters;
use crate::relay;

/// How often a synchronisation that broke off is begun again.
const ATTEMPTS: usize = 100;

/// Through a relay.
struct Flaky {
    failing: u64,
    seed: u64,
    config: Config,
    /// Once the server's address is known.
    relay: Option<Relay>,
}

pub(crate) fn prepare(setup: &Setup<'_>, mut parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    let wanted = "the share of requests that fail, 0 to 90 percent";
    let failing = parameters.count("failing", wanted)?;
    if failing > 90 {
        return Err(parameters.invalid("failing", wanted));
    }
    let set = BlobSet::read(setup, &mut parameters)?;
    parameters.finish()?;
    if setup.config.http.keep_alive {
        let why = "the setting `http.keep_alive` to be off, so that a connection is a request";
        return Err(SubjectError::Order(format!("`{}` needs {why}", setup.operation)));
    }
    let (seed, config) = (setup.payload.seed(), setup.config.clone());
    Ok(sending::client(setup, set, Flaky { failing, seed, config, relay: None }))
}

impl SendMethod for Flaky {
    fn reset(&mut self, account: &Account) -> Result<Account, SubjectError> {
        let started = match self.relay.take() {
            Some(relay) => Ok(relay),
            None => Relay::start(account.host(), self.failing, self.seed),
        };
        let relay = self.relay.insert(started.map_err(SubjectError::engine(RELAYING))?);
        relay.ask("reset").map_err(SubjectError::engine(RELAYING))?;
        Ok(Account { address: format!("http://{}", relay.address), ..account.clone() })
    }

    fn send(&self, sender: Blobs, account: Account) -> Counting {
        Box::pin(send_all(self.config.clone(), sender, account))
    }

    fn counted(&mut self) -> Result<BTreeMap<String, u64>, SubjectError> {
        let relay = self.relay.as_mut().ok_or_else(|| too_early("blobs/flaky", "a reset"))?;
        let requests = relay.ask("count").map_err(SubjectError::engine(RELAYING))?;
        Ok([("requests".to_owned(), requests)].into())
    }
}

const RELAYING: &str = "asking the relay";

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
