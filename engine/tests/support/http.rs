//! HTTP written by hand, so that the server can be told what no client of ours would say.

use benchline_engine::protocol::Problem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Account;

/// Sends requests to one server.
pub(crate) struct Http {
    server: String,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Http {
    pub(crate) fn to(address: &str) -> Self {
        Self { server: address.trim_start_matches("http://").to_owned() }
    }

    /// A request of this user.
    pub(crate) async fn of(&self, account: &Account, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        self.request(method, path, &format!("{}{headers}", account.bearer()), body).await
    }

    /// A request with these header lines, each closed by CR LF.
    pub(crate) async fn request(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        self.raw(&[head.as_bytes(), body].concat()).await
    }

    /// Begins a request with a body of `length` bytes, none of which is sent yet. The server asks for them, which it does
    /// when the request has its turn.
    pub(crate) async fn begin(&self, method: &str, path: &str, headers: &str, length: usize) -> TcpStream {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\n\
             Content-Length: {length}\r\n{headers}\r\n"
        );
        let mut stream = TcpStream::connect(&self.server).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut asked = [0; 25];
        stream.read_exact(&mut asked).await.unwrap();
        assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n", "{}", String::from_utf8_lossy(&asked));
        stream
    }

    /// Whatever bytes.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.server).await.unwrap();
        // The server may answer and close before it has read all.
        let _ = stream.write_all(bytes).await;
        Answer::read(stream).await
    }
}

impl Answer {
    /// The rest of a connection, which is one answer.
    pub(crate) async fn read(mut stream: TcpStream) -> Self {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer") + 4;
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: answer[end..].to_vec() }
    }

    /// Checks that this is a problem of this status and kind, described as RFC 9457 wants it.
    #[track_caller]
    pub(crate) fn expect_problem(&self, status: u16, name: &str) {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{body}");
        assert!(self.head.to_lowercase().contains("content-type: application/problem+json"), "{}", self.head);
        let problem: Problem = serde_json::from_slice(&self.body).expect("problem details");
        assert_eq!((problem.status, problem.uri.rsplit(':').next()), (status, Some(name)), "{body}");
        assert!(!problem.detail.is_empty());
    }
}
