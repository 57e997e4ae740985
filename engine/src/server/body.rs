//! Reading the body of a request, with limits on its size and on the time it may take. A client that sends very slowly is
//! rejected like one that sends nothing, because both hold a place that others need.

use std::time::{Duration, Instant};

use axum::body::{Body, BodyDataStream};
use axum::http::HeaderMap;
use axum::http::header::EXPECT;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::refusal::Refusal;

/// How much of a rejected body is still read, and for how long: a client that is still sending reads the answer only if
/// the connection stays open.
const DRAIN_BYTES: usize = 16 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// The lowest average rate of a body in bytes per second. It applies once the client has kept the server waiting for longer
/// than the timeout in total.
const MIN_RATE: u64 = 4 << 10;

/// The next chunk of a body, `None` at its end. It must arrive within `limit`.
pub(super) async fn next_chunk(body: &mut BodyDataStream, limit: Duration) -> Result<Option<Bytes>, Refusal> {
    match timeout(limit, body.next()).await {
        Err(_) => Err(Refusal::Timeout(limit.as_secs())),
        Ok(None) => Ok(None),
        Ok(Some(Ok(chunk))) => Ok(Some(chunk)),
        Ok(Some(Err(error))) => {
            Err(Refusal::Malformed(format!("the connection failed while the body arrived: {error}")))
        }
    }
}

/// A whole small body of at most `limit` bytes, all of which must arrive within `time`.
pub(super) async fn read(body: Body, limit: usize, time: Duration) -> Result<Bytes, Refusal> {
    let mut body = body.into_data_stream();
    let read = async {
        let mut whole = BytesMut::new();
        while let Some(chunk) = next_chunk(&mut body, time).await? {
            if whole.len() + chunk.len() > limit {
                return Err(Refusal::TooLarge(format!("the body may have at most {limit} bytes")));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    };
    timeout(time, read).await.unwrap_or(Err(Refusal::Timeout(time.as_secs())))
}

/// Reads and discards the rest of a rejected body, within limits, so that the client gets to read the answer.
pub(super) async fn drain(mut body: BodyDataStream) {
    let read_on = async {
        let mut remaining = DRAIN_BYTES;
        while let Some(Ok(chunk)) = body.next().await {
            remaining = remaining.saturating_sub(chunk.len());
            if remaining == 0 {
                return;
            }
        }
    };
    // Whether or not the body ended, nothing more can be done for this client.
    let _ = timeout(DRAIN_TIME, read_on).await;
}

/// The body of a request that brings a blob or a message.
pub(super) struct BodyReader {
    body: BodyDataStream,
    timeout: Duration,
    waited: Duration,
    received: u64,
    /// Whether the client sends nothing until it is asked to (`Expect: 100-continue`); the first read asks it.
    waits_for_continue: bool,
    stopping: CancellationToken,
}

impl BodyReader {
    /// A body of which each chunk may take as long as `timeout`. Reading fails once the server is `stopping`.
    pub(super) fn new(body: Body, headers: &HeaderMap, timeout: Duration, stopping: CancellationToken) -> Self {
        let waits_for_continue = headers.contains_key(EXPECT);
        let body = body.into_data_stream();
        Self { body, timeout, waited: Duration::ZERO, received: 0, waits_for_continue, stopping }
    }

    /// Bytes that have arrived.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// The next chunk, `None` at the end. A body of more than `limit` bytes is rejected.
    pub(super) async fn next(&mut self, limit: u64) -> Result<Option<Bytes>, Refusal> {
        let start = Instant::now();
        let chunk = tokio::select! {
            chunk = next_chunk(&mut self.body, self.timeout) => chunk?,
            () = self.stopping.cancelled() => return Err(Refusal::Busy),
        };
        self.waited += start.elapsed();
        let Some(chunk) = chunk else { return Ok(None) };
        self.received += chunk.len() as u64;
        if self.received > limit {
            return Err(Refusal::Malformed(format!("the body has more than the {limit} bytes that were announced")));
        }
        let allowed = self.timeout + Duration::from_secs(self.received / MIN_RATE);
        if self.waited > allowed { Err(Refusal::Timeout(allowed.as_secs())) } else { Ok(Some(chunk)) }
    }

    /// Discards the rest of the body; see [`drain`]. A client that still waits to be asked to send is not asked.
    pub(super) async fn drain(self) {
        if !self.waits_for_continue || self.received > 0 {
            drain(self.body).await;
        }
    }
}
