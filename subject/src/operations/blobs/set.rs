//! The blobs of a case, and the digest that proves that they are all there.

use std::error::Error;
use std::future::Future;

use benchline_contract::Value;
use benchline_engine::client::{Blobs, PutAs};
use benchline_engine::store::BlobAddress;
use bytes::Bytes;
use tokio::task::JoinSet;

use crate::error::SubjectError;
use crate::operations::digest::ContentsDigest;
use crate::operations::roles::Setup;
use crate::parameters::{Parameters, unknown};

/// Where the blobs of every case are.
pub(super) const NAMESPACE: &str = "bench";

/// Most blobs of a case.
const COUNT_LIMIT: u64 = 1_000_000;
/// Most bytes of all blobs of a case.
const TOTAL_LIMIT: u64 = 4 << 30;
/// Most bytes of a blob whose size is one of the mail mix; the same as for documents, so that both can be compared.
const MAIL_LIMIT: u64 = 8 << 20;
/// Things under way at once.
const AT_ONCE: usize = 64;
/// Blobs that are listed at once.
const PAGE: usize = 500;

/// Ready-made blobs, sorted by id. Clones share the contents.
#[derive(Clone)]
pub(super) struct BlobSet {
    list: Vec<(BlobAddress, Bytes)>,
}

impl BlobSet {
    /// Makes the blobs that the parameters `blobs` and `size` ask for.
    pub(super) fn read(setup: &Setup<'_>, parameters: &mut Parameters<'_>) -> Result<Self, SubjectError> {
        let wanted = "at most a million, and 4 GiB together";
        let count = parameters.count("blobs", wanted)?;
        let size = match parameters.value("size") {
            Some(Value::Count(size)) => Some(*size),
            Some(Value::Text(word)) if word == "mail" => None,
            Some(Value::Text(word)) => return Err(unknown("word for `size`", word, ["mail"])),
            _ => return Err(parameters.invalid("size", "bytes of a blob, or the word `mail`")),
        };
        if count > COUNT_LIMIT || count.saturating_mul(size.unwrap_or(0)) > TOTAL_LIMIT {
            return Err(parameters.invalid("blobs", wanted));
        }
        let sizes = (0..count).map(|index| size.unwrap_or_else(|| setup.payload.mail_size(index, MAIL_LIMIT)));
        let list = (0..count).zip(sizes).map(|(index, size)| {
            Ok((address(NAMESPACE, index)?, Bytes::from(setup.payload.blob(index, size as usize))))
        });
        Ok(Self { list: list.collect::<Result<_, SubjectError>>()? })
    }

    /// These, which are sorted by id.
    pub(super) fn of(list: Vec<(BlobAddress, Bytes)>) -> Self {
        Self { list }
    }

    /// Adds one that comes after all others.
    pub(super) fn push(&mut self, address: BlobAddress, content: Vec<u8>) {
        self.list.push((address, content.into()));
    }

    /// How many.
    pub(super) fn count(&self) -> u64 {
        self.list.len() as u64
    }

    /// Bytes of all contents.
    pub(super) fn bytes(&self) -> u64 {
        self.list.iter().map(|(_, content)| content.len() as u64).sum()
    }

    /// Each with its name, sorted by id.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&BlobAddress, &Bytes)> {
        self.list.iter().map(|(address, content)| (address, content))
    }

    /// Puts them all on a device, up to 64 at a time.
    pub(super) async fn put(self, blobs: Blobs, put_as: PutAs) -> Result<(), SubjectError> {
        at_once(self.list.into_iter().map(|(address, content)| {
            let blobs = blobs.clone();
            async move {
                let put = blobs.put(&address, content.len() as u64, &content[..], put_as);
                put.await.map_err(SubjectError::engine("putting a blob"))
            }
        }))
        .await
        .map(drop)
    }
}

/// The name of blob number `index`: its id is `B-` and the number in at least eight digits.
pub(super) fn address(namespace: &str, index: u64) -> Result<BlobAddress, SubjectError> {
    BlobAddress::new(namespace, &format!("B-{index:08}")).map_err(SubjectError::engine("naming a blob"))
}

/// Does all of `works` as tasks, up to 64 at a time, and gives what comes of them in any order.
pub(super) async fn at_once<T: Send + 'static>(
    works: impl IntoIterator<Item = impl Future<Output = Result<T, SubjectError>> + Send + 'static>,
) -> Result<Vec<T>, SubjectError> {
    let mut works = works.into_iter();
    let mut tasks = JoinSet::new();
    works.by_ref().take(AT_ONCE).for_each(|work| drop(tasks.spawn(work)));
    let mut done = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        done.push(ended.map_err(SubjectError::engine("working on a blob"))??);
        works.by_ref().take(1).for_each(|work| drop(tasks.spawn(work)));
    }
    Ok(done)
}

/// The [`ContentsDigest`] of the blobs of a namespace on a device.
///
/// # Errors
/// Where one is listed, and cannot be read here.
pub(super) async fn digest(blobs: &Blobs) -> Result<String, SubjectError> {
    let reading = SubjectError::engine::<Box<dyn Error + Send + Sync>>("reading the blobs back");
    let mut digest = ContentsDigest::new();
    let mut after = String::new();
    loop {
        let page = blobs.list(NAMESPACE, None, &after, PAGE).await.map_err(|error| reading(error.into()))?;
        let Some(last) = page.last() else { return Ok(digest.finish()) };
        after = last.address.id().to_owned();
        for record in page {
            let mut content = Vec::new();
            blobs.get(&record.address, &mut content).await.map_err(|error| reading(error.into()))?;
            digest.add(record.address.id(), &content);
        }
    }
}
