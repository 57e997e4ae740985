//! The server of `reactor/pool`. It must never do on its reactor what takes long, but for the pool `inline`, which is there
//! to show what that costs.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use benchline_contract::Access;
use benchline_engine::crypto::OpenPgpKey;
use benchline_engine::pool::Pool;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::calculator::Calculator;
use super::case::{Case, Kind, NOTHING};
use crate::error::SubjectError;
use crate::operations::roles::{Server, Setup};
use crate::parameters::Parameters;

/// Place in the sequence that is calculated for one request: some 30 ms of one processor.
const PLACE: u32 = 35;
/// Bytes of the message that is decrypted for one request.
const MESSAGE: usize = 4_000_000;

/// A running server.
pub(crate) struct PoolServer {
    address: String,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), SubjectError>>,
    runtime: Handle,
}

/// What one request for work has done.
enum Work {
    Fibonacci(Calculator),
    OpenPgp { pool: Pool, keys: Arc<[OpenPgpKey]>, message: Vec<u8> },
}

impl PoolServer {
    /// Starts the server on a free port.
    pub(crate) fn start(setup: &Setup<'_>, parameters: Parameters<'_>) -> Result<Self, SubjectError> {
        let work = Work::prepare(setup, &Case::read(parameters)?)?;
        setup.runtime.block_on(serve(work, setup.runtime.clone()))
    }
}

impl Server for PoolServer {
    /// There are no accounts: anybody may send requests.
    fn new_account(&mut self) -> Result<Access, SubjectError> {
        Ok(Access { address: self.address.clone(), credential: String::new() })
    }

    /// It counts nothing: its client does.
    fn counters(&self) -> Result<BTreeMap<String, u64>, SubjectError> {
        Ok(BTreeMap::new())
    }

    fn finish(self: Box<Self>) -> Result<(), SubjectError> {
        // A server that has ended by itself has dropped the other end, and says why below.
        let _ = self.stop.send(());
        self.runtime.block_on(self.serving).map_err(SubjectError::engine("stopping the server"))?
    }
}

impl Work {
    fn prepare(setup: &Setup<'_>, case: &Case) -> Result<Self, SubjectError> {
        let failed = SubjectError::engine("preparing a message");
        match case.kind {
            Kind::Fibonacci => Ok(Self::Fibonacci(Calculator::new(case.pool))),
            Kind::OpenPgp => {
                let key = OpenPgpKey::generate("reactor@example.org").map_err(&failed)?;
                let message = key.public().encrypt(&setup.payload.document(0, MESSAGE)).map_err(&failed)?;
                Ok(Self::OpenPgp { pool: Pool::new(case.pool), keys: [key].into(), message })
            }
        }
    }

    /// Does it once. The result is the number, or the content of the message.
    async fn perform(&self) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        match self {
            Self::Fibonacci(calculator) => Ok(calculator.fibonacci(PLACE).await?.to_string().into_bytes()),
            Self::OpenPgp { pool, keys, message } => {
                Ok(pool.decrypt(Arc::clone(keys), message.clone(), MESSAGE).await??.content)
            }
        }
    }
}

async fn serve(work: Work, runtime: Handle) -> Result<PoolServer, SubjectError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(SubjectError::engine("listening on the loopback"))?;
    let address = listener.local_addr().map_err(SubjectError::engine("asking for the server's port"))?;
    // Small answers leave at once. If this fails, they are only slower.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let app = Router::new()
        .route("/nothing", get(async || NOTHING))
        .route("/labour", post(length))
        .route("/labour/whole", post(whole))
        .with_state(Arc::new(work));
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(async move {
        // Stopped by a message, or by the sender being gone. Clients are not waited for: they have no more to say.
        tokio::select! {
            served = async { axum::serve(listener, app).await } => served.map_err(SubjectError::engine("serving")),
            _ = stopped => Ok(()),
        }
    });
    Ok(PoolServer { address: format!("http://{address}"), stop, serving, runtime })
}

/// Does the work and answers with the length of the result: sending the result would be work for the reactor.
async fn length(State(work): State<Arc<Work>>) -> Result<String, StatusCode> {
    whole(State(work)).await.map(|answer| answer.len().to_string())
}

/// Does the work and answers with the result.
async fn whole(State(work): State<Arc<Work>>) -> Result<Vec<u8>, StatusCode> {
    work.perform().await.map_err(|error| {
        eprintln!("benchline-subject: the work failed: {error}");
        StatusCode::INTERNAL_SERVER_ERROR
    })
}
