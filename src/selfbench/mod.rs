//! The platform as a subject: it speaks the pipe contract as the client of the `self/*` cases, so that what the platform
//! costs is measured like anything else. The runner starts it as `benchline role own`. Nothing but the contract may reach
//! its output.
//!
//! Start with [`serve`]. `operation` says what an operation is; `operations`, `ingest` and `page` hold them.

mod error;
mod ingest;
mod operation;
mod operations;
mod page;
pub mod synthetic_history;

use std::{
    io::{BufRead, Write},
    time::{Duration, Instant},
};

use benchline_contract::{
    CONTRACT_VERSION, Failed, FailureKind, Hello, LINE_LIMIT, Operation as Offered, Prepare, Prepared, Ready, Reply,
    Request, Role, Sample, Verified,
    lines::{TooLong, read_line, write_reply},
};
use nix::time::{ClockId, clock_gettime};

use crate::campaign::fingerprint;
use error::Result;
use operation::Operation;

pub use error::SelfbenchError;

/// Prepares an operation from the parameters of a request.
type Constructor = fn(&Prepare) -> Result<Box<dyn Operation>>;

/// Raised whenever what is timed changes its meaning.
const VERSION: u32 = 1;

const OPERATIONS: [(&str, Constructor); 5] = [
    ("self/changes", operations::changes),
    ("self/ingest", ingest::ingest),
    ("self/page", page::page),
    ("self/pipe", operations::pipe),
    ("self/sampling", operations::sampling),
];

/// Answers requests until told to finish, or until there are no more.
///
/// # Errors
/// Where the pipe cannot be read or written. An operation that fails is an answer, and no error.
pub fn serve(mut input: impl BufRead, mut output: impl Write) -> Result<()> {
    write_reply(&mut output, &Reply::Hello(hello()))?;
    let mut prepared = None;
    while let Some(line) = read_line(&mut input)? {
        let reply = line.map_err(|TooLong| SelfbenchError::LineTooLong(LINE_LIMIT));
        let reply = reply
            .and_then(|line| answer(&line, &mut prepared))
            .unwrap_or_else(|error| Reply::Failed(Failed { kind: FailureKind::Error, message: error.to_string() }));
        let last = reply == Reply::Finished;
        drop(last.then(|| prepared.take()));
        write_reply(&mut output, &reply)?;
        if last {
            break;
        }
    }
    Ok(())
}

fn hello() -> Hello {
    let operation =
        |(name, _): (&str, Constructor)| Offered { name: name.to_owned(), version: VERSION, roles: vec![Role::Client] };
    Hello {
        contract: CONTRACT_VERSION,
        engine: format!("benchline {}", env!("CARGO_PKG_VERSION")),
        operations: OPERATIONS.map(operation).into(),
    }
}

fn answer(line: &[u8], prepared: &mut Option<Box<dyn Operation>>) -> Result<Reply> {
    let request = serde_json::from_slice(line).map_err(SelfbenchError::NotARequest)?;
    if let Request::Prepare(prepare) = request {
        if prepare.injection.is_some() || !prepare.configuration.is_empty() || prepare.reactor {
            let message = "the platform as a subject takes no configuration, no injection and no probe".to_owned();
            return Ok(Reply::Failed(Failed { kind: FailureKind::Unsupported, message }));
        }
        let Some((_, constructor)) = OPERATIONS.iter().find(|(name, _)| *name == prepare.operation) else {
            let message = format!("operation `{}` is unknown here", prepare.operation);
            return Ok(Reply::Failed(Failed { kind: FailureKind::Unsupported, message }));
        };
        *prepared = Some(constructor(&prepare)?);
        return Ok(Reply::Prepared(Prepared { server: None }));
    }
    if request == Request::Finish {
        return Ok(Reply::Finished);
    }
    let operation = prepared.as_mut().ok_or(SelfbenchError::Order("nothing is prepared yet"))?;
    match request {
        Request::Reset(_) => {
            operation.reset()?;
            Ok(Reply::Ready(Ready { server: None }))
        }
        Request::Iterate(iterate) => timed(operation.as_mut(), iterate.count).map(Reply::Sample),
        Request::Verify => Ok(Reply::Verified(Verified { digest: fingerprint(&operation.proof()?) })),
        _ => Err(SelfbenchError::Order("a client is not asked this")),
    }
}

fn timed(operation: &mut dyn Operation, count: u64) -> Result<Sample> {
    let cpu = process_cpu();
    let began = Instant::now();
    for _ in 0..count {
        operation.once()?;
    }
    let wall = began.elapsed();
    let cpu = process_cpu().saturating_sub(cpu);
    let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    Ok(Sample {
        wall_ns: ns(wall),
        cpu_ns: ns(cpu),
        items: operation.items(),
        bytes: 0,
        counters: [].into(),
        reactor: Vec::new(),
        latency: Vec::new(),
        lateness: Vec::new(),
    })
}

fn process_cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use benchline_contract::{Iterate, Reset, Value};

    use super::*;

    /// The text whose digest an operation proves, after two iterations with one count as its parameter.
    fn proves(operation: &str, name: &str, count: u64, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let prepare = Prepare {
            role: Role::Client,
            operation: operation.to_owned(),
            parameters: [(name.to_owned(), Value::Count(count))].into(),
            configuration: [].into(),
            seed: 1,
            folder: folder.path().to_str().unwrap().to_owned(),
            server: None,
            reactor: false,
            injection: None,
        };
        let mut work = None;
        let mut ask = |request: &Request| answer(&serde_json::to_vec(request).unwrap(), &mut work).unwrap();
        assert_eq!(ask(&Request::Prepare(prepare)), Reply::Prepared(Prepared { server: None }));
        for _ in 0..2 {
            assert_eq!(ask(&Request::Reset(Reset { server: None })), Reply::Ready(Ready { server: None }));
            let Reply::Sample(sample) = ask(&Request::Iterate(Iterate { count: 1 })) else { panic!("no sample") };
            assert!(sample.wall_ns > 0);
            assert_eq!(ask(&Request::Verify), Reply::Verified(Verified { digest: fingerprint(expected) }));
        }
    }

    #[test]
    fn operations_of_the_platform_prove_what_they_did() {
        proves("self/changes", "points", 300, "150");
        proves("self/ingest", "trials", 3, "3");
        proves("self/page", "commits", 3, "true 3");
    }

    #[test]
    fn an_invalid_request_is_rejected() {
        for parameters in ["{}", r#"{"commits":{"count":0}}"#, r#"{"commits":{"count":1},"more":{"count":1}}"#] {
            let line = format!(
                r#"{{"type":"prepare","role":"client","operation":"self/page","parameters":{parameters},
                    "configuration":{{}},"seed":1,"folder":"nowhere","reactor":false}}"#
            );
            assert!(answer(line.as_bytes(), &mut None).unwrap_err().to_string().contains("`commits`"), "{parameters}");
        }
        assert!(answer(br#"{"type":"verify"}"#, &mut None).is_err());
    }
}
