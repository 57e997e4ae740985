//! `crypto/open`: a sealed document or blob, opened in memory, in place. The digest is that of the content opened last.

use std::collections::BTreeMap;

use benchline_contract::Access;

use super::content::{Case, Sealed};
use crate::error::SubjectError;
use crate::meter::Meter;
use crate::operations::roles::{Client, Setup, Work, too_early};
use crate::parameters::Parameters;

struct Open {
    case: Case,
    sealed: Sealed,
    opened: Option<Sealed>,
    operation: String,
}

pub(crate) fn prepare(setup: &Setup<'_>, parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    let case = Case::read(setup, parameters)?;
    let mut sealed = case.room();
    case.seal(&mut sealed).map_err(SubjectError::engine("sealing what is to be opened"))?;
    Ok(Box::new(Open { case, sealed, opened: None, operation: setup.operation.to_owned() }))
}

impl Client for Open {
    fn reset(&mut self, _: Option<Access>) -> Result<(), SubjectError> {
        Ok(())
    }

    /// Opening in place destroys what is sealed, so each batch of copies is made off the clock.
    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        let mut left = count;
        self.opened = None;
        let mut copies = Vec::new();
        while left > 0 {
            let batch = left.min(self.case.batch());
            copies.clear();
            copies.resize(batch as usize, self.sealed.clone());
            meter
                .time(|| copies.iter_mut().try_for_each(|copy| self.case.open(copy)))
                .map_err(SubjectError::engine("opening"))?;
            left -= batch;
        }
        self.opened = copies.pop();
        Ok(Work { items: 1, bytes: self.case.content.len() as u64, counters: BTreeMap::new() })
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        self.opened.as_ref().map(Sealed::digest).ok_or_else(|| too_early(&self.operation, "an iteration"))
    }
}
