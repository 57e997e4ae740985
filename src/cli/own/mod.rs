//! `benchline own`: the platform as a subject. It speaks the pipe contract as the client of the `self/*` cases, so that what
//! the platform costs is measured like anything else. The runner starts it; nobody types it, so it is hidden. Nothing but
//! the contract may reach standard output.

mod ingest;
mod made;
mod page;
mod works;

use std::{
    io,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow, bail};
use benchline_contract::{
    CONTRACT_VERSION, Failed, FailureKind, Hello, LINE_LIMIT, Operation, Prepare, Prepared, Ready, Reply, Request,
    Role, Sample, Value, Values, Verified,
    lines::{TooLong, read_line, write_reply},
};
use nix::time::{ClockId, clock_gettime};

use super::{FINE, measuring::fingerprint};

/// What one operation does, and how its result is proved.
trait Work {
    /// Brings the state back to where an operation starts, off the clock.
    fn reset(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    /// One operation, on the clock.
    fn once(&mut self) -> anyhow::Result<()>;

    /// Things that one operation handles.
    fn items(&self) -> u64;

    /// What the last operation produced, as text.
    fn proof(&mut self) -> anyhow::Result<String>;
}

type Set = fn(&Prepare) -> anyhow::Result<Box<dyn Work>>;

/// Raised whenever what is timed changes its meaning.
const VERSION: u32 = 1;

const OPERATIONS: [(&str, Set); 5] = [
    ("self/changes", works::changes),
    ("self/ingest", ingest::ingest),
    ("self/page", page::page),
    ("self/pipe", works::pipe),
    ("self/sampling", works::sampling),
];

/// Answers requests until told to finish, or until there are no more.
pub(super) fn own() -> anyhow::Result<u8> {
    let mut input = io::stdin().lock();
    let mut output = io::stdout();
    write_reply(&mut output, &Reply::Hello(hello()))?;
    let mut work = None;
    while let Some(line) = read_line(&mut input)? {
        let reply = line.map_err(|TooLong| anyhow!("the line is longer than {LINE_LIMIT} bytes"));
        let reply = reply
            .and_then(|line| answer(&line, &mut work))
            .unwrap_or_else(|error| Reply::Failed(Failed { kind: FailureKind::Error, message: format!("{error:#}") }));
        let last = reply == Reply::Finished;
        drop(last.then(|| work.take()));
        write_reply(&mut output, &reply)?;
        if last {
            break;
        }
    }
    Ok(FINE)
}

fn hello() -> Hello {
    let operation =
        |(name, _): (&str, Set)| Operation { name: name.to_owned(), version: VERSION, roles: vec![Role::Client] };
    Hello {
        contract: CONTRACT_VERSION,
        engine: format!("benchline {}", env!("CARGO_PKG_VERSION")),
        operations: OPERATIONS.map(operation).into(),
    }
}

fn answer(line: &[u8], work: &mut Option<Box<dyn Work>>) -> anyhow::Result<Reply> {
    let request = serde_json::from_slice(line).context("the line is not a request of this contract")?;
    if let Request::Prepare(prepare) = request {
        if prepare.injection.is_some() || !prepare.configuration.is_empty() || prepare.reactor {
            let message = "the platform as a subject takes no configuration, no injection and no probe".to_owned();
            return Ok(Reply::Failed(Failed { kind: FailureKind::Unsupported, message }));
        }
        let Some((_, set)) = OPERATIONS.iter().find(|(name, _)| *name == prepare.operation) else {
            let message = format!("operation `{}` is unknown here", prepare.operation);
            return Ok(Reply::Failed(Failed { kind: FailureKind::Unsupported, message }));
        };
        *work = Some(set(&prepare)?);
        return Ok(Reply::Prepared(Prepared { server: None }));
    }
    if request == Request::Finish {
        return Ok(Reply::Finished);
    }
    let work = work.as_mut().context("nothing is prepared yet")?;
    match request {
        Request::Reset(_) => {
            work.reset()?;
            Ok(Reply::Ready(Ready { server: None }))
        }
        Request::Iterate(iterate) => timed(work.as_mut(), iterate.count).map(Reply::Sample),
        Request::Verify => Ok(Reply::Verified(Verified { digest: fingerprint(&work.proof()?) })),
        _ => bail!("a client is not asked this"),
    }
}

fn timed(work: &mut dyn Work, count: u64) -> anyhow::Result<Sample> {
    let cpu = process_cpu();
    let began = Instant::now();
    for _ in 0..count {
        work.once()?;
    }
    let wall = began.elapsed();
    let cpu = process_cpu().saturating_sub(cpu);
    let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    Ok(Sample {
        wall_ns: ns(wall),
        cpu_ns: ns(cpu),
        items: work.items(),
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

/// The only parameter of an operation, a count of at least 1.
fn only_count(parameters: &Values, name: &str) -> anyhow::Result<u64> {
    match (parameters.len(), parameters.get(name)) {
        (1, Some(Value::Count(count @ 1..))) => Ok(*count),
        _ => bail!("it takes the parameter `{name}`, a count of at least 1, and no other"),
    }
}

/// The folder that this process may use.
fn folder(prepare: &Prepare) -> &Path {
    Path::new(&prepare.folder)
}

#[cfg(test)]
mod tests {
    use benchline_contract::{Iterate, Reset};

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
    fn what_is_not_asked_rightly_is_refused() {
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
