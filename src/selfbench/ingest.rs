//! `self/ingest`: trials into a new history, each durable before the next, as while a run is measured. What is kept is as
//! large as a real trial: columns, totals and a timeline of some seconds.

use std::{fs, path::PathBuf};

use benchline_contract::Prepare;

use super::{
    error::{Result, SelfbenchError},
    operation::{Operation, folder, only_count},
    synthetic_history::{case, start, trial},
};
use crate::{
    history::{Reader, Writer},
    model::RunId,
};

struct Ingest {
    database: PathBuf,
    trials: u32,
    open: Option<(Writer, RunId)>,
}

pub(super) fn ingest(prepare: &Prepare) -> Result<Box<dyn Operation>> {
    let trials = u32::try_from(only_count(&prepare.parameters, "trials")?)?;
    Ok(Box::new(Ingest { database: folder(prepare).join("history/benchline.sqlite"), trials, open: None }))
}

impl Operation for Ingest {
    fn reset(&mut self) -> Result<()> {
        self.open = None;
        if let Some(history) = self.database.parent()
            && history.exists()
        {
            fs::remove_dir_all(history)?;
        }
        let mut writer = Writer::open(&self.database)?;
        let run = writer.open_run(&start(1, self.trials))?.id;
        self.open = Some((writer, run));
        Ok(())
    }

    fn once(&mut self) -> Result<()> {
        let (writer, run) = self.open.as_mut().ok_or(SelfbenchError::Order("it needs a reset first"))?;
        for index in 0..self.trials {
            writer.record_trial(*run, &trial(index))?;
        }
        Ok(())
    }

    fn items(&self) -> u64 {
        u64::from(self.trials)
    }

    fn proof(&mut self) -> Result<String> {
        let Some((_, run)) = &self.open else { return Ok(String::new()) };
        let kept = Reader::open(&self.database)?.trials(*run, &case().key())?;
        let right = (0..).zip(&kept).filter(|(index, kept)| **kept == trial(*index)).count();
        Ok(right.to_string())
    }
}
