//! The operations that a subject offers, without measuring anything.

use std::{env, path::Path, time::Duration};

use benchline_contract::{Operation, Role};

use super::{
    stop::Stop,
    subject::{Program, StepError, Subject},
};

/// How long a subject may take to send its hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(20);

/// The subject did not state its operations.
#[derive(Debug, thiserror::Error)]
#[error("the subject did not state its operations: {0}")]
pub struct NoHello(String);

/// Starts `binary`, takes the operations of its hello, and ends it.
///
/// # Errors
/// It does not start, it sends no valid hello, or a person stopped it.
pub fn operations(binary: &Path, stop: &Stop) -> Result<Vec<Operation>, NoHello> {
    match Subject::start(&Program::plain(binary), Role::Client, &env::temp_dir(), HELLO_TIMEOUT, stop) {
        Ok(subject) => Ok(subject.hello.operations.clone()),
        Err(StepError::Failed(_, message)) => Err(NoHello(message)),
        Err(StepError::Stopped) => Err(NoHello("interrupted".to_owned())),
    }
}
