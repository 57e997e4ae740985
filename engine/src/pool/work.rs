//! What a pool can do: each kind of work is a type, with the form in which it travels to another process. A value that is
//! refused there is worked out again here, so that errors need no form of their own and stay what they are.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::frame::{Fields, Frame};
use super::{CreateRecovery, OpenChunks, OpenDocuments, PoolError, RewrapRecovery, UnlockRecovery};

/// A piece of work for a pool.
pub(crate) trait Work: Send + 'static {
    /// What comes of it.
    type Value: Send + 'static;
    /// Why nothing came of it.
    type Error: Send + 'static;
    /// Tells kinds of work apart in frames. Never used again for another.
    const KIND: u8;

    /// Does it.
    fn perform(self) -> Result<Self::Value, Self::Error>;
    /// Writes the work as fields.
    fn pack(&self, frame: &mut Frame);
    /// Reads the fields of [`Work::pack`].
    fn unpack(fields: &mut Fields<'_>) -> Option<Self>
    where
        Self: Sized;
    /// Writes what came of it as fields.
    fn pack_value(value: Self::Value, frame: &mut Frame);
    /// Reads the fields of [`Work::pack_value`].
    fn unpack_value(fields: &mut Fields<'_>) -> Option<Self::Value>;
}

/// Does a piece of work here and now.
pub(super) fn perform<W: Work>(work: W) -> Result<Result<W::Value, W::Error>, PoolError> {
    catch_unwind(AssertUnwindSafe(|| work.perform())).map_err(|_| PoolError::Panicked)
}

/// Answer to a frame: the value follows.
pub(super) const DONE: u8 = 0;
/// Answer to a frame: the work was refused, or is not known here.
pub(super) const REFUSED: u8 = 1;

/// Does the work that a frame holds and gives the frame that answers it.
pub(super) fn answer(request: &Frame) -> Frame {
    let done = match request.kind() {
        OpenDocuments::KIND => attempt::<OpenDocuments>(request),
        OpenChunks::KIND => attempt::<OpenChunks>(request),
        CreateRecovery::KIND => attempt::<CreateRecovery>(request),
        UnlockRecovery::KIND => attempt::<UnlockRecovery>(request),
        RewrapRecovery::KIND => attempt::<RewrapRecovery>(request),
        #[cfg(test)]
        super::tests::Odd::KIND => attempt::<super::tests::Odd>(request),
        _ => None,
    };
    done.unwrap_or_else(|| Frame::new(REFUSED))
}

fn attempt<W: Work>(request: &Frame) -> Option<Frame> {
    let mut fields = request.fields();
    let work = W::unpack(&mut fields).filter(|_| fields.is_empty())?;
    let value = perform(work).ok()?.ok()?;
    let mut frame = Frame::new(DONE);
    W::pack_value(value, &mut frame);
    Some(frame)
}
