//! `blobs/priority`: while a device fetches many blobs, someone asks for one more. The counter `first_result` is the time from
//! that moment until the blob is there; wall time is that of everything. The account is filled when the case is prepared. The
//! digest is over all blobs on the device.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::time::Instant;

use benchline_engine::client::Blobs;
use benchline_engine::config::Config;
use benchline_engine::store::{BlobAddress, Priority};
use tokio::runtime::Handle;

use super::super::account::Account;
use super::super::{Client, Setting, Work, on_reactor, only_once, too_early};
use super::devices::Devices;
use super::download::fill;
use super::set::{self, BlobSet, NAMESPACE};
use super::transfers::{connect, counters, sync};
use crate::clock::{Meter, nanoseconds};
use crate::contract::Access;
use crate::error::SubjectError;
use crate::parameters::Parameters;

/// Most bytes of the blob that is asked for.
const WANTED_LIMIT: u64 = 1 << 30;

/// How it is fetched.
#[derive(Clone)]
struct Way {
    config: Config,
    account: Account,
    /// The blob that is asked for.
    wanted: BlobAddress,
    priority: Priority,
    /// Bytes a second, of all transfers together.
    bandwidth: Option<NonZeroU64>,
}

struct Overtaking {
    items: u64,
    bytes: u64,
    way: Way,
    receivers: Devices,
    /// Empty, for the next iteration.
    ready: Option<Blobs>,
    /// Filled by the last one.
    filled: Option<Blobs>,
    operation: String,
    runtime: Handle,
}

pub(in super::super) fn prepare(
    setting: &Setting<'_>,
    mut parameters: Parameters<'_>,
) -> Result<Box<dyn Client>, SubjectError> {
    let priority = parameters.word("priority", &[("urgent", Priority::Urgent), ("normal", Priority::Normal)])?;
    let size = parameters.count("wanted", "bytes of the blob that is asked for, at most 1 GiB")?;
    if size > WANTED_LIMIT {
        return Err(parameters.missing("wanted", "bytes of the blob that is asked for, at most 1 GiB"));
    }
    let bandwidth = parameters.count("bandwidth", "bytes a second, or 0 for no bound")?;
    let mut set = BlobSet::read(setting, &mut parameters)?;
    parameters.finish()?;
    // The last one by name, so that without a priority its turn would come last.
    let wanted = set::address(NAMESPACE, set.count())?;
    set.push(wanted.clone(), setting.payload.blob(set.count(), size as usize));
    let (items, bytes) = (set.count(), set.bytes());
    let account = Account::read(setting.operation, setting.server.as_ref())?;
    fill(setting, set, &account)?;
    let config = setting.config.clone();
    Ok(Box::new(Overtaking {
        items,
        bytes,
        way: Way { config, account, wanted, priority, bandwidth: NonZeroU64::new(bandwidth) },
        receivers: Devices::new(setting, "receivers"),
        ready: None,
        filled: None,
        operation: setting.operation.to_owned(),
        runtime: setting.runtime.clone(),
    }))
}

impl Client for Overtaking {
    fn reset(&mut self, _: Option<Access>) -> Result<(), SubjectError> {
        self.filled = None;
        self.ready = Some(self.runtime.block_on(self.receivers.fresh(&self.way.account.user))?);
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        only_once(&self.operation, count)?;
        let receiver = self.ready.take().ok_or_else(|| too_early(&self.operation, "a reset"))?;
        let work = fetch_all(self.way.clone(), receiver.clone());
        let counters = meter.time(|| on_reactor(&self.runtime, work))?;
        self.filled = Some(receiver);
        Ok(Work { items: self.items, bytes: self.bytes, counters })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        let receiver = self.filled.as_ref().ok_or_else(|| too_early(&self.operation, "an iteration"))?;
        self.runtime.block_on(set::digest(receiver))
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        self.filled = None;
        self.runtime.block_on(self.receivers.remove())
    }
}

/// Fetches everything, and asks for the wanted blob as soon as something of the others has come.
async fn fetch_all(way: Way, receiver: Blobs) -> Result<BTreeMap<String, u64>, SubjectError> {
    let client = connect(&way.config, &receiver, &way.account)?;
    client.set_bandwidth(way.bandwidth);
    let asking = async {
        let mut progress = client.progress();
        let begun = progress.wait_for(|progress| progress.bytes_received > 0).await;
        drop(begun.map_err(SubjectError::engine("waiting for the first bytes"))?);
        let asked = Instant::now();
        let fetched = client.fetch(&way.wanted, way.priority).await;
        fetched.map_err(SubjectError::engine("fetching the blob that was asked for"))?;
        Ok::<_, SubjectError>(nanoseconds(asked.elapsed()))
    };
    let (first_result, _) = tokio::try_join!(asking, sync(&client))?;
    let mut counted = counters(&client.progress().borrow());
    counted.insert("first_result".to_owned(), first_result);
    client.close().await;
    Ok(counted)
}
