//! `crypto/seal`: a document or a blob, sealed in memory. The digest is that of the content that comes out when what
//! was sealed last is opened again.

use std::collections::BTreeMap;

use benchline_contract::Access;

use super::content::{Case, Sealed};
use crate::error::SubjectError;
use crate::meter::Meter;
use crate::operations::roles::{Client, Setup, Work};
use crate::parameters::Parameters;

struct Seal {
    case: Case,
    sealed: Sealed,
}

pub(crate) fn prepare(setup: &Setup<'_>, parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    let case = Case::read(setup, parameters)?;
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
        Ok(opened.digest())
    }
}
