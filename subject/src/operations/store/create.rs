//! `store/create`: documents put one by one, up to 64 at a time, into a fresh replica; each put is durable when it is
//! done. The digest is over what the replica holds afterwards.

use std::collections::BTreeMap;

use benchline_contract::Access;
use benchline_engine::document::DocumentId;
use benchline_engine::store::Replica;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::error::SubjectError;
use crate::meter::Meter;
use crate::operations::documents::{self, Documents};
use crate::operations::replicas::Replicas;
use crate::operations::roles::{Client, Setup, Work, on_reactor, too_early};
use crate::parameters::Parameters;

/// Puts under way at once.
const AT_ONCE: usize = 64;

struct Create {
    documents: Documents,
    replicas: Replicas,
    /// Empty, for the next iteration.
    ready: Option<Replica>,
    /// Filled by the last one.
    filled: Option<Replica>,
    operation: String,
    runtime: Handle,
}

pub(crate) fn prepare(setup: &Setup<'_>, parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    Ok(Box::new(Create {
        documents: Documents::read(setup, parameters)?,
        replicas: Replicas::new(setup, "create"),
        ready: None,
        filled: None,
        operation: setup.operation.to_owned(),
        runtime: setup.runtime.clone(),
    }))
}

impl Client for Create {
    fn reset(&mut self, _: Option<Access>) -> Result<(), SubjectError> {
        self.filled = None;
        self.ready = Some(self.runtime.block_on(self.replicas.fresh())?);
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        for _ in 0..count {
            let replica = match self.ready.take() {
                Some(replica) => replica,
                None => self.runtime.block_on(self.replicas.fresh())?,
            };
            let work = put_all(replica.clone(), self.documents.to_vec());
            meter.time(|| on_reactor(&self.runtime, work))?;
            self.filled = Some(replica);
        }
        Ok(Work { items: self.documents.count(), bytes: self.documents.bytes(), counters: BTreeMap::new() })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        let replica = self.filled.as_ref().ok_or_else(|| too_early(&self.operation, "an iteration"))?;
        self.runtime.block_on(documents::digest(replica))
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        self.runtime.block_on(self.replicas.remove())
    }
}

async fn put_all(replica: Replica, documents: Vec<(DocumentId, Vec<u8>)>) -> Result<(), SubjectError> {
    let mut puts = JoinSet::new();
    for (id, content) in documents {
        if puts.len() >= AT_ONCE {
            one_done(&mut puts).await?;
        }
        let replica = replica.clone();
        puts.spawn(async move {
            replica.put(&id, None, content).await.map(drop).map_err(SubjectError::engine("putting a document"))
        });
    }
    while !puts.is_empty() {
        one_done(&mut puts).await?;
    }
    Ok(())
}

async fn one_done(puts: &mut JoinSet<Result<(), SubjectError>>) -> Result<(), SubjectError> {
    match puts.join_next().await {
        Some(done) => done.map_err(SubjectError::engine("putting a document"))?,
        None => Ok(()),
    }
}
