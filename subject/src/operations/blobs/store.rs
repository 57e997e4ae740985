//! `blobs/store`: blobs put on a device, or got from it, without a server. Each put is durable when it is done; each get
//! ends with the verified content in memory. The digest is over what the device holds then, or over what was got.

use std::collections::BTreeMap;

use benchline_contract::Access;
use benchline_engine::client::{Blobs, PutAs};
use benchline_engine::protocol::UserName;
use tokio::runtime::Handle;

use super::devices::Devices;
use super::set::{self, BlobSet, at_once};
use crate::error::SubjectError;
use crate::meter::Meter;
use crate::operations::digest::ContentsDigest;
use crate::operations::roles::{Client, Setup, Work, on_reactor, only_once, too_early};
use crate::parameters::Parameters;

#[derive(Clone, Copy)]
enum Direction {
    Put,
    Get,
}

pub(crate) fn prepare(setup: &Setup<'_>, mut parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    let direction = parameters.word("direction", &[("put", Direction::Put), ("get", Direction::Get)])?;
    let set = BlobSet::read(setup, &mut parameters)?;
    parameters.finish()?;
    let mut devices = Devices::new(setup, "device");
    let user: UserName = "user-1".parse().map_err(SubjectError::engine("naming a user"))?;
    let (operation, runtime) = (setup.operation.to_owned(), setup.runtime.clone());
    Ok(match direction {
        Direction::Put => Box::new(Put { set, devices, user, ready: None, filled: None, operation, runtime }),
        Direction::Get => {
            let blobs = runtime.block_on(async {
                let blobs = devices.fresh(&user).await?;
                set.clone().put(blobs.clone(), PutAs::Local).await?;
                Ok::<_, SubjectError>(blobs)
            })?;
            Box::new(Get { set, devices, blobs, got: None, operation, runtime })
        }
    })
}

struct Put {
    set: BlobSet,
    devices: Devices,
    user: UserName,
    /// Empty, for the next iteration.
    ready: Option<Blobs>,
    /// Filled by the last one.
    filled: Option<Blobs>,
    operation: String,
    runtime: Handle,
}

impl Client for Put {
    fn reset(&mut self, _: Option<Access>) -> Result<(), SubjectError> {
        self.filled = None;
        self.ready = Some(self.runtime.block_on(self.devices.fresh(&self.user))?);
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        only_once(&self.operation, count)?;
        let blobs = self.ready.take().ok_or_else(|| too_early(&self.operation, "a reset"))?;
        let work = self.set.clone().put(blobs.clone(), PutAs::Local);
        meter.time(|| on_reactor(&self.runtime, work))?;
        self.filled = Some(blobs);
        Ok(Work { items: self.set.count(), bytes: self.set.bytes(), counters: BTreeMap::new() })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        let blobs = self.filled.as_ref().ok_or_else(|| too_early(&self.operation, "an iteration"))?;
        self.runtime.block_on(set::digest(blobs))
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        self.runtime.block_on(self.devices.remove())
    }
}

struct Get {
    set: BlobSet,
    devices: Devices,
    /// Where they all are.
    blobs: Blobs,
    /// By the last iteration, in any order.
    got: Option<Vec<(String, Vec<u8>)>>,
    operation: String,
    runtime: Handle,
}

impl Client for Get {
    fn reset(&mut self, _: Option<Access>) -> Result<(), SubjectError> {
        self.got = None;
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        for _ in 0..count {
            self.got = None;
            let work = get_all(self.blobs.clone(), &self.set);
            self.got = Some(meter.time(|| on_reactor(&self.runtime, work))?);
        }
        Ok(Work { items: self.set.count(), bytes: self.set.bytes(), counters: BTreeMap::new() })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        let got = self.got.as_mut().ok_or_else(|| too_early(&self.operation, "an iteration"))?;
        got.sort_unstable();
        let mut digest = ContentsDigest::new();
        got.iter().for_each(|(id, content)| digest.add(id, content));
        Ok(digest.finish())
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        self.got = None;
        self.runtime.block_on(self.devices.remove())
    }
}

/// Gets every blob of the set, up to 64 at a time.
fn get_all(
    blobs: Blobs,
    set: &BlobSet,
) -> impl Future<Output = Result<Vec<(String, Vec<u8>)>, SubjectError>> + Send + use<> {
    let addresses: Vec<_> = set.iter().map(|(address, _)| address.clone()).collect();
    at_once(addresses.into_iter().map(move |address| {
        let blobs = blobs.clone();
        async move {
            let mut content = Vec::new();
            blobs.get(&address, &mut content).await.map_err(SubjectError::engine("getting a blob"))?;
            Ok((address.id().to_owned(), content))
        }
    }))
}
