//! The subject's side of the pipe: sends the hello, then answers each line with one line. It must never write anything else to
//! its output, never panic on what it reads, and end without a message when its input ends.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use benchline_contract::{
    CONTRACT_VERSION, Hello, Iterate, LINE_LIMIT, Observed, Prepare, Prepared, Ready, Reply, Request, Reset, Sample,
    Value, Values, Verified,
    lines::{TooLong, read_line, write_reply},
};
use tokio::runtime::{Builder, Runtime};

use crate::counters::{Counted, Counter};
use crate::error::SubjectError;
use crate::injection::Injected;
use crate::meter::{Meter, Reading};
use crate::operations::{self, Latencies, RunningRole, Work};
use crate::parameters::unknown;
use crate::reactor::Probe;

/// The setting of a case whose subject counts allocations.
const ALLOCATIONS: &str = "subject.allocations";

/// Serves requests until told to finish, or until there are no more. `counters` are the binary's own counters.
///
/// # Errors
/// When the pipes fail. A request that fails is answered with the failure, and the next one is read.
pub fn serve(input: impl Read, mut output: impl Write, counters: &'static [Counter]) -> io::Result<()> {
    let mut input = io::BufReader::new(input);
    let mut subject = Subject { prepared: None, counters };
    write_reply(&mut output, &Reply::Hello(hello()))?;
    while let Some(line) = read_line(&mut input)? {
        let reply = line.map_err(|TooLong| SubjectError::LongLine(LINE_LIMIT));
        let reply =
            reply.and_then(|line| subject.answer(&line)).unwrap_or_else(|error| Reply::Failed(error.to_reply()));
        write_reply(&mut output, &reply)?;
        if matches!(reply, Reply::Finished) {
            break;
        }
    }
    Ok(())
}

fn hello() -> Hello {
    Hello {
        contract: CONTRACT_VERSION,
        engine: format!("benchline-engine {}", env!("CARGO_PKG_VERSION")),
        operations: operations::offered(),
    }
}

/// The state between two requests.
struct Subject {
    prepared: Option<Case>,
    counters: &'static [Counter],
}

/// The prepared case. The order of the fields is the order in which they are dropped: the runtime is the last.
struct Case {
    role: RunningRole,
    probe: Option<Probe>,
    injected: Option<Injected>,
    counters: &'static [Counter],
    /// A server's counters: their span began at its last reset.
    counted: Counted,
    runtime: Runtime,
}

impl Subject {
    fn answer(&mut self, line: &[u8]) -> Result<Reply, SubjectError> {
        match serde_json::from_slice(line).map_err(SubjectError::Line)? {
            Request::Prepare(request) => self.prepare(request).map(Reply::Prepared),
            Request::Reset(request) => self.case()?.reset(request).map(Reply::Ready),
            Request::Iterate(request) => self.case()?.iterate(&request).map(Reply::Sample),
            Request::Disturb => self.case()?.disturb().map(|()| Reply::Disturbed),
            Request::Observe => self.case()?.observe().map(Reply::Observed),
            Request::Verify => self.case()?.verify().map(Reply::Verified),
            Request::Finish => self.finish().map(|()| Reply::Finished),
        }
    }

    fn prepare(&mut self, mut request: Prepare) -> Result<Prepared, SubjectError> {
        if self.prepared.is_some() {
            return Err(SubjectError::Order("a subject is prepared once; start another".to_owned()));
        }
        self.check_allocation_setting(&mut request.configuration)?;
        let mut builder = Builder::new_multi_thread();
        if let Some(workers) = operations::reactor_workers(&request) {
            builder.worker_threads(workers);
        }
        let runtime = builder.enable_all().build().map_err(SubjectError::engine("starting the runtime"))?;
        let injected = Injected::prepare(&request, runtime.handle())?;
        let watched = request.reactor;
        let mut role = operations::prepare(request, &runtime)?;
        let server = match &mut role {
            RunningRole::Server(server) => Some(server.new_account()?),
            RunningRole::LoadedServer(server) => Some(server.access()),
            RunningRole::Client(_) => None,
        };
        let probe = watched.then(|| Probe::start(runtime.handle().clone())).transpose().map_err(SubjectError::Probe)?;
        let counters = self.counters;
        self.prepared = Some(Case { role, probe, injected, counters, counted: Counted::new(counters), runtime });
        Ok(Prepared { server })
    }

    /// A build that counts allocations is slower, and another program. The setting must be given exactly for such builds, so
    /// that series with and without it never mix.
    fn check_allocation_setting(&self, configuration: &mut Values) -> Result<(), SubjectError> {
        let counts = self.counters.iter().any(|counter| counter.name == "allocations");
        match (configuration.remove(ALLOCATIONS), counts) {
            (None, false) | (Some(Value::Flag(true)), true) => Ok(()),
            (None, true) => Err(SubjectError::Order(format!(
                "this build counts allocations, which makes it slower: it takes only cases with the setting `{ALLOCATIONS}`"
            ))),
            (Some(value), _) => {
                let known = if counts { "true" } else { "nothing, in a build that does not count allocations" };
                Err(unknown(&format!("value of the setting `{ALLOCATIONS}`"), &format!("{value:?}"), [known]))
            }
        }
    }

    fn case(&mut self) -> Result<&mut Case, SubjectError> {
        self.prepared.as_mut().ok_or_else(|| SubjectError::Order("nothing is prepared yet".to_owned()))
    }

    fn finish(&mut self) -> Result<(), SubjectError> {
        let Some(Case { role, probe, runtime, .. }) = self.prepared.take() else { return Ok(()) };
        drop(probe);
        let finished = match role {
            RunningRole::Client(mut client) => client.finish(),
            RunningRole::Server(server) => server.finish(),
            RunningRole::LoadedServer(server) => server.finish(),
        };
        drop(runtime);
        finished
    }
}

impl Case {
    fn reset(&mut self, request: Reset) -> Result<Ready, SubjectError> {
        match &mut self.role {
            RunningRole::Client(client) => client.reset(request.server).map(|()| Ready { server: None }),
            RunningRole::Server(server) => {
                let account = server.new_account()?;
                self.restart_counters();
                Ok(Ready { server: Some(account) })
            }
            RunningRole::LoadedServer(_) => {
                self.restart_counters();
                Ok(Ready { server: None })
            }
        }
    }

    fn restart_counters(&mut self) {
        if let Some(probe) = &mut self.probe {
            probe.pause();
            probe.take();
            probe.resume();
        }
        self.counted = Counted::new(self.counters);
        self.counted.begin();
    }

    fn iterate(&mut self, request: &Iterate) -> Result<Sample, SubjectError> {
        let RunningRole::Client(client) = &mut self.role else {
            return Err(SubjectError::Order("only a client iterates".to_owned()));
        };
        if request.count == 0 {
            return Err(SubjectError::Order("an iteration does its operation at least once".to_owned()));
        }
        let mut meter = Meter::new(self.probe.as_mut(), self.injected.as_ref(), Counted::new(self.counters));
        let done = client.iterate(request.count, &mut meter);
        let reading = meter.finish();
        let Work { items, bytes, mut counters } = done?;
        let Reading { wall_ns, cpu_ns, reactor, counters: process_counters } = reading?;
        counters.extend(process_counters.into_iter().chain(reactor.counters));
        let Latencies { latency, lateness } = client.latencies();
        Ok(Sample { wall_ns, cpu_ns, items, bytes, counters, reactor: reactor.latencies, latency, lateness })
    }

    fn verify(&mut self) -> Result<Verified, SubjectError> {
        let RunningRole::Client(client) = &mut self.role else {
            return Err(SubjectError::Order("only a client verifies".to_owned()));
        };
        client.verify().map(|digest| Verified { digest })
    }

    fn disturb(&self) -> Result<(), SubjectError> {
        let (RunningRole::Server(_) | RunningRole::LoadedServer(_)) = &self.role else {
            return Err(SubjectError::Order("what is injected into a client is part of its iteration".to_owned()));
        };
        let Some(injected) = &self.injected else {
            return Err(SubjectError::Order("nothing is injected into this process".to_owned()));
        };
        injected.disturb().map_err(SubjectError::engine("doing what is injected"))
    }

    fn observe(&mut self) -> Result<Observed, SubjectError> {
        let counters = match &self.role {
            RunningRole::Client(_) => {
                return Err(SubjectError::Order("a client reports its counters with each sample".to_owned()));
            }
            RunningRole::Server(server) => server.counters()?,
            // The load generator counts its requests itself, including failed ones.
            RunningRole::LoadedServer(_) => BTreeMap::new(),
        };
        let mut counted = self.counted.clone();
        counted.end();
        let mut observed = Observed { counters, ..Observed::default() };
        observed.counters.extend(counted.by_name());
        if let Some(probe) = &mut self.probe {
            probe.pause();
            let seen = probe.take();
            observed.counters.extend(seen.counters);
            observed.reactor = seen.latencies;
        }
        Ok(observed)
    }
}
