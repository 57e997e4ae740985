//! Which program plays which role of a case, with which arguments, and where.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::{Path, absolute},
};

use super::subject::{Program, StepError};
use crate::{
    model::{ExternalProgram, FailureKind, Role, external::AdapterSpec},
    probe::tree::Root,
    revision::cache_root,
    scenario::{CasePlan, SubjectKind},
};

/// The programs that play the roles of a case.
#[derive(Debug, Clone, Copy)]
pub struct Programs<'a> {
    /// The subject's binary.
    pub subject: &'a Path,
    /// The platform's own program, which plays the roles that are not the subject's: it is started with the arguments
    /// `role load`, or `role external SPEC` as the adapter of a program that does not speak the contract.
    pub platform: &'a Path,
}

/// What is started, and where.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// What is started.
    pub programs: Programs<'a>,
    /// A folder for the trials' files, on the storage that is to be measured. Emptied for each trial.
    pub folder: &'a Path,
}

impl<'a> Programs<'a> {
    /// What is started for a role.
    pub(super) fn of(&self, plan: &CasePlan, role: Role) -> Result<Program<'a>, StepError> {
        let arguments = |words: &[&str]| words.iter().map(OsString::from).collect();
        match (&plan.subject, role) {
            (_, Role::Load) => Ok(Program { arguments: arguments(&["role", "load"]), ..Program::plain(self.platform) }),
            (SubjectKind::Platform, Role::Client) => {
                Ok(Program { arguments: arguments(&["role", "own"]), ..Program::plain(self.platform) })
            }
            (SubjectKind::Built | SubjectKind::Platform, Role::Client | Role::Server) => {
                Ok(Program::plain(self.subject))
            }
            (SubjectKind::External(external), Role::Client | Role::Server) => {
                let spec = serde_json::to_string(&self.adapter_spec(plan, external)).map_err(|error| {
                    StepError::Failed(
                        FailureKind::Protocol,
                        format!("the adapter's specification cannot be written: {error}"),
                    )
                })?;
                let arguments = arguments(&["role", "external", &spec]);
                Ok(Program { arguments, root: Root::OnlyHolds, ..Program::plain(self.platform) })
            }
        }
    }

    fn adapter_spec(&self, plan: &CasePlan, external: &ExternalProgram) -> AdapterSpec {
        // A place that this machine does not have is reported by the command that needs it.
        let cache = cache_root().ok().map(|root| root.join("benchline").join("external"));
        let places = [("binary", absolute(self.subject).ok()), ("here", absolute(&plan.here).ok()), ("cache", cache)];
        let text = |path: &OsStr| path.to_string_lossy().into_owned();
        let places = places.into_iter().filter_map(|(name, path)| Some((name.to_owned(), text(path?.as_os_str()))));
        AdapterSpec {
            operation: plan.case.operation.clone(),
            external: external.clone(),
            places: places.collect::<BTreeMap<_, _>>(),
            items: plan.expect.items,
            bytes: plan.expect.bytes,
        }
    }
}
