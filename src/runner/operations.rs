//! What a subject offers, asked without measuring anything.

use std::{env, path::Path, time::Duration};

use benchline_contract::{Operation, Role};

use super::{
    Stop,
    subject::{Program, StepError, Subject},
};

/// How long a subject may take to say hello.
const PATIENCE: Duration = Duration::from_secs(20);

/// The subject did not say what it offers.
#[derive(Debug, thiserror::Error)]
#[error("the subject does not say what it offers: {0}")]
pub struct NoHello(String);

/// Starts `binary`, takes the operations of its hello, and ends it.
///
/// # Errors
/// Where it does not start, or says no hello that is understood; where a person stopped it.
pub fn operations(binary: &Path, stop: &Stop) -> Result<Vec<Operation>, NoHello> {
    match Subject::start(&Program::plain(binary), Role::Client, &env::temp_dir(), PATIENCE, stop) {
        Ok(subject) => Ok(subject.hello.operations.clone()),
        Err(StepError::Failed(_, message)) => Err(NoHello(message)),
        Err(StepError::Stopped) => Err(NoHello("interrupted".to_owned())),
    }
}
