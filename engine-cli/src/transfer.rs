//! Progress of transfers: a bar for each on a terminal, a line now and then in a log.

use std::{
    collections::HashMap,
    io::{IsTerminal as _, stderr},
    num::NonZeroU64,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use benchline_engine::{
    client::{BlobClient, Blobs, TransferProgress},
    store::BlobAddress,
};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::{
    io::{AsyncRead, ReadBuf},
    sync::watch,
};

use crate::{device::Device, output::size, runtime::unless_interrupted};

/// How often bars move.
const FRAME: Duration = Duration::from_millis(100);

/// How often a log gets a line.
const LINE: Duration = Duration::from_secs(10);

const TEMPLATE: &str =
    "  {prefix} {bar:24} {decimal_bytes}/{decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left  {wide_msg}";

/// Does `work` with a client of the device's blobs and shows its transfers. Gives `None` when it was interrupted. Every
/// transfer then stops at its next chunk and keeps what it has.
pub(crate) async fn with_client<T>(
    device: &Device,
    blobs: &Blobs,
    limit: Option<NonZeroU64>,
    work: impl AsyncFnOnce(&BlobClient) -> anyhow::Result<T>,
) -> anyhow::Result<Option<T>> {
    let client = device.blob_client(blobs)?;
    client.set_bandwidth(limit);
    let shown = tokio::spawn(show(client.progress()));
    let outcome = unless_interrupted(work(&client)).await;
    client.close().await;
    // It ends by itself when the client is gone.
    let _ = shown.await;
    outcome
}

async fn show(progress: watch::Receiver<TransferProgress>) {
    if stderr().is_terminal() { show_bars(progress).await } else { show_lines(progress).await }
}

async fn show_bars(mut progress: watch::Receiver<TransferProgress>) {
    let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
    let mut bars: HashMap<BlobAddress, ProgressBar> = HashMap::new();
    while progress.has_changed().is_ok() {
        let now = progress.borrow_and_update().clone();
        bars.retain(|address, bar| {
            let runs = now.running.iter().any(|running| running.address == *address);
            if !runs {
                bar.finish_and_clear();
            }
            runs
        });
        for running in &now.running {
            let bar = bars.entry(running.address.clone()).or_insert_with(|| {
                let bar = all.add(bar(if running.upload { "sending " } else { "fetching" }, running.total));
                bar.set_message(running.address.to_string());
                bar
            });
            if let Some(total) = running.total {
                bar.set_length(total);
            }
            bar.set_position(running.done);
        }
        tokio::time::sleep(FRAME).await;
    }
    bars.values().for_each(ProgressBar::finish_and_clear);
}

async fn show_lines(mut progress: watch::Receiver<TransferProgress>) {
    let mut next = tokio::time::Instant::now() + LINE;
    while progress.has_changed().is_ok() {
        if tokio::time::Instant::now() >= next {
            next += LINE;
            let now = progress.borrow_and_update().clone();
            let (sent, received) = (size(now.bytes_sent), size(now.bytes_received));
            let (running, waiting) = (now.running.len(), now.waiting);
            eprintln!("{running} under way, {waiting} waiting, {} done: {sent} sent, {received} received", now.done);
        }
        tokio::time::sleep(FRAME).await;
    }
}

fn bar(what: &'static str, total: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::new(total.unwrap_or_default());
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style);
    }
    bar.set_prefix(what);
    bar
}

/// What is read, with a bar that moves along on a terminal.
pub(crate) struct Watched<R> {
    reader: R,
    bar: ProgressBar,
}

impl<R> Watched<R> {
    /// Watches `length` bytes being read and sealed.
    pub(crate) fn new(reader: R, length: u64, name: &BlobAddress) -> Self {
        let bar = bar("sealing ", Some(length));
        let target = if stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        bar.set_draw_target(target);
        bar.set_message(name.to_string());
        Self { reader, bar }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Watched<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = into.filled().len();
        let polled = Pin::new(&mut self.reader).poll_read(context, into);
        self.bar.inc((into.filled().len() - before) as u64);
        polled
    }
}

impl<R> Drop for Watched<R> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
