//! `crypto/seal`: a document or a blob, sealed in memory. The digest is that of the content that comes out when what
//! was sealed last is opened again.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{Context, SHA256};

use super::crypto::{Case, Sealed};
use super::{Client, Setting, Work, hex};
use crate::clock::Meter;
use crate::error::SubjectError;
use crate::parameters::Parameters;
use benchline_contract::Access;

struct Seal {
    case: Case,
    sealed: Sealed,
}

pub(super) fn prepare(setting: &Setting<'_>, parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    let case = Case::read(setting, parameters)?;
    Ok(Box::new(Seal { sealed: case.room(), case }))
}

impl Client for Seal {
    fn reset(&mut self, _: Option<Access>) -> Result<(), SubjectError> {
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        let Self { case, sealed } = self;
        meter.time(|| (0..count).try_for_each(|_| case.seal(sealed))).map_err(SubjectError::engine("sealing"))?;
        Ok(Work { items: 1, bytes: case.content.len() as u64, counters: BTreeMap::new() })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        // A copy, so that the next sealing finds its room as large as it was.
        let mut opened = self.sealed.clone();
        self.case.open(&mut opened).map_err(SubjectError::engine("opening what was sealed"))?;
        Ok(digest(&opened))
    }
}

/// SHA-256 of the content of what was opened.
pub(super) fn digest(opened: &Sealed) -> String {
    let mut context = Context::new(&SHA256);
    opened.content_of().for_each(|piece| context.update(piece));
    hex(&context.finish())
}
