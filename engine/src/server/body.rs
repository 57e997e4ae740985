//! Reading what strangers send: never more than allowed, never for longer than allowed.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::refusal::Refusal;

/// How much of a body is still read, and for how long, after it was refused: a client that is sending reads the answer
/// only if the connection is not torn down under it.
const DRAIN_BYTES: usize = 16 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// The next piece of a body, `None` at its end. It may take as long as `patience`.
pub(super) async fn next_piece(body: &mut BodyDataStream, patience: Duration) -> Result<Option<Bytes>, Refusal> {
    match timeout(patience, body.next()).await {
        Err(_) => Err(Refusal::Timeout(patience.as_secs())),
        Ok(None) => Ok(None),
        Ok(Some(Ok(piece))) => Ok(Some(piece)),
        Ok(Some(Err(error))) => Err(Refusal::Malformed(format!("the body broke off: {error}"))),
    }
}

/// A whole body of at most `limit` bytes, a few of them, all of which must have come after `patience`.
pub(super) async fn read(body: Body, limit: usize, patience: Duration) -> Result<Bytes, Refusal> {
    let mut body = body.into_data_stream();
    let read = async {
        let mut whole = BytesMut::new();
        while let Some(piece) = next_piece(&mut body, patience).await? {
            if whole.len() + piece.len() > limit {
                return Err(Refusal::TooLarge(format!("the body may have {limit} bytes")));
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    };
    timeout(patience, read).await.unwrap_or(Err(Refusal::Timeout(patience.as_secs())))
}

/// Reads on for a while, to no purpose but the client's.
pub(super) async fn drain(mut body: BodyDataStream) {
    let read_on = async {
        let mut left = DRAIN_BYTES;
        while let Some(Ok(piece)) = body.next().await {
            left = left.saturating_sub(piece.len());
            if left == 0 {
                return;
            }
        }
    };
    // Whether it came to its end or not, there is no more to be done for this client.
    let _ = timeout(DRAIN_TIME, read_on).await;
}
