//! Holds programs that do not speak the contract: this process speaks it for them, as their subject. It is started by the
//! runner, once a role, and must never leave a process behind, however it ends.
//!
//! `command` runs a program for every iteration and times it; `service` starts a server, waits until it serves and stops
//! it. `pipe` is the runner's end, `hooks` runs what is not timed, `timed` what is, and `substitutions` fills placeholders.

mod command;
mod error;
mod hooks;
mod pipe;
mod ready;
mod service;
mod substitutions;
mod timed;

use std::io;

use benchline_contract::{CONTRACT_VERSION, Hello, Operation, Reply, Request, Role};

use crate::model::external::{AdapterSpec, ExternalProgram};
use error::AdapterError;

/// Plays the role of an external program over standard input and output until it is asked to finish.
///
/// # Errors
/// When the pipes fail.
pub fn serve(adapter: &AdapterSpec) -> io::Result<()> {
    // Descendants whose parents end are this process's then, so that they can be counted and ended.
    let _ = nix::sys::prctl::set_child_subreaper(true);
    let mut part = Part::new(adapter);
    let hello = hello(adapter, part.role());
    let served = pipe::serve(hello, &mut |request| part.answer(request));
    pipe::end_descendants();
    served
}

enum Part {
    Command(command::CommandPart),
    Service(service::ServicePart),
}

impl Part {
    fn new(adapter: &AdapterSpec) -> Part {
        match &adapter.external {
            ExternalProgram::Command(spec) => Part::Command(command::CommandPart::new(adapter, spec.clone())),
            ExternalProgram::Service(spec) => Part::Service(service::ServicePart::new(adapter, spec.clone())),
        }
    }

    fn role(&self) -> Role {
        match self {
            Part::Command(_) => Role::Client,
            Part::Service(_) => Role::Server,
        }
    }

    fn answer(&mut self, request: Request) -> Result<Reply, AdapterError> {
        if let Request::Prepare(prepare) = &request {
            check(prepare, self.role())?;
        }
        match self {
            Part::Command(part) => part.answer(request),
            Part::Service(part) => part.answer(request),
        }
    }
}

fn hello(adapter: &AdapterSpec, role: Role) -> Hello {
    let program = match &adapter.external {
        ExternalProgram::Command(spec) => spec.run.first(),
        ExternalProgram::Service(spec) => spec.start.first(),
    };
    Hello {
        contract: CONTRACT_VERSION,
        engine: program.cloned().unwrap_or_default(),
        // What is timed changes its meaning with the scenario, whose own version splits the series.
        operations: vec![Operation { name: adapter.operation.clone(), version: 1, roles: vec![role] }],
    }
}

/// Rejects what an external program cannot be asked for: ignoring it would produce a figure under a wrong name.
fn check(prepare: &benchline_contract::Prepare, role: Role) -> Result<(), AdapterError> {
    let refused = [
        (prepare.role != role, "another role"),
        (!prepare.configuration.is_empty(), "a configuration"),
        (prepare.injection.is_some(), "an injection"),
        (prepare.reactor, "a reactor"),
    ];
    match refused.into_iter().find(|(refused, _)| *refused) {
        Some((_, what)) => Err(AdapterError::Refused(what)),
        None => Ok(()),
    }
}
