//! Work for a pool: each kind is a type, with its encoding for another process. Work that fails in another process is
//! repeated in this one, so that errors need no encoding.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::PoolError;
use super::frame::{Fields, Frame};

/// Work for a pool.
pub(crate) trait Work: Send + 'static {
    /// Its result.
    type Value: Send + 'static;
    /// Why it failed.
    type Error: Send + 'static;
    /// Identifies the kind of work in frames. A number is never reused for another kind.
    const KIND: u8;

    /// Runs it.
    fn perform(self) -> Result<Self::Value, Self::Error>;
    /// Encodes the work as fields.
    fn pack(&self, frame: &mut Frame);
    /// Decodes the fields of [`Work::pack`].
    fn unpack(fields: &mut Fields<'_>) -> Option<Self>
    where
        Self: Sized;
    /// Encodes the result as fields.
    fn pack_value(value: Self::Value, frame: &mut Frame);
    /// Decodes the fields of [`Work::pack_value`].
    fn unpack_value(fields: &mut Fields<'_>) -> Option<Self::Value>;
}

/// Runs work on the calling thread.
pub(super) fn perform<W: Work>(work: W) -> Result<Result<W::Value, W::Error>, PoolError> {
    catch_unwind(AssertUnwindSafe(|| work.perform())).map_err(|_| PoolError::Panicked)
}

/// The kind of an answer that holds the result.
pub(super) const DONE: u8 = 0;
/// The kind of an answer to work that failed or is of an unknown kind.
pub(super) const FAILED: u8 = 1;
