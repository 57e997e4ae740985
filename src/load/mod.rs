//! The HTTP/1.1 load generator: many clients, each with a connection of its own, in a closed loop or an open one. It
//! reports what it could not do (late, dropped) as plainly as what the server did, and must never hide a wait: in an open
//! loop a request's time counts from when it was planned.
//!
//! Read `plan` for what can be asked for, `run` for how it is done, `tally` for what is reported; `request` prepares requests,
//! `connection` and `answer` do one exchange, `schedule` and `alarm` keep planned times. `role` is a case's load: a process
//! that speaks the pipe contract, with `workload` (what is sent, by the server's subject) and `script` (how).

mod alarm;
mod answer;
mod connection;
mod error;
mod exchange;
mod plan;
mod request;
mod role;
mod run;
mod schedule;
mod script;
mod tally;
mod workload;

pub use error::LoadError;
pub use exchange::{Answer, Content, Exchange};
pub use plan::{Arrivals, Client, End, HIGHEST_RATE, LOWEST_RATE, LoadPlan, MOST_CLIENTS, Pace};
pub use role::serve;
pub use run::run;
pub use tally::{Fault, LoadReport, Volume};
