//! A workload as the contract describes it, made into what the generator sends: files are read, phases become plans. It
//! must never send anything itself.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use benchline_contract::{
    Access,
    workload::{Content as Written, Message, Workload},
};

use super::error::LoadError;
use super::exchange::{Answer, Content, Exchange};

/// A workload that can be sent.
pub(super) struct Job {
    pub(super) target: SocketAddr,
    /// Parameters that the server has obeyed.
    pub(super) obeyed: Vec<String>,
    pub(super) clients: Vec<BTreeMap<String, String>>,
    pub(super) stock: Option<(Exchange, Range<u64>)>,
    pub(super) before: Option<Exchange>,
    pub(super) timed: Vec<Exchange>,
    pub(super) after: Vec<Exchange>,
}

impl Job {
    /// Reads what a server described.
    pub(super) fn read(access: &Access) -> Result<Self, LoadError> {
        let wrong = |what: String| LoadError::Plan(what);
        let target = access
            .address
            .strip_prefix("http://")
            .and_then(|address| address.trim_end_matches('/').parse().ok())
            .ok_or_else(|| wrong(format!("`{}` is not an address as `http://127.0.0.1:8080`", access.address)))?;
        let workload: Workload = serde_json::from_str(&access.credential)
            .map_err(|error| wrong(format!("the server's description is not a workload: {error}")))?;
        let mut files = Files::default();
        let mut exchange = |message: &Message| files.exchange(message);
        let Workload { parameters, clients, stock, stock_count, before, timed, after } = workload;
        Ok(Self {
            target,
            obeyed: parameters,
            clients,
            stock: stock.as_ref().map(&mut exchange).transpose()?.map(|stock| (stock, 0..stock_count)),
            before: before.as_ref().map(&mut exchange).transpose()?,
            timed: timed.iter().map(&mut exchange).collect::<Result<_, _>>()?,
            after: after.iter().map(&mut exchange).collect::<Result<_, _>>()?,
        })
    }
}

/// Contents of files, each read once.
#[derive(Default)]
struct Files(BTreeMap<String, Arc<[u8]>>);

impl Files {
    fn exchange(&mut self, message: &Message) -> Result<Exchange, LoadError> {
        let Message { weight, method, path, headers, body, status, answer } = message.clone();
        let body = match body {
            None => Content::None,
            Some(Written::Text(text)) => Content::Text(text),
            Some(Written::File(file)) => Content::Bytes(self.read(file)?),
        };
        let answer = match answer {
            None => Answer::Any,
            Some(Written::Text(text)) => Answer::Bytes(text.into_bytes().into()),
            Some(Written::File(file)) => Answer::Bytes(self.read(file)?),
        };
        Ok(Exchange { weight, method, path, headers: headers.into_iter().collect(), body, status, answer })
    }

    fn read(&mut self, file: String) -> Result<Arc<[u8]>, LoadError> {
        if let Some(content) = self.0.get(&file) {
            return Ok(Arc::clone(content));
        }
        let failed = |source| LoadError::Content { path: Path::new(&file).to_owned(), source };
        let content: Arc<[u8]> = fs::read(&file).map_err(failed)?.into();
        self.0.insert(file, Arc::clone(&content));
        Ok(content)
    }
}
