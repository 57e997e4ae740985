//! `store/read`: every document of a filled replica read by its id, up to 64 at once, through a handle that has read nothing
//! yet. The digest is over what was read.

use std::collections::BTreeMap;

use benchline_contract::Access;
use benchline_engine::document::DocumentId;
use benchline_engine::store::Replica;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::error::SubjectError;
use crate::meter::Meter;
use crate::operations::digest::ContentsDigest;
use crate::operations::documents::Documents;
use crate::operations::replicas::{Place, Replicas};
use crate::operations::roles::{Client, Setup, Work, on_reactor, too_early};
use crate::parameters::Parameters;

/// Reads under way at once.
const AT_ONCE: usize = 64;

type Contents = Vec<(DocumentId, Vec<u8>)>;

struct Read {
    ids: Vec<DocumentId>,
    replicas: Replicas,
    place: Place,
    /// A handle that has read nothing yet.
    ready: Option<Replica>,
    /// What the last iteration read.
    read: Option<Contents>,
    operation: String,
    runtime: Handle,
}

pub(crate) fn prepare(setup: &Setup<'_>, parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    let documents = Documents::read(setup, parameters)?;
    let ids = documents.ids();
    let mut replicas = Replicas::new(setup, "read");
    let place = setup.runtime.block_on(async {
        documents.fill(&replicas.fresh().await?).await?;
        replicas.shut().await
    })?;
    Ok(Box::new(Read {
        ids,
        replicas,
        place,
        ready: None,
        read: None,
        operation: setup.operation.to_owned(),
        runtime: setup.runtime.clone(),
    }))
}

impl Client for Read {
    fn reset(&mut self, _: Option<Access>) -> Result<(), SubjectError> {
        self.read = None;
        self.runtime.block_on(async {
            if let Some(unused) = self.ready.take() {
                unused.close().await;
            }
            self.ready = Some(self.place.open().await?);
            Ok(())
        })
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        for _ in 0..count {
            let replica = match self.ready.take() {
                Some(replica) => replica,
                None => self.runtime.block_on(self.place.open())?,
            };
            self.read = None;
            let work = read_all(replica.clone(), self.ids.clone());
            let read = meter.time(|| on_reactor(&self.runtime, work));
            self.runtime.block_on(replica.close());
            self.read = Some(read?);
        }
        let read = self.read.iter().flatten();
        let (items, bytes) =
            read.fold((0, 0), |(items, bytes), (_, content)| (items + 1, bytes + content.len() as u64));
        Ok(Work { items, bytes, counters: BTreeMap::new() })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        let read = self.read.as_mut().ok_or_else(|| too_early(&self.operation, "an iteration"))?;
        read.sort();
        let mut digest = ContentsDigest::new();
        read.iter().for_each(|(id, content)| digest.add(id.as_str(), content));
        Ok(digest.finish())
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        self.runtime.block_on(async {
            if let Some(unused) = self.ready.take() {
                unused.close().await;
            }
            self.replicas.remove().await
        })
    }
}

/// Reads the documents, in whichever order they come.
async fn read_all(replica: Replica, ids: Vec<DocumentId>) -> Result<Contents, SubjectError> {
    let mut reads = JoinSet::new();
    let mut contents = Vec::with_capacity(ids.len());
    for id in ids {
        if reads.len() >= AT_ONCE {
            contents.extend(next(&mut reads).await?);
        }
        let replica = replica.clone();
        reads.spawn(async move {
            let read = replica.get(&id).await.map_err(SubjectError::engine("reading a document"))?;
            // What is absent is missing in the digest.
            Ok(read.and_then(|document| document.content).map(|content| (id, content)))
        });
    }
    while !reads.is_empty() {
        contents.extend(next(&mut reads).await?);
    }
    Ok(contents)
}

type ReadTask = Result<Option<(DocumentId, Vec<u8>)>, SubjectError>;

async fn next(reads: &mut JoinSet<ReadTask>) -> ReadTask {
    match reads.join_next().await {
        Some(done) => done.map_err(SubjectError::engine("reading a document"))?,
        None => Ok(None),
    }
}
