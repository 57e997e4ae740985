//! Starts subjects, asks them for samples, reads their processes from outside, verifies their results, and reports all
//! of it as events. It stores nothing, prints nothing and draws nothing.
//!
//! `measure` walks a plan for one program, `blocks` measures several programs against each other, `replay` performs one
//! case for a person who watches. These three own the state; everything below them only returns results. `attempt` is one
//! try at one trial, `trial` measures one fresh set of processes, `steps` is the conversation with them, `subject` one
//! process at the other end of the pipe, `sampler` reads it every 20 ms, `unavailable` lists what could not be measured,
//! and `canary` shows whether the machine's speed changed.

mod attempt;
mod blocks;
mod canary;
mod inspection;
mod measure;
mod operations;
mod order;
mod pipe_trace;
mod programs;
mod readings;
mod replay;
mod sampler;
mod spec;
mod steps;
mod stop;
mod subject;
mod totals;
mod trial;
mod unavailable;

pub use attempt::Attempt;
pub use blocks::{BlockEvent, BlockSpec, FinishedBlock, Variant, measure_blocks, rounds};
pub use inspection::Inspection;
pub use measure::{Done, measure};
pub use operations::{NoHello, operations};
pub use pipe_trace::{PipeDirection, PipeTrace};
pub use programs::{Programs, Target};
pub use replay::replay;
pub use sampler::sampled;
pub use stop::{Ended, Stop};
pub use subject::STOP_GRACE;
