//! A case of `reactor/pool`, read from its parameters: each role takes its own part of it.

use std::num::NonZeroUsize;

use benchline_contract::{Prepare, Role};
use benchline_engine::config::PoolConfig;

use crate::error::SubjectError;
use crate::parameters::Parameters;

/// The operation's name.
pub(in crate::operations) const NAME: &str = "reactor/pool";

/// Workers of a pool that has any, as many as the engine's own pool has by default.
const WORKERS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

/// What the endpoint without load answers.
pub(super) const NOTHING: &str = "nothing\n";

/// The case, read from its parameters: each role has its own part of it.
pub(super) struct Case {
    pub(super) pool: PoolConfig,
    pub(super) kind: Kind,
    pub(super) phase: Phase,
    /// Requests for work under way at once.
    pub(super) at_once: usize,
    /// Requests for nothing.
    pub(super) requests: u64,
    /// Of those, so many a second; 0 as fast as answers come.
    pub(super) rate: u64,
}

/// What keeps the processor busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number of Fibonacci, by the slow way.
    Fibonacci,
    /// Decrypting a message.
    OpenPgp,
}

/// Where the measured span lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// No work was ever asked for.
    Alone,
    /// While work is asked for.
    During,
    /// When all of it is done.
    After,
}

impl Case {
    pub(super) fn read(mut parameters: Parameters<'_>) -> Result<Self, SubjectError> {
        let pools = [
            ("inline", PoolConfig::Inline),
            ("threads", PoolConfig::Threads(WORKERS)),
            ("processes", PoolConfig::Processes(WORKERS)),
        ];
        let case = Self {
            pool: parameters.word("pool", &pools)?,
            kind: parameters.word("kind", &[("fibonacci", Kind::Fibonacci), ("openpgp", Kind::OpenPgp)])?,
            phase: parameters
                .word("phase", &[("alone", Phase::Alone), ("during", Phase::During), ("after", Phase::After)])?,
            at_once: parameters.word("level", &[("none", 0), ("light", 1), ("moderate", 2), ("heavy", 8)])?,
            requests: parameters.count("requests", "of the endpoint without load, at least 1")?,
            rate: parameters.count("rate", "requests a second, or 0 for as fast as answers come")?,
        };
        if case.requests == 0 {
            return Err(parameters.invalid("requests", "of the endpoint without load, at least 1"));
        }
        if (case.phase == Phase::Alone) != (case.at_once == 0) {
            return Err(parameters.invalid("level", "`none` for the phase `alone`, and another one for the others"));
        }
        parameters.finish()?;
        Ok(case)
    }
}

/// How many workers the runtime has that a request is prepared on, where it is not for tokio to choose: the server of this
/// operation has one reactor, so that work done on it holds up everything else.
pub(crate) fn reactor_workers(request: &Prepare) -> Option<usize> {
    (request.operation == NAME && request.role == Role::Server).then_some(1)
}
