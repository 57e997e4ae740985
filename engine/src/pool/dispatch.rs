//! Runs the work that a frame encodes, in a worker process.

use super::frame::Frame;
#[cfg(test)]
use super::test_work::TestWork;
use super::work::{DONE, FAILED, Work, perform};
use super::{CreateRecovery, DecryptMessage, OpenChunks, OpenDocuments, RewrapRecovery, UnlockRecovery};

/// Runs the work that a frame encodes and returns the frame that answers it.
pub(super) fn answer(request: &Frame) -> Frame {
    let done = match request.kind() {
        OpenDocuments::KIND => attempt::<OpenDocuments>(request),
        OpenChunks::KIND => attempt::<OpenChunks>(request),
        CreateRecovery::KIND => attempt::<CreateRecovery>(request),
        UnlockRecovery::KIND => attempt::<UnlockRecovery>(request),
        RewrapRecovery::KIND => attempt::<RewrapRecovery>(request),
        DecryptMessage::KIND => attempt::<DecryptMessage>(request),
        #[cfg(test)]
        TestWork::KIND => attempt::<TestWork>(request),
        _ => None,
    };
    done.unwrap_or_else(|| Frame::new(FAILED))
}

fn attempt<W: Work>(request: &Frame) -> Option<Frame> {
    let mut fields = request.fields();
    let work = W::unpack(&mut fields).filter(|_| fields.is_empty())?;
    let value = perform(work).ok()?.ok()?;
    let mut frame = Frame::new(DONE);
    W::pack_value(value, &mut frame);
    Some(frame)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn arbitrary_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(Some(frame)) = Frame::read_from(&bytes[..]) {
                let mut fields = frame.fields();
                while fields.take().is_some() {}
                let _ = answer(&frame);
            }
        }
    }
}
