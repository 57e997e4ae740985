//! A run from its plan to its report: threads, clients, and what a client does from one request to the next. It must never
//! let an answer decide when the next request of an open loop is due.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use super::alarm::Alarm;
use super::connection::Connection;
use super::error::LoadError;
use super::plan::{End, LoadPlan, Pace};
use super::request::{ClientRequests, cycle};
use super::schedule::Schedule;
use super::tally::{LoadReport, between};

/// Executes the plan and waits for its end. Connections that are kept are opened before the clock starts.
///
/// # Errors
/// [`LoadError`] where the run cannot begin. What goes wrong with requests is in the report.
pub fn run(plan: &LoadPlan) -> Result<LoadReport, LoadError> {
    plan.check()?;
    let order: Arc<[usize]> = cycle(&plan.mix)?.into();
    let workers = plan.threads.min(plan.clients.len());
    let mut crews = (0..workers).map(|_| Crew::new()).collect::<Result<Vec<_>, _>>()?;
    let host = plan.target.to_string();
    for (index, client) in plan.clients.iter().enumerate() {
        let requests = ClientRequests::new(&plan.mix, &host, plan.keep_alive, index, client)?;
        let connection = Connection::new(plan.target, plan.keep_alive, plan.timeout, plan.answer_limit);
        crews[index % workers].senders.push(Sender { index, requests, connection, turns: client.turns.clone() });
    }
    for crew in &mut crews {
        let Crew { runtime, senders } = crew;
        runtime.block_on(async {
            for sender in senders {
                sender.connection.prepare().await;
            }
        });
    }
    let span = Span::starting_now(plan);
    let numbers = Arc::new(Numbers::default());
    let jobs = crews.into_iter().enumerate().map(|(index, crew)| {
        let shared = Shared::new(plan, span, Arc::clone(&numbers), Arc::clone(&order), (index, workers))?;
        Ok((crew, Arc::new(shared)))
    });
    let jobs = jobs.collect::<Result<Vec<_>, LoadError>>()?;
    let mut report = LoadReport::new()?;
    let mut turns = vec![0..0; plan.clients.len()];
    thread::scope(|scope| {
        let threads = jobs.into_iter().map(|(crew, shared)| {
            let name = thread::Builder::new().name("load".to_owned());
            name.spawn_scoped(scope, move || crew.work(&shared))
                .map_err(LoadError::system("a thread cannot be started"))
        });
        for worker in threads.collect::<Result<Vec<_>, _>>()? {
            let done = worker.join().map_err(|_| LoadError::Plan("a thread of the generator panicked".to_owned()))?;
            let (part, clients) = done?;
            report.add(&part)?;
            clients.into_iter().for_each(|(index, done)| turns[index] = done);
        }
        report.turns = turns;
        Ok(report)
    })
}

/// A thread's runtime and clients.
struct Crew {
    runtime: Runtime,
    senders: Vec<Sender>,
}

type Done = (LoadReport, Vec<(usize, Range<u64>)>);

impl Crew {
    fn new() -> Result<Self, LoadError> {
        // The kernel is asked for news often, so that answers do not wait for each other's bookkeeping.
        let runtime = Builder::new_current_thread().enable_all().event_interval(16).build();
        let runtime = runtime.map_err(LoadError::system("a runtime cannot be started"))?;
        Ok(Self { runtime, senders: Vec::new() })
    }

    fn work(self, shared: &Arc<Shared>) -> Result<Done, LoadError> {
        let Self { runtime, senders } = self;
        let turns = runtime.block_on(async {
            let tasks: Vec<_> = senders.into_iter().map(|sender| tokio::spawn(sender.send(Arc::clone(shared)))).collect();
            let all = async {
                let mut turns = Vec::new();
                for task in tasks {
                    let done = task.await;
                    turns.push(done.map_err(|_| LoadError::Plan("a client of the generator panicked".to_owned()))?);
                }
                Ok(turns)
            };
            tokio::select! {
                turns = all => turns,
                // It ends only where the kernel refuses it a timer.
                Err(source) = shared.alarm.ring() => Err(LoadError::System { what: "planned times need a timer", source }),
            }
        })?;
        let report = shared.report().clone();
        Ok((report, turns))
    }
}

/// The moments of a run.
#[derive(Debug, Clone, Copy)]
struct Span {
    began: Instant,
    /// The end of warm-up.
    counts: Instant,
    /// What is due from here on is not sent.
    ends: Option<Instant>,
}

impl Span {
    fn starting_now(plan: &LoadPlan) -> Self {
        let began = Instant::now();
        let counts = began + plan.warm_up;
        let ends = match plan.end {
            End::After(duration) => Some(counts + duration),
            End::Requests(_) | End::Turns => None,
        };
        Self { began, counts, ends }
    }
}

/// Given out to all threads' clients.
#[derive(Default)]
struct Numbers {
    /// Of the next request.
    next: AtomicU64,
    /// Requests that count.
    counted: AtomicU64,
}

/// What the clients of one thread share.
struct Shared {
    span: Span,
    /// In an open loop alone.
    plan: Option<Planned>,
    /// Most requests that count.
    most: u64,
    numbers: Arc<Numbers>,
    order: Arc<[usize]>,
    alarm: Alarm,
    report: Mutex<LoadReport>,
}

/// When the clients of one thread send in an open loop.
struct Planned {
    schedule: Mutex<Schedule>,
    queue_timeout: Duration,
}

/// A request to be sent now.
struct Due {
    /// Latency counts from here.
    planned: Instant,
    counts: bool,
}

impl Shared {
    fn new(
        plan: &LoadPlan,
        span: Span,
        numbers: Arc<Numbers>,
        order: Arc<[usize]>,
        share: (usize, usize),
    ) -> Result<Self, LoadError> {
        let planned = match plan.pace {
            Pace::Closed => None,
            Pace::Open { from, to, ramp, arrivals, queue_timeout } => {
                let schedule = Mutex::new(Schedule::new((from, to, ramp), arrivals, plan.seed, share));
                Some(Planned { schedule, queue_timeout })
            }
        };
        let most = match plan.end {
            End::Requests(most) => most,
            End::After(_) | End::Turns => u64::MAX,
        };
        Ok(Self {
            span,
            plan: planned,
            most,
            numbers,
            order,
            alarm: Alarm::new(),
            report: Mutex::new(LoadReport::new()?),
        })
    }

    /// Waits for the next request that is due; `None` at the end.
    async fn due(&self) -> Option<Due> {
        let Some(Planned { schedule, queue_timeout }) = &self.plan else {
            return self.admit(Instant::now());
        };
        loop {
            let planned = self.span.began + schedule.lock().unwrap_or_else(PoisonError::into_inner).next();
            let due = self.admit(planned)?;
            let now = Instant::now();
            if now.saturating_duration_since(planned) > *queue_timeout {
                self.report().dropped += u64::from(due.counts);
                continue;
            }
            if planned > now {
                self.alarm.until(planned).await;
            }
            return Some(due);
        }
    }

    /// Whether a request of this time is sent, and counts.
    fn admit(&self, planned: Instant) -> Option<Due> {
        if self.span.ends.is_some_and(|ends| planned >= ends) {
            return None;
        }
        let counts = planned >= self.span.counts;
        if counts && self.most < u64::MAX && self.numbers.counted.fetch_add(1, Ordering::Relaxed) >= self.most {
            return None;
        }
        Some(Due { planned, counts })
    }

    fn report(&self) -> MutexGuard<'_, LoadReport> {
        // Nothing panics while it holds the lock.
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One client at work.
struct Sender {
    index: usize,
    requests: ClientRequests,
    connection: Connection,
    turns: Range<u64>,
}

impl Sender {
    /// Sends until the end, and returns which turns counted.
    async fn send(mut self, shared: Arc<Shared>) -> (usize, Range<u64>) {
        let mut counted: Option<Range<u64>> = None;
        let mut free = shared.span.began;
        let connected = self.connection.take_used();
        shared.report().connections += connected.opened;
        for turn in self.turns.clone() {
            let Some(Due { planned, counts }) = shared.due().await else { break };
            let number = shared.numbers.next.fetch_add(1, Ordering::Relaxed);
            let request = self.requests.request(shared.order[(number % shared.order.len() as u64) as usize]);
            let sent = Instant::now();
            let outcome = self.connection.exchange(request, number, turn).await;
            let now = Instant::now();
            let used = self.connection.take_used();
            if counts {
                counted = Some(counted.map_or(turn, |turns| turns.start)..turn + 1);
                let mut report = shared.report();
                report.note(outcome, now.saturating_duration_since(planned));
                report.wall = now.saturating_duration_since(shared.span.counts);
                report.sent.add(used.sent);
                report.received.add(used.received);
                report.connections += used.opened;
                if shared.plan.is_some() {
                    report.lateness.saturating_record(between(planned.max(free), sent));
                }
            }
            free = now;
        }
        (self.index, counted.unwrap_or(self.turns.start..self.turns.start))
    }
}
