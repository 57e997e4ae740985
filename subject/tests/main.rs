//! The only test binary of the subject: payloads against another implementation, and the real program at the other end
//! of a pipe.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod blobs;
mod contract;
mod fsyncs;
mod injection;
mod operations;
mod payload;
mod pipe;
mod reactor_pool;
mod scale;
mod synchronised;
mod unlocking;
mod vectors;
