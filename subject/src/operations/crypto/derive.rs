//! `crypto/derive`: unlocking, as a device does that has the recovery document and is given the passphrase: Argon2id,
//! then unwrapping. The digest is that of a document which only the right root secret opens. It must never use a cost that
//! no case asked for.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use benchline_contract::Access;
use benchline_engine::crypto::{Cipher, Cost, DocumentSealer, Keys, Padding, RecoveryDocument, RootSecret};

use crate::error::SubjectError;
use crate::meter::Meter;
use crate::operations::digest::hex;
use crate::operations::roles::{Client, Setup, Work, too_early};
use crate::parameters::Parameters;

const USER: &str = "user";
const PASSPHRASE: &str = "correct horse battery staple";
const DOCUMENT_ID: &str = "D-00000000";
const REVISION: &str = "0000000000000001:1";
/// Bytes of the document that proves the secret.
const PROOF_SIZE: usize = 1000;

struct Derive {
    /// The recovery document's bytes, as they lie in a file or come from a server.
    recovery: Vec<u8>,
    /// Sealed under the keys of the secret that is to be unlocked.
    proof: Vec<u8>,
    unlocked: Option<RootSecret>,
    operation: String,
}

pub(crate) fn prepare(setup: &Setup<'_>, mut parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    let cost = cost(&mut parameters)?;
    parameters.finish()?;
    let root = RootSecret::from_bytes(setup.payload.root_secret());
    let recovery = RecoveryDocument::create(USER, &root, PASSPHRASE, cost)
        .map_err(SubjectError::engine("wrapping the root secret"))?;
    let proof = sealer(&setup.keys)
        .seal(DOCUMENT_ID, REVISION, Some(&setup.payload.document(0, PROOF_SIZE)))
        .map_err(SubjectError::engine("sealing the document that proves the secret"))?;
    let operation = setup.operation.to_owned();
    Ok(Box::new(Derive { recovery: recovery.to_bytes(), proof, unlocked: None, operation }))
}

/// Argon2id with so much memory and so many passes, on as many lanes as the engine uses.
fn cost(parameters: &mut Parameters<'_>) -> Result<Cost, SubjectError> {
    let wanted = "bytes of memory in whole KiB, from 8 KiB to 1 GiB";
    let memory = parameters.count("memory", wanted)?;
    let kib = u32::try_from(memory / 1024).ok().filter(|kib| (8..=Cost::MAX.memory_kib).contains(kib));
    let memory_kib = kib.filter(|_| memory % 1024 == 0).ok_or_else(|| parameters.invalid("memory", wanted))?;
    let wanted = "passes over the memory, from 1 to 16";
    let passes = parameters.count("passes", wanted)?;
    let passes = u32::try_from(passes).ok().filter(|passes| (1..=Cost::MAX.passes).contains(passes));
    Ok(Cost { memory_kib, passes: passes.ok_or_else(|| parameters.invalid("passes", wanted))?, ..Cost::default() })
}

fn sealer(keys: &Keys) -> DocumentSealer {
    DocumentSealer::new(keys, Cipher::default(), Padding::default())
}

impl Client for Derive {
    fn reset(&mut self, _: Option<Access>) -> Result<(), SubjectError> {
        self.unlocked = None;
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        let unlock = || RecoveryDocument::from_bytes(&self.recovery)?.unlock(USER, PASSPHRASE);
        let unlocked = meter.time(|| (1..count).try_for_each(|_| unlock().map(drop)).and_then(|()| unlock()));
        self.unlocked = Some(unlocked.map_err(SubjectError::engine("unlocking the root secret"))?);
        Ok(Work { items: 1, bytes: 0, counters: BTreeMap::new() })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        let root = self.unlocked.as_ref().ok_or_else(|| too_early(&self.operation, "an iteration"))?;
        let opened = sealer(&Keys::derive(root))
            .open(DOCUMENT_ID, REVISION, self.proof.clone())
            .map_err(SubjectError::engine("opening with what was unlocked"))?;
        Ok(hex(&digest(&SHA256, &opened.unwrap_or_default())))
    }
}
