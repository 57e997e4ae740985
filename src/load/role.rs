//! The role `load` of a case: speaks the pipe contract, and sends what the server's subject described. It drives the case in
//! the place of a client. It must never answer a sample of which any answer was wrong without saying so at `verify`.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use benchline_contract::{
    CONTRACT_VERSION, Failed, FailureKind, Hello, Iterate, LINE_LIMIT, LatencyCount, Prepare, Prepared, Ready, Reply,
    Request, Reset, Role, Sample, Verified,
    lines::{TooLong, read_line, write_reply},
};
use hdrhistogram::Histogram;
use nix::time::{ClockId, clock_gettime};

use super::error::LoadError;
use super::exchange::{Answer, Exchange};
use super::plan::{Client, End, LoadPlan, Pace};
use super::run::run;
use super::script::{Script, ScriptError, TIMEOUT, Volume};
use super::tally::{Fault, LoadReport, nanoseconds};
use super::workload::Job;

/// One thread sends: a load shares the machine with what it measures.
const THREADS: usize = 1;

/// Most bytes of a right answer.
const ANSWER_LIMIT: u64 = 64 << 20;

/// Serves the runner until it is asked to finish, or until its input ends.
///
/// # Errors
/// When the pipes fail. What a request asked for may fail as well; that is reported to the runner, and the next is read.
pub fn serve(input: impl Read, mut output: impl Write) -> io::Result<()> {
    let mut input = io::BufReader::new(input);
    let mut load = None;
    write_reply(&mut output, &Reply::Hello(hello()))?;
    while let Some(line) = read_line(&mut input)? {
        let reply = line.map_err(|TooLong| wrong(format!("the line is longer than {LINE_LIMIT} bytes")));
        let reply = reply.and_then(|line| answer(&mut load, &line)).unwrap_or_else(Reply::Failed);
        write_reply(&mut output, &reply)?;
        if matches!(reply, Reply::Finished) {
            break;
        }
    }
    Ok(())
}

/// No operation is named: a load sends whatever the server's subject describes.
fn hello() -> Hello {
    let engine = format!("benchline {}", env!("CARGO_PKG_VERSION"));
    Hello { contract: CONTRACT_VERSION, engine, operations: Vec::new() }
}

fn answer(load: &mut Option<Load>, line: &[u8]) -> Result<Reply, Failed> {
    let request = serde_json::from_slice(line).map_err(|error| wrong(format!("the line is no request: {error}")))?;
    if let Request::Prepare(request) = request {
        if load.is_some() {
            return Err(wrong("a load is prepared once; start another".to_owned()));
        }
        *load = Some(Load::prepare(&request)?);
        return Ok(Reply::Prepared(Prepared { server: None }));
    }
    if request == Request::Finish {
        return Ok(Reply::Finished);
    }
    let load = load.as_mut().ok_or_else(|| wrong("nothing is prepared yet".to_owned()))?;
    match request {
        Request::Reset(request) => load.reset(&request).map(Reply::Ready),
        Request::Iterate(Iterate { count: 1 }) => load.iterate().map(Reply::Sample),
        Request::Verify => load.verify().map(|digest| Reply::Verified(Verified { digest })),
        Request::Iterate(_) => Err(wrong("a load is sent once an iteration".to_owned())),
        _ => Err(wrong("a load drives its case: it is not observed".to_owned())),
    }
}

/// A load that is prepared.
struct Load {
    job: Job,
    script: Script,
    seed: u64,
    /// The first turn of each client that was not sent yet.
    next: u64,
    /// Of the last iteration.
    report: Option<LoadReport>,
}

impl Load {
    fn prepare(request: &Prepare) -> Result<Self, Failed> {
        if request.role != Role::Load {
            return Err(unsupported(format!("the role `{}` is not played here, only `load`", request.role.as_str())));
        }
        if request.injection.is_some() {
            return Err(unsupported("a load makes nothing worse".to_owned()));
        }
        let server = request.server.as_ref().ok_or_else(|| wrong("a load needs a server".to_owned()))?;
        let job = Job::read(server).map_err(failed)?;
        let script = Script::read(&request.parameters, &job.obeyed).map_err(|error| match error {
            ScriptError::Unknown(message) => unsupported(message),
            ScriptError::Wrong(message) => wrong(message),
        })?;
        if job.before.is_some() && matches!(script.pace, Pace::Open { .. }) {
            return Err(wrong(
                "in an open loop it is not known which client sends what, so nothing can be made before".into(),
            ));
        }
        let load = Self { job, script, seed: request.seed, next: 0, report: None };
        if let Some((stock, turns)) = &load.job.stock {
            load.untimed(stock, &vec![turns.clone(); load.job.clients.len()])?;
        }
        Ok(load)
    }

    fn reset(&mut self, request: &Reset) -> Result<Ready, Failed> {
        if let Some(server) = &request.server {
            let job = Job::read(server).map_err(failed)?;
            // A new account may have another address and other variables, but the load stays the same load.
            (self.job.target, self.job.clients) = (job.target, job.clients);
        }
        self.report = None;
        if let (Some(before), Volume::Each(each)) = (&self.job.before, self.script.volume) {
            self.untimed(before, &vec![self.next..self.next + each; self.job.clients.len()])?;
        }
        Ok(Ready { server: None })
    }

    fn iterate(&mut self) -> Result<Sample, Failed> {
        let (turns, end) = match self.script.volume {
            Volume::Each(each) => (self.next..self.next + each, End::Turns),
            Volume::All(count) => (self.next..u64::MAX, End::Requests(count)),
        };
        let turns = vec![turns; self.job.clients.len()];
        let plan = LoadPlan { pace: self.script.pace, end, ..self.plan(self.job.timed.clone(), &turns) };
        let cpu = process_cpu();
        let report = run(&plan).map_err(failed)?;
        let cpu = process_cpu().saturating_sub(cpu);
        self.next = report.turns.iter().map(|turns| turns.end).max().unwrap_or(self.next);
        let counters = [
            ("requests", report.requests),
            ("errors", report.failed()),
            ("dropped", report.dropped),
            ("wire_sent", report.sent.bodies),
            ("wire_received", report.received.bodies),
        ];
        let sample = Sample {
            wall_ns: nanoseconds(report.wall),
            cpu_ns: nanoseconds(cpu),
            items: report.succeeded,
            bytes: report.sent.bodies + report.received.bodies,
            counters: counters.map(|(name, count)| (name.to_owned(), count)).into(),
            reactor: Vec::new(),
            latency: counts(&report.latency),
            lateness: counts(&report.lateness),
        };
        self.report = Some(report);
        Ok(sample)
    }

    /// Proves that every answer of the last iteration was right, then asks for what it left behind. The digest is over a
    /// line for the timed messages and a line for each message after them: what was asked how often, and what the answer
    /// was.
    fn verify(&mut self) -> Result<String, Failed> {
        let report = self.report.as_ref().ok_or_else(|| wrong("there was no iteration yet".to_owned()))?;
        all_right("timed", report)?;
        let mut record = line(report.succeeded, &self.job.timed);
        for after in &self.job.after {
            let report = self.untimed(after, &report.turns)?;
            record += &line(report.succeeded, std::slice::from_ref(after));
        }
        Ok(digest(&SHA256, record.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Sends one kind of message off the clock, once for each of the turns; each must be answered right.
    fn untimed(&self, message: &Exchange, turns: &[std::ops::Range<u64>]) -> Result<LoadReport, Failed> {
        let report = run(&self.plan(vec![message.clone()], turns)).map_err(failed)?;
        all_right(&format!("untimed ({} {})", message.method, message.path), &report)?;
        Ok(report)
    }

    /// A closed loop over some turns of each client.
    fn plan(&self, mix: Vec<Exchange>, turns: &[std::ops::Range<u64>]) -> LoadPlan {
        let clients = self.job.clients.iter().zip(turns);
        LoadPlan {
            target: self.job.target,
            clients: clients
                .map(|(variables, turns)| Client { variables: variables.clone(), turns: turns.clone() })
                .collect(),
            mix,
            pace: Pace::Closed,
            warm_up: Duration::ZERO,
            end: End::Turns,
            keep_alive: self.script.keep_alive,
            threads: THREADS,
            timeout: TIMEOUT,
            answer_limit: ANSWER_LIMIT,
            seed: self.seed,
        }
    }
}

fn all_right(which: &str, report: &LoadReport) -> Result<(), Failed> {
    if report.failed() == 0 && report.dropped == 0 {
        return Ok(());
    }
    let faults: BTreeMap<&str, u64> = Fault::ALL.map(|fault| (fault.as_str(), report.fault(fault))).into();
    let told: Vec<String> =
        faults.iter().filter(|(_, count)| **count > 0).map(|(word, count)| format!("{count} {word}")).collect();
    let LoadReport { requests, dropped, .. } = report;
    Err(wrong(format!("of {requests} {which} requests failed: {}; {dropped} more were dropped", told.join(", "))))
}

/// `800 PUT 201 -` and a line end: how many, and for each kind its method, its status, and the SHA-256 of the answer
/// where that is known to the byte.
fn line(count: u64, mix: &[Exchange]) -> String {
    let kind = |exchange: &Exchange| {
        let body = match &exchange.answer {
            Answer::Bytes(bytes) => digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect(),
            Answer::Any | Answer::Length(_) => "-".to_owned(),
        };
        format!(" {} {} {body}", exchange.method, exchange.status)
    };
    format!("{count}{}\n", mix.iter().map(kind).collect::<String>())
}

fn counts(histogram: &Histogram<u64>) -> Vec<LatencyCount> {
    histogram.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value())).collect()
}

fn process_cpu() -> Duration {
    // Linux has had this clock since 2.6.12, for the calling process always.
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: LoadError) -> Failed {
    wrong(error.to_string())
}

fn wrong(message: String) -> Failed {
    Failed { kind: FailureKind::Error, message }
}

fn unsupported(message: String) -> Failed {
    Failed { kind: FailureKind::Unsupported, message }
}
