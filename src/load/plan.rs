//! What a run of the generator is to do, and what of it makes no sense. This file only describes and refuses; it must
//! never send anything.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use super::error::LoadError;
use super::exchange::Exchange;

/// More clients than this need more file descriptors than a process usually gets.
pub const MOST_CLIENTS: usize = 10_000;

/// Requests a second above which planned times would lie closer together than the machine can wake.
pub const HIGHEST_RATE: f64 = 1_000_000.0;

/// The lowest rate, in requests per second.
pub const LOWEST_RATE: f64 = 0.001;

/// No part of a run lasts longer.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// A run.
#[derive(Debug, Clone)]
pub struct LoadPlan {
    /// Where to connect to.
    pub target: SocketAddr,
    /// Who sends, each over a connection of its own.
    pub clients: Vec<Client>,
    /// What is sent, chosen in turn by weight, so that the shares of a whole cycle are exact.
    pub mix: Vec<Exchange>,
    /// When it is sent.
    pub pace: Pace,
    /// How long to send before anything counts. What is sent then takes part in nothing of the report.
    pub warm_up: Duration,
    /// When to send no more.
    pub end: End,
    /// Whether a connection serves many requests. Else each request opens one, within its latency, and sends `Connection: close`.
    pub keep_alive: bool,
    /// Threads that send, each with its share of the clients.
    pub threads: usize,
    /// How long a request may take from when it is sent until its answer is whole.
    pub timeout: Duration,
    /// Most bytes of an answer's body.
    pub answer_limit: u64,
    /// Of the Poisson arrivals.
    pub seed: u64,
}

/// One who sends: never more than one request at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// What replaces `${name}` in the exchanges, besides `${n}`, `${k}` and `${c}`.
    pub variables: BTreeMap<String, String>,
    /// Its own numbers of requests, `${k}`: it begins with the first and stops, in any case, before the end.
    pub turns: Range<u64>,
}

/// When requests are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Closed loop: each client sends as soon as it has the answer to the request before. A server that stalls is asked
    /// less meanwhile, so latencies count from when a request is sent, and **are not corrected** for those that a stall
    /// kept from being sent (coordinated omission). Good for the highest rate, not for latency.
    Closed,
    /// Open loop: requests are planned without regard to answers, and latencies count from the planned time.
    Open {
        /// Requests a second when it begins.
        from: f64,
        /// Requests a second after the ramp. Warm-up is part of the ramp.
        to: f64,
        /// How long the rate grows or shrinks evenly from the one to the other.
        ramp: Duration,
        /// How planned times lie.
        arrivals: Arrivals,
        /// How long a request may wait past its planned time for a free client. After that it is dropped.
        queue_timeout: Duration,
    },
}

/// How planned times lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrivals {
    /// At equal distances.
    Even,
    /// As from many people who know nothing of each other.
    Poisson,
}

/// When to send no more. What was sent by then is waited for, and counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// This long after warm-up.
    After(Duration),
    /// After this number of requests that count, of all clients together; in an open loop those that are dropped are among them.
    Requests(u64),
    /// When each client has done its turns.
    Turns,
}

impl LoadPlan {
    /// Refuses what cannot be done.
    pub(super) fn check(&self) -> Result<(), LoadError> {
        let wrong = |what: &str| Err(LoadError::Plan(what.to_owned()));
        if self.clients.is_empty() || self.clients.len() > MOST_CLIENTS {
            return wrong(&format!("there must be 1 to {MOST_CLIENTS} clients"));
        }
        if self.threads == 0 {
            return wrong("at least one thread must send");
        }
        if self.timeout.is_zero() {
            return wrong("a request needs a time limit above zero");
        }
        let mut spans = vec![self.warm_up, self.timeout];
        if let Pace::Open { from, to, ramp, queue_timeout, .. } = self.pace {
            if !((0.0..=HIGHEST_RATE).contains(&from) && (LOWEST_RATE..=HIGHEST_RATE).contains(&to)) {
                return wrong(&format!("a rate ends at {LOWEST_RATE} to {HIGHEST_RATE} requests a second"));
            }
            spans.extend([ramp, queue_timeout]);
        }
        if let End::After(duration) = self.end {
            spans.push(duration);
        }
        if spans.iter().any(|span| *span > LONGEST) {
            return wrong("nothing of a run may last longer than a day");
        }
        let endless = self.clients.iter().any(|client| client.turns.end == u64::MAX);
        if self.end == End::Turns && endless {
            return wrong("clients without an end to their turns never end");
        }
        Ok(())
    }
}
