//! The client of `reactor/pool`: sends requests for nothing at planned times and records the latency of each from then, while
//! others request work. It must never leave out a request because the server was slow: one that could not be sent in time
//! counts as waiting since it was planned.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{Context, SHA256};
use benchline_contract::{Access, LatencyCount};

use super::case::{Case, NOTHING, Phase};
use super::connection::Connection;
use crate::clock::nanoseconds;
use crate::error::SubjectError;
use crate::meter::Meter;
use crate::operations::digest::hex;
use crate::operations::roles::{Client, Latencies, Setup, Work, only_once, too_early};
use crate::parameters::Parameters;

/// Connections that ask for nothing at planned times. With fewer, one that waits would keep the next from being sent.
const OPEN_LOOP: u64 = 20;
/// Connections that ask for nothing as fast as answers come.
const CLOSED_LOOP: u64 = 4;
/// For how long work is asked for before a span in which it goes on.
const LEAD_DURING: Duration = Duration::from_millis(200);
/// For how long work is asked for before a span in which it is over.
const LEAD_AFTER: Duration = Duration::from_secs(1);

struct PoolClient {
    case: Case,
    operation: String,
    address: Option<String>,
    seen: Vec<Answered>,
}

/// A request for nothing: from its plan to its answer, and from its plan until it was sent.
struct Answered {
    latency: Duration,
    lateness: Duration,
}

pub(crate) fn prepare(setup: &Setup<'_>, parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    let case = Case::read(parameters)?;
    Ok(Box::new(PoolClient { case, operation: setup.operation.to_owned(), address: None, seen: Vec::new() }))
}

impl Client for PoolClient {
    fn reset(&mut self, access: Option<Access>) -> Result<(), SubjectError> {
        let access = access.ok_or_else(|| SubjectError::Order(format!("`{}` needs a server", self.operation)))?;
        if self.case.phase == Phase::After {
            while_working(&access.address, self.case.at_once, LEAD_AFTER, || Ok(()))
                .map_err(SubjectError::engine("asking for work"))?;
        }
        self.address = Some(access.address);
        Ok(())
    }

    fn iterate(&mut self, count: u64, meter: &mut Meter) -> Result<Work, SubjectError> {
        only_once(&self.operation, count)?;
        let address = self.address.as_ref().ok_or_else(|| too_early(&self.operation, "a reset"))?;
        let case = &self.case;
        let failed = SubjectError::engine("asking for nothing");
        let connections = case.connections(address).map_err(&failed)?;
        let measure = || meter.time(|| case.ask_for_nothing(connections));
        let seen = match case.phase {
            Phase::During => while_working(address, case.at_once, LEAD_DURING, measure),
            Phase::Alone | Phase::After => measure(),
        };
        self.seen = seen.map_err(failed)?;
        let items = self.seen.len() as u64;
        let counters = BTreeMap::from([("requests".to_owned(), items)]);
        Ok(Work { items, bytes: items * NOTHING.len() as u64, counters })
    }

    fn latencies(&mut self) -> Latencies {
        let counts = |time: fn(&Answered) -> Duration| {
            let mut counts = BTreeMap::<u64, u64>::new();
            self.seen.iter().for_each(|answered| *counts.entry(nanoseconds(time(answered))).or_default() += 1);
            counts.into_iter().collect::<Vec<LatencyCount>>()
        };
        Latencies { latency: counts(|answered| answered.latency), lateness: counts(|answered| answered.lateness) }
    }

    fn verify(&mut self) -> Result<String, SubjectError> {
        let address = self.address.as_ref().ok_or_else(|| too_early(&self.operation, "an iteration"))?;
        let ask = || {
            let mut connection = Connection::open(address)?;
            Ok::<_, io::Error>([connection.ask("GET", "/nothing")?, connection.ask("POST", "/labour/whole")?])
        };
        let mut context = Context::new(&SHA256);
        ask().map_err(SubjectError::engine("asking for the answers"))?.iter().for_each(|answer| context.update(answer));
        Ok(hex(&context.finish()))
    }
}

impl Case {
    /// Those that ask for nothing, opened off the clock. Each has answered once.
    fn connections(&self, address: &str) -> io::Result<Vec<Connection>> {
        let wanted = if self.rate > 0 { OPEN_LOOP } else { CLOSED_LOOP };
        let open = |_| {
            let mut connection = Connection::open(address)?;
            connection.ask("GET", "/nothing").map(|_| connection)
        };
        (0..wanted.min(self.requests)).map(open).collect()
    }

    /// Makes the requests, each connection in its turn, and gives what each has seen.
    fn ask_for_nothing(&self, connections: Vec<Connection>) -> io::Result<Vec<Answered>> {
        let began = Instant::now();
        let turns = connections.len();
        thread::scope(|scope| {
            let asking = |(first, mut connection): (usize, Connection)| {
                let numbers = (first as u64..self.requests).step_by(turns);
                scope.spawn(move || numbers.map(|number| self.ask_once(&mut connection, began, number)).collect())
            };
            let threads: Vec<_> = connections.into_iter().enumerate().map(asking).collect();
            let mut seen = Vec::new();
            for thread in threads {
                let answered: Vec<_> = joined(thread.join())?;
                seen.extend(answered);
            }
            Ok(seen)
        })
    }

    /// Waits for the request's planned time, or not where there is none, and makes it.
    fn ask_once(&self, connection: &mut Connection, began: Instant, number: u64) -> io::Result<Answered> {
        let planned = match self.rate {
            0 => Instant::now(),
            rate => began + Duration::from_nanos(number.saturating_mul(1_000_000_000) / rate),
        };
        thread::sleep(planned.saturating_duration_since(Instant::now()));
        let lateness = planned.elapsed();
        let answer = connection.ask("GET", "/nothing")?;
        let latency = planned.elapsed();
        if answer != NOTHING.as_bytes() {
            return Err(io::Error::other("nothing was asked for, and something was answered"));
        }
        Ok(Answered { latency, lateness })
    }
}

/// Does `measure` while so many requests for work are always under way, the first of them since `lead`. All of them are
/// answered when this returns.
fn while_working<T>(
    address: &str,
    at_once: usize,
    lead: Duration,
    measure: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(|| keep_working(address, &over))).collect();
        thread::sleep(lead);
        let measured = measure();
        over.store(true, Ordering::Relaxed);
        for worker in workers {
            joined(worker.join())?;
        }
        measured
    })
}

/// Asks for work again and again, at least once, and expects the same answer each time.
fn keep_working(address: &str, over: &AtomicBool) -> io::Result<()> {
    let mut connection = Connection::open(address)?;
    let first = connection.ask("POST", "/labour")?;
    while !over.load(Ordering::Relaxed) {
        if connection.ask("POST", "/labour")? != first {
            return Err(io::Error::other("the same work was answered in two ways"));
        }
    }
    Ok(())
}

fn joined<T>(ended: thread::Result<io::Result<T>>) -> io::Result<T> {
    ended.unwrap_or_else(|_| Err(io::Error::other("a thread that asks has ended by a defect of this program")))
}
