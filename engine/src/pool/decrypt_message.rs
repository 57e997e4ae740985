//! Decrypts a mail message.

use std::sync::Arc;

use super::frame::{Fields, Frame};
use super::work::Work;
use crate::crypto::{Decrypted, OpenPgpError, OpenPgpKey, decrypt_with_any};

/// Decrypts a message with whichever key it is encrypted to.
pub(crate) struct DecryptMessage {
    pub(crate) keys: Arc<[OpenPgpKey]>,
    pub(crate) message: Vec<u8>,
    /// Most bytes of content.
    pub(crate) limit: usize,
}

impl Work for DecryptMessage {
    type Value = Decrypted;
    type Error = OpenPgpError;
    const KIND: u8 = 6;

    fn perform(self) -> Result<Decrypted, OpenPgpError> {
        decrypt_with_any(&self.keys, &self.message, self.limit)
    }

    fn pack(&self, frame: &mut Frame) {
        frame.reserve(self.message.len() + 4096);
        frame.put(&self.message);
        frame.put_number(self.limit as u64);
        self.keys.iter().for_each(|key| frame.put(&key.to_bytes()));
    }

    fn unpack(fields: &mut Fields<'_>) -> Option<Self> {
        let (message, limit) = (fields.take()?.to_vec(), usize::try_from(fields.take_number()?).ok()?);
        let mut keys = Vec::new();
        while !fields.is_empty() {
            keys.push(OpenPgpKey::from_bytes(fields.take()?).ok()?);
        }
        Some(Self { keys: keys.into(), message, limit })
    }

    fn pack_value(value: Decrypted, frame: &mut Frame) {
        frame.put_number(value.signed.into());
        frame.put(&value.content);
    }

    fn unpack_value(fields: &mut Fields<'_>) -> Option<Decrypted> {
        let signed = fields.take_number()? == 1;
        Some(Decrypted { content: fields.take()?.to_vec(), signed })
    }
}
