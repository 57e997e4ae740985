//! Which program plays which role of a case, and with which arguments.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::{Path, absolute},
};

use super::subject::{Program, StepError};
use crate::{
    model::{ExternalProgram, FailureKind, Role, external::AdapterOrder},
    probe::tree::Root,
    revision::cache_root,
    scenario::CasePlan,
};

/// The programs that play the roles of a case.
#[derive(Debug, Clone, Copy)]
pub struct Programs<'a> {
    /// The subject's binary.
    pub subject: &'a Path,
    /// The platform's own program, which plays the roles that are not the subject's: it is started with the arguments
    /// `role load`, or `role external ORDER` where it holds a program that does not speak the contract.
    pub platform: &'a Path,
}

impl<'a> Programs<'a> {
    /// What is started for a role.
    pub(super) fn of(&self, plan: &CasePlan, role: Role) -> Result<Program<'a>, StepError> {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect();
        match (&plan.external, role) {
            (_, Role::Load) => {
                let arguments = words(&["role", "load"]);
                Ok(Program { arguments, ..Program::plain(self.platform) })
            }
            // What the platform measures of itself it plays itself.
            (None, Role::Client) if plan.case.operation.starts_with("self/") => {
                Ok(Program { arguments: words(&["role", "own"]), ..Program::plain(self.platform) })
            }
            (None, Role::Client | Role::Server) => Ok(Program::plain(self.subject)),
            (Some(external), Role::Client | Role::Server) => {
                let order = serde_json::to_string(&self.order(plan, external))
                    .map_err(|error| StepError::Failed(FailureKind::Protocol, format!("the order: {error}")))?;
                let arguments = words(&["role", "external", &order]);
                Ok(Program { arguments, root: Root::OnlyHolds, ..Program::plain(self.platform) })
            }
        }
    }

    fn order(&self, plan: &CasePlan, external: &ExternalProgram) -> AdapterOrder {
        // A place that this machine does not have is missed by the command that wants it, and told then.
        let cache = cache_root().ok().map(|root| root.join("benchline").join("external"));
        let places = [("binary", absolute(self.subject).ok()), ("here", absolute(&plan.here).ok()), ("cache", cache)];
        let text = |path: &OsStr| path.to_string_lossy().into_owned();
        let places = places.into_iter().filter_map(|(name, path)| Some((name.to_owned(), text(path?.as_os_str()))));
        AdapterOrder {
            operation: plan.case.operation.clone(),
            external: external.clone(),
            places: places.collect::<BTreeMap<_, _>>(),
            items: plan.expect.items,
            bytes: plan.expect.bytes,
        }
    }
}
