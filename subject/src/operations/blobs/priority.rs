//! `blobs/priority`: while a device fetches many blobs, someone asks for one more. The counter `first_result` is the time from
//! that moment until the blob is there; wall time is that of everything. The digest is over all blobs on the device.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::time::Instant;

use benchline_engine::client::Blobs;
use benchline_engine::config::Config;
use benchline_engine::store::{BlobAddress, Priority};

use super::receiving::{self, ReceiveMethod};
use super::set::{self, BlobSet, NAMESPACE};
use super::transfers::{Counting, connect, counters, sync};
use crate::clock::nanoseconds;
use crate::error::SubjectError;
use crate::operations::account::Account;
use crate::operations::roles::{Client, Setup};
use crate::parameters::Parameters;

/// Most bytes of the blob that is requested.
const WANTED_LIMIT: u64 = 1 << 30;

/// All of them, one of which is requested meanwhile.
#[derive(Clone)]
struct Overtaking {
    config: Config,
    /// The blob that is requested.
    wanted: BlobAddress,
    priority: Priority,
    /// Bytes a second, of all transfers together.
    bandwidth: Option<NonZeroU64>,
}

pub(crate) fn prepare(setup: &Setup<'_>, mut parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    let priority = parameters.word("priority", &[("urgent", Priority::Urgent), ("normal", Priority::Normal)])?;
    let size = parameters.count("wanted", "bytes of the blob that is requested, at most 1 GiB")?;
    if size > WANTED_LIMIT {
        return Err(parameters.invalid("wanted", "bytes of the blob that is requested, at most 1 GiB"));
    }
    let bandwidth = NonZeroU64::new(parameters.count("bandwidth", "bytes a second, or 0 for no bound")?);
    let mut set = BlobSet::read(setup, &mut parameters)?;
    parameters.finish()?;
    // The last one by name, so that without a priority its turn would come last.
    let wanted = set::address(NAMESPACE, set.count())?;
    set.push(wanted.clone(), setup.payload.blob(set.count(), size as usize));
    let config = setup.config.clone();
    receiving::prepare(setup, set, Overtaking { config, wanted, priority, bandwidth })
}

impl ReceiveMethod for Overtaking {
    fn receive(&self, receiver: Blobs, account: Account) -> Counting {
        Box::pin(fetch_all(self.clone(), receiver, account))
    }
}

/// Fetches everything, and asks for the wanted blob as soon as something of the others has come.
async fn fetch_all(way: Overtaking, receiver: Blobs, account: Account) -> Result<BTreeMap<String, u64>, SubjectError> {
    let client = connect(&way.config, &receiver, &account)?;
    client.set_bandwidth(way.bandwidth);
    let asking = async {
        let mut progress = client.progress();
        let begun = progress.wait_for(|progress| progress.bytes_received > 0).await;
        drop(begun.map_err(SubjectError::engine("waiting for the first bytes"))?);
        let asked = Instant::now();
        let fetched = client.fetch(&way.wanted, way.priority).await;
        fetched.map_err(SubjectError::engine("fetching the blob that was requested"))?;
        Ok::<_, SubjectError>(nanoseconds(asked.elapsed()))
    };
    let (first_result, _) = tokio::try_join!(asking, sync(&client))?;
    let mut counted = counters(&client.progress().borrow());
    counted.insert("first_result".to_owned(), first_result);
    client.close().await;
    Ok(counted)
}
