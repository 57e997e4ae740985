//! The pool as clients use it: its settings, and its workers once there is work.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::work::{Work, perform};
use super::workers::Workers;
use super::{DecryptMessage, PoolError};
use crate::config::PoolConfig;
use crate::crypto::{Decrypted, OpenPgpError, OpenPgpKey};

/// A pool. Clones share it; when the last one is dropped, its threads and processes end.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    config: PoolConfig,
    /// Started with the first job.
    workers: Mutex<Option<Workers>>,
}

impl Pool {
    /// A new pool.
    pub fn new(config: PoolConfig) -> Self {
        Self(Arc::new(Inner { config, workers: Mutex::new(None) }))
    }

    /// The pool of this process with these settings. All clients share it, so that many clients do not use more processors
    /// than there are.
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
    /// [`PoolError`] where the pool failed; the inner error where the message cannot be decrypted.
    pub async fn decrypt(
        &self,
        keys: Arc<[OpenPgpKey]>,
        message: Vec<u8>,
        limit: usize,
    ) -> Result<Result<Decrypted, OpenPgpError>, PoolError> {
        self.run(DecryptMessage { keys, message, limit }).await
    }

    /// Runs work and returns its result. Waits while the queue is full; dropping the future cancels work that has not
    /// started.
    ///
    /// # Errors
    /// [`PoolError`] where the pool failed, not the work.
    pub(crate) async fn run<W: Work>(&self, work: W) -> Result<Result<W::Value, W::Error>, PoolError> {
        match self.workers()? {
            None => perform(work),
            Some(workers) => workers.run(work).await,
        }
    }

    #[cfg(test)]
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
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
