//! Seals and opens whole blobs between a reader and a writer, in the memory of a few chunks: while some are sealed or opened,
//! the next are read. It must never write unverified content; what it wrote before an error is a verified prefix.

use std::io::{self, Read, Write};
use std::sync::mpsc;
use std::thread;

use super::{BlobLayout, BlobName, BlobOpener, BlobSealer, Keys};

/// Bytes of content that are read at once: enough that the reader thread costs little, few enough for the CPU cache.
const WINDOW: u64 = 512 << 10;

/// Windows that are read ahead.
const AHEAD: usize = 1;

/// Seals all of `content`, which must have exactly the length that `sealer` was started with.
///
/// # Errors
/// Errors of the reader and the writer, once a read in progress has ended; `InvalidInput` when the content has another length.
pub fn seal_blob(mut sealer: BlobSealer, mut content: impl Read + Send, mut sealed: impl Write) -> io::Result<()> {
    let invalid = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
    sealed.write_all(sealer.prelude())?;
    let windows = Windows::of(sealer.layout());
    let mut chunk = Vec::new();
    windows.read_all(&mut content, Windows::content_len, |mut rest| {
        for _ in 0..windows.in_each {
            let Some(length) = sealer.next_len().filter(|length| *length <= rest.len()) else { break };
            let (now, later) = rest.split_at_mut(length);
            sealer.seal_next_from(now, &mut chunk).map_err(invalid)?;
            sealed.write_all(&chunk)?;
            rest = later;
        }
        Ok(())
    })?;
    at_end(&mut content, io::ErrorKind::InvalidInput, "the content is longer than announced")?;
    sealer.finish().map_err(invalid)
}

/// Opens all of `sealed` and returns the length of its content.
///
/// # Errors
/// Errors of the reader and the writer, once a read in progress has ended; `InvalidData`, with an
/// [`OpenError`](super::OpenError) inside, for what does not verify; `UnexpectedEof` for a truncated blob.
pub fn open_blob(
    keys: &Keys,
    name: BlobName<'_>,
    mut sealed: impl Read + Send,
    mut content: impl Write,
) -> io::Result<u64> {
    let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    let mut prelude = vec![0; name.prelude_len()];
    sealed.read_exact(&mut prelude)?;
    let mut opener = BlobOpener::new(keys, name, &prelude).map_err(invalid)?;
    let windows = Windows::of(opener.layout());
    windows.read_all(&mut sealed, Windows::sealed_len, |mut rest| {
        while let Some(length) = opener.next_sealed_len().filter(|length| *length <= rest.len()) {
            let (chunk, later) = rest.split_at_mut(length);
            content.write_all(opener.open_next(chunk).map_err(invalid)?)?;
            rest = later;
        }
        Ok(())
    })?;
    at_end(&mut sealed, io::ErrorKind::InvalidData, "bytes follow the sealed blob's last chunk")?;
    let length = opener.layout().content_len();
    opener.finish().map_err(invalid)?;
    Ok(length)
}

/// A blob divided into windows of several chunks.
#[derive(Clone, Copy)]
struct Windows {
    layout: BlobLayout,
    /// Chunks in each but the last.
    in_each: u64,
    count: u64,
}

impl Windows {
    fn of(layout: &BlobLayout) -> Self {
        let in_each = (WINDOW / u64::from(layout.chunk_size())).max(1);
        Self { layout: *layout, in_each, count: layout.chunks().div_ceil(in_each) }
    }

    /// Bytes of content in a window; none where it holds only padding.
    fn content_len(&self, window: u64) -> usize {
        let first = self.layout.content_range(window * self.in_each);
        let last = self.layout.content_range((window + 1) * self.in_each - 1);
        (last.end - first.start) as usize
    }

    /// Bytes of a window, sealed.
    fn sealed_len(&self, window: u64) -> usize {
        let first = self.layout.sealed_range(window * self.in_each);
        let last = self.layout.sealed_range((window + 1) * self.in_each - 1);
        (last.end - first.start) as usize
    }

    /// Reads windows of these lengths on another thread, and runs `work` on each on this one, also on a partial window before
    /// a read error.
    fn read_all(
        self,
        reader: &mut (impl Read + Send),
        length: fn(&Self, u64) -> usize,
        mut work: impl FnMut(&mut [u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut read = move |window: u64, mut buffer: Vec<u8>| {
            buffer.resize(length(&self, window), 0);
            let outcome = fill(reader, &mut buffer);
            (buffer, outcome)
        };
        if self.count == 1 {
            // Not worth a thread.
            let (mut window, outcome) = read(0, Vec::new());
            return work(&mut window).and(outcome);
        }
        let (sender, windows) = mpsc::sync_channel(AHEAD);
        let (return_buffer, used) = mpsc::channel();
        thread::scope(|scope| {
            let reading = move || {
                for window in 0..self.count {
                    let (window, outcome) = read(window, used.try_recv().unwrap_or_default());
                    let failed = outcome.is_err();
                    // The receiver is dropped where the work failed.
                    if sender.send((window, outcome)).is_err() || failed {
                        return;
                    }
                }
            };
            thread::Builder::new().name("blob-reader".to_owned()).spawn_scoped(scope, reading)?;
            for (mut window, outcome) in windows {
                work(&mut window).and(outcome)?;
                // The receiver is dropped where everything has been read.
                let _ = return_buffer.send(window);
            }
            Ok(())
        })
    }
}

/// Fills the buffer, or truncates it to what was read before the end or an error.
fn fill(reader: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<()> {
    let mut filled = 0;
    let outcome = loop {
        if filled == buffer.len() {
            break Ok(());
        }
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    buffer.truncate(filled);
    outcome
}

fn at_end(reader: &mut impl Read, kind: io::ErrorKind, message: &'static str) -> io::Result<()> {
    if reader.by_ref().take(1).read_to_end(&mut Vec::new())? == 0 { Ok(()) } else { Err(io::Error::new(kind, message)) }
}
