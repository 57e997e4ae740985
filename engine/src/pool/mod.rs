//! CPU-bound work off the runtime's threads: opening batches of documents and large blobs, deriving keys from passphrases,
//! decrypting mail. A pool runs it inline, on threads or in processes of its own. It must never block the runtime (except
//! with `inline`, whose purpose is to show that cost), lose a job, or let a job that panics or dies affect others.
//!
//! Read `work` for what a job is, `workers` for the queue, `child` and `serve` for the two ends of a worker process.

mod child;
mod crypto_pool;
mod decrypt_message;
mod dispatch;
mod error;
mod frame;
mod open_chunks;
mod open_documents;
mod priority;
mod recovery;
mod serve;
#[cfg(test)]
mod test_work;
#[cfg(test)]
mod tests;
mod work;
mod workers;

pub use child::{WorkerProgram, set_worker_program};
pub use crypto_pool::Pool;
use decrypt_message::DecryptMessage;
pub use error::PoolError;
pub(crate) use open_chunks::{OpenChunks, SharedBlob};
pub(crate) use open_documents::{OpenDocuments, OpenFailure};
pub(crate) use recovery::{CreateRecovery, RewrapRecovery, UnlockRecovery};
pub use serve::{serve_worker, worker_if_asked};
pub(crate) use work::Work;
