//! The body of a request that brings a blob or a message: bounded in size and in time. A body that crawls is refused like one that
//! stops, for each takes the place of another.

use std::time::{Duration, Instant};

use axum::body::{Body, BodyDataStream};
use axum::http::HeaderMap;
use axum::http::header::EXPECT;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::server::body::{drain, next_piece};
use crate::server::refusal::Refusal;

/// Bytes that must come each second, on average since the start, from the moment that patience is used up.
const LEAST_RATE: u64 = 4 << 10;

/// A body that is being received.
pub(in crate::server) struct Source {
    body: BodyDataStream,
    patience: Duration,
    waited: Duration,
    received: u64,
    /// Whether the client sends nothing before it is asked to (`Expect: 100-continue`), which reading does.
    waits: bool,
    stopping: CancellationToken,
}

impl Source {
    /// A body that may be silent for as long as `patience`, until the server is `stopping`.
    pub(in crate::server) fn new(
        body: Body,
        headers: &HeaderMap,
        patience: Duration,
        stopping: CancellationToken,
    ) -> Self {
        let waits = headers.contains_key(EXPECT);
        Self { body: body.into_data_stream(), patience, waited: Duration::ZERO, received: 0, waits, stopping }
    }

    /// Bytes that came so far.
    pub(in crate::server) fn received(&self) -> u64 {
        self.received
    }

    /// The next piece, `None` at the end. More than `limit` bytes in all are refused.
    pub(in crate::server) async fn next(&mut self, limit: u64) -> Result<Option<Bytes>, Refusal> {
        let begun = Instant::now();
        let piece = tokio::select! {
            piece = next_piece(&mut self.body, self.patience) => piece?,
            () = self.stopping.cancelled() => return Err(Refusal::Busy),
        };
        self.waited += begun.elapsed();
        let Some(piece) = piece else { return Ok(None) };
        self.received += piece.len() as u64;
        if self.received > limit {
            return Err(Refusal::Malformed(format!("the body has more than the {limit} bytes that were announced")));
        }
        let allowed = self.patience + Duration::from_secs(self.received / LEAST_RATE);
        if self.waited > allowed { Err(Refusal::Timeout(allowed.as_secs())) } else { Ok(Some(piece)) }
    }

    /// Reads on for a while, so that the client gets to read its answer. One that has not been asked to send is not
    /// asked now.
    pub(in crate::server) async fn drain(self) {
        if !self.waits || self.received > 0 {
            drain(self.body).await;
        }
    }
}
