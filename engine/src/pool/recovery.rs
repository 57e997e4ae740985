//! Work on recovery documents: deriving a key from a passphrase takes a tenth of a second and much memory.

use zeroize::Zeroizing;

use super::frame::{Fields, Frame};
use super::work::Work;
use crate::crypto::{Cost, RecoveryDocument, RootSecret, UnlockError};

/// Generates a root secret, and wraps it.
pub(crate) struct CreateRecovery {
    pub(crate) user: String,
    pub(crate) passphrase: Zeroizing<String>,
    pub(crate) cost: Cost,
}

/// Unwraps a root secret.
pub(crate) struct UnlockRecovery {
    pub(crate) document: Vec<u8>,
    pub(crate) user: String,
    pub(crate) passphrase: Zeroizing<String>,
}

/// Wraps the same root secret under another passphrase.
pub(crate) struct RewrapRecovery {
    pub(crate) document: Vec<u8>,
    pub(crate) user: String,
    pub(crate) old: Zeroizing<String>,
    pub(crate) new: Zeroizing<String>,
    pub(crate) cost: Cost,
}

impl Work for CreateRecovery {
    type Value = (Vec<u8>, RootSecret);
    type Error = UnlockError;
    const KIND: u8 = 3;

    fn perform(self) -> Result<Self::Value, UnlockError> {
        let root = RootSecret::generate();
        let document = RecoveryDocument::create(&self.user, &root, &self.passphrase, self.cost)?;
        Ok((document.to_bytes(), root))
    }

    fn pack(&self, frame: &mut Frame) {
        frame.put(self.user.as_bytes());
        frame.put(self.passphrase.as_bytes());
        put_cost(frame, self.cost);
    }

    fn unpack(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { user: text(fields)?, passphrase: secret(fields)?, cost: cost(fields)? })
    }

    fn pack_value((document, root): Self::Value, frame: &mut Frame) {
        frame.put(&document);
        frame.put(root.as_bytes());
    }

    fn unpack_value(fields: &mut Fields<'_>) -> Option<Self::Value> {
        Some((fields.take()?.to_vec(), RootSecret::from_bytes(fields.take_array()?)))
    }
}

impl Work for UnlockRecovery {
    type Value = RootSecret;
    type Error = UnlockError;
    const KIND: u8 = 4;

    fn perform(self) -> Result<RootSecret, UnlockError> {
        RecoveryDocument::from_bytes(&self.document)?.unlock(&self.user, &self.passphrase)
    }

    fn pack(&self, frame: &mut Frame) {
        frame.put(&self.document);
        frame.put(self.user.as_bytes());
        frame.put(self.passphrase.as_bytes());
    }

    fn unpack(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { document: fields.take()?.to_vec(), user: text(fields)?, passphrase: secret(fields)? })
    }

    fn pack_value(root: RootSecret, frame: &mut Frame) {
        frame.put(root.as_bytes());
    }

    fn unpack_value(fields: &mut Fields<'_>) -> Option<RootSecret> {
        Some(RootSecret::from_bytes(fields.take_array()?))
    }
}

impl Work for RewrapRecovery {
    type Value = Vec<u8>;
    type Error = UnlockError;
    const KIND: u8 = 5;

    fn perform(self) -> Result<Vec<u8>, UnlockError> {
        let document = RecoveryDocument::from_bytes(&self.document)?;
        Ok(document.rewrap(&self.user, &self.old, &self.new, self.cost)?.to_bytes())
    }

    fn pack(&self, frame: &mut Frame) {
        frame.put(&self.document);
        frame.put(self.user.as_bytes());
        frame.put(self.old.as_bytes());
        frame.put(self.new.as_bytes());
        put_cost(frame, self.cost);
    }

    fn unpack(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            document: fields.take()?.to_vec(),
            user: text(fields)?,
            old: secret(fields)?,
            new: secret(fields)?,
            cost: cost(fields)?,
        })
    }

    fn pack_value(document: Vec<u8>, frame: &mut Frame) {
        frame.put(&document);
    }

    fn unpack_value(fields: &mut Fields<'_>) -> Option<Vec<u8>> {
        Some(fields.take()?.to_vec())
    }
}

fn text(fields: &mut Fields<'_>) -> Option<String> {
    fields.take_text().map(str::to_owned)
}

fn secret(fields: &mut Fields<'_>) -> Option<Zeroizing<String>> {
    text(fields).map(Zeroizing::new)
}

fn put_cost(frame: &mut Frame, cost: Cost) {
    [cost.memory_kib, cost.passes, cost.lanes].iter().for_each(|part| frame.put(&part.to_be_bytes()));
}

fn cost(fields: &mut Fields<'_>) -> Option<Cost> {
    let mut part = || fields.take_array().map(u32::from_be_bytes);
    Some(Cost { memory_kib: part()?, passes: part()?, lanes: part()? })
}
