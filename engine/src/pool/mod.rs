//! Where work that keeps a processor busy is done: opening batches of documents and large blobs, deriving keys from
//! passphrases, decrypting mail. A pool does it on the spot, on threads of its own, or in processes of its own. It must
//! never hold up the reactor (but for `inline`, which is there to show what that costs), lose a job, or let one that
//! panics or dies take others with it.
//!
//! Read `work` for what a pool can do, `workers` for its queue, `child` and `serve` for the two ends of a process.

mod child;
mod chunks;
mod documents;
mod error;
mod frame;
mod mail;
mod recovery;
mod serve;
mod work;
mod workers;

use std::sync::{Arc, Mutex, PoisonError, Weak};

pub use child::{WorkerProgram, set_worker_program};
pub(crate) use chunks::{OpenChunks, SharedBlob};
pub(crate) use documents::{OpenDocuments, Unopened};
pub use error::PoolError;
use mail::DecryptMessage;
pub(crate) use recovery::{CreateRecovery, RewrapRecovery, UnlockRecovery};
pub use serve::{serve_worker, worker_if_asked};
pub(crate) use work::Work;

use crate::config::PoolConfig;
use crate::crypto::{Decrypted, OpenPgpError, OpenPgpKey};
use workers::Workers;

/// A pool. Clones share it; when the last one goes, its threads and processes end.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    config: PoolConfig,
    /// Started with the first job.
    workers: Mutex<Option<Workers>>,
}

impl Pool {
    /// A pool of its own.
    pub fn new(config: PoolConfig) -> Self {
        Self(Arc::new(Inner { config, workers: Mutex::new(None) }))
    }

    /// The pool of this process with these settings: all clients share it, so that many of them do not want more
    /// processors than there are.
    pub fn shared(config: PoolConfig) -> Self {
        static POOLS: Mutex<Vec<(PoolConfig, Weak<Inner>)>> = Mutex::new(Vec::new());
        let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
        pools.retain(|(_, pool)| pool.strong_count() > 0);
        if let Some(pool) = pools.iter().find(|(known, _)| *known == config).and_then(|(_, pool)| pool.upgrade()) {
            return Self(pool);
        }
        let pool = Self::new(config);
        pools.push((config, Arc::downgrade(&pool.0)));
        pool
    }

    /// Decrypts an OpenPGP message with whichever key it is encrypted to, if it holds at most `limit` bytes of content.
    ///
    /// # Errors
    /// [`PoolError`] where the pool failed; inside it what is wrong with the message.
    pub async fn decrypt(
        &self,
        keys: Arc<[OpenPgpKey]>,
        message: Vec<u8>,
        limit: usize,
    ) -> Result<Result<Decrypted, OpenPgpError>, PoolError> {
        self.run(DecryptMessage { keys, message, limit }).await
    }

    /// Does a piece of work and gives what came of it. Waits while the queue is full; dropping the future takes work
    /// that has not begun out of the queue.
    ///
    /// # Errors
    /// [`PoolError`] where the pool failed, not the work.
    pub(crate) async fn run<W: Work>(&self, work: W) -> Result<Result<W::Value, W::Error>, PoolError> {
        match self.workers()? {
            None => work::perform(work),
            Some(workers) => workers.run(work).await,
        }
    }

    fn workers(&self) -> Result<Option<Workers>, PoolError> {
        let count = match self.0.config {
            PoolConfig::Inline => return Ok(None),
            PoolConfig::Threads(count) | PoolConfig::Processes(count) => count.get(),
        };
        let mut workers = self.0.workers.lock().unwrap_or_else(PoisonError::into_inner);
        if workers.is_none() {
            *workers = Some(Workers::start(count, matches!(self.0.config, PoolConfig::Processes(_)))?);
        }
        Ok(workers.clone())
    }
}

#[cfg(test)]
mod tests;
