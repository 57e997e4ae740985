//! A connection that breaks after a number of bytes, as a network does: it forwards to a server and then cuts both ways.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Forwards connections until a number of bytes has gone one way.
pub(crate) struct BreakingConnection {
    pub(crate) address: String,
    accepting: JoinHandle<()>,
}

impl BreakingConnection {
    /// Breaks after `allowance` bytes to the server.
    pub(crate) async fn to(server: &str, allowance: i64) -> Self {
        Self::new(server, [allowance, i64::MAX]).await
    }

    /// Breaks after `allowance` bytes from the server.
    pub(crate) async fn after_answer(server: &str, allowance: i64) -> Self {
        Self::new(server, [i64::MAX, allowance]).await
    }

    async fn new(server: &str, allowances: [i64; 2]) -> Self {
        let server = server.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let left = Arc::new(allowances.map(AtomicI64::new));
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(forward(client, server, left.clone()));
            }
        });
        Self { address, accepting }
    }
}

impl Drop for BreakingConnection {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn forward(mut client: TcpStream, mut server: TcpStream, left: Arc<[AtomicI64; 2]>) {
    let (mut up, mut down) = (vec![0; 32 << 10], vec![0; 32 << 10]);
    loop {
        let (count, to_server) = tokio::select! {
            read = client.read(&mut up) => (read, true),
            read = server.read(&mut down) => (read, false),
        };
        let Ok(count @ 1..) = count else { return };
        let left = &left[usize::from(!to_server)];
        if left.fetch_sub(count as i64, Ordering::Relaxed) < count as i64 {
            return;
        }
        let written =
            if to_server { server.write_all(&up[..count]).await } else { client.write_all(&down[..count]).await };
        if written.is_err() {
            return;
        }
    }
}
