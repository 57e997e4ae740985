//! `blobs/resume`: a transfer whose connection was cut is resumed by a new transfer manager. Everything up to the cut is
//! untimed, and the relay that cuts ends before the timed span, so that it counts in no figure. The rest of the transfer is
//! timed. The digest is over all blobs, as for `blobs/upload` and `blobs/download`.

use std::error::Error;
use std::net::SocketAddr;

use benchline_contract::Access;
use benchline_engine::client::{Blobs, PutAs};
use benchline_engine::config::Config;
use tokio::runtime::Handle;

use super::devices::Devices;
use super::set::{self, BlobSet};
use super::transfers::{connect, exchange, fetched, fill, sync};
use crate::error::SubjectError;
use crate::meter::Meter;
use crate::operations::account::Account;
use crate::operations::roles::{Client, Setup, Work, on_reactor, only_once, too_early};
use crate::parameters::Parameters;
use crate::relay::{CuttingRelay, Direction};

struct Resume {
    set: BlobSet,
    direction: Direction,
    /// Bytes that pass before the cut.
    before: u64,
    config: Config,
    /// The account that is full, where blobs are fetched.
    full: Option<Account>,
    devices: Devices,
    receivers: Devices,
    /// A device with a partial transfer, for the next iteration.
    ready: Option<(Blobs, Account)>,
    /// Where the last one left off.
    done: Option<(Blobs, Account)>,
    operation: String,
    runtime: Handle,
}

pub(crate) fn prepare(setup: &Setup<'_>, mut parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    let direction =
        parameters.word("direction", &[("upload", Direction::ToServer), ("download", Direction::ToClient)])?;
    let wanted = "the share of all bytes after which the connections are cut, 1 to 99 percent";
    let cut = parameters.count("cut", wanted)?;
    if !(1..100).contains(&cut) {
        return Err(parameters.invalid("cut", wanted));
    }
    let set = BlobSet::read(setup, &mut parameters)?;
    parameters.finish()?;
    let full = match direction {
        Direction::ToServer => None,
        Direction::ToClient => {
            let account = Account::read(setup.operation, setup.server.as_ref())?;
            fill(setup, set.clone(), &account)?;
            Some(account)
        }
    };
    Ok(Box::new(Resume {
        before: set.bytes() * cut / 100,
        set,
        direction,
        config: setup.config.clone(),
        full,
        devices: Devices::new(setup, "devices"),
        receivers: Devices::new(setup, "receivers"),
        ready: None,
        done: None,
        operation: setup.operation.to_owned(),
        runtime: setup.runtime.clone(),
    }))
}

impl Client for Resume {
    fn reset(&mut self, access: Option<Access>) -> Result<(), SubjectError> {
        (self.ready, self.done) = (None, None);
        let account = match &self.full {
            Some(account) => account.clone(),
            None => Account::read(&self.operation, access.as_ref())?,
        };
        let device = self.runtime.block_on(async {
            let device = self.devices.fresh(&account.user).await?;
            if self.full.is_none() {
                self.set.clone().put(device.clone(), PutAs::Upload).await?;
            }
            Ok::<_, SubjectError>(device)
        })?;
        let begun = begin(self.config.clone(), device.clone(), account.clone(), self.direction, self.before);
        on_reactor(&self.runtime, async { begun.await.map_err(SubjectError::engine("cutting a transfer")) })?;
        self.ready = Some((device, account));
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        only_once(&self.operation, count)?;
        let (device, account) = self.ready.take().ok_or_else(|| too_early(&self.operation, "a reset"))?;
        let work = exchange(self.config.clone(), device.clone(), account.clone());
        let counters = meter.time(|| on_reactor(&self.runtime, work))?;
        self.done = Some((device, account));
        Ok(Work { items: self.set.count(), bytes: self.set.bytes(), counters })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        let (device, account) = self.done.clone().ok_or_else(|| too_early(&self.operation, "an iteration"))?;
        match self.direction {
            Direction::ToServer => self.runtime.block_on(fetched(&self.config, &mut self.receivers, account)),
            Direction::ToClient => self.runtime.block_on(set::digest(&device)),
        }
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        (self.ready, self.done) = (None, None);
        self.runtime.block_on(self.devices.remove())
    }
}

/// Begins all transfers over a relay, and ends when that has cut them.
async fn begin(
    config: Config,
    device: Blobs,
    account: Account,
    direction: Direction,
    before: u64,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let server: SocketAddr = account.host().parse()?;
    let relay = CuttingRelay::start(server, direction, before)?;
    let client = connect(&config, &device, &Account { address: format!("http://{}", relay.address), ..account })?;
    let mut progress = client.progress();
    let mut cut = tokio::task::spawn_blocking(|| relay.wait());
    let cut = tokio::select! {
        cut = &mut cut => cut,
        // It may find the way cut before this is told of it.
        _ = sync(&client) => cut.await,
    };
    let relay = cut??;
    // What came through is taken in by the client, and then by the server: the rest begins where they are.
    progress.wait_for(|progress| progress.running.is_empty()).await?;
    client.close().await;
    Ok(tokio::task::spawn_blocking(|| relay.wait_for_close()).await??)
}
