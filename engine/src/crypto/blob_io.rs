//! Sealing and opening of whole blobs between a reader and a writer, in the memory of one chunk. It must never write
//! content that was not verified; what it wrote before an error is a verified beginning, and still not the blob.

use std::io::{self, Read, Write};

use super::{BlobName, BlobOpener, BlobSealer, Keys};

/// Seals all of `content`, which must have exactly the length that `sealer` was started with.
///
/// # Errors
/// What reader and writer report; `InvalidInput` when the content has another length.
pub fn seal_blob(mut sealer: BlobSealer, mut content: impl Read, mut sealed: impl Write) -> io::Result<()> {
    sealed.write_all(sealer.prelude())?;
    let mut chunk = Vec::new();
    while let Some(length) = sealer.next_len() {
        chunk.resize(length, 0);
        content.read_exact(&mut chunk)?;
        sealer.seal_next(&mut chunk).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        sealed.write_all(&chunk)?;
    }
    at_end(&mut content, io::ErrorKind::InvalidInput, "the content is longer than it was said to be")?;
    sealer.finish().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

/// Opens all of `sealed` and gives the length of its content.
///
/// # Errors
/// What reader and writer report; `InvalidData`, with an [`OpenError`](super::OpenError) inside, for what does not
/// verify; `UnexpectedEof` for a blob that is cut short.
pub fn open_blob(keys: &Keys, name: BlobName<'_>, mut sealed: impl Read, mut content: impl Write) -> io::Result<u64> {
    let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    let mut chunk = vec![0; name.prelude_len()];
    sealed.read_exact(&mut chunk)?;
    let mut opener = BlobOpener::new(keys, name, &chunk).map_err(invalid)?;
    while let Some(length) = opener.next_sealed_len() {
        chunk.resize(length, 0);
        sealed.read_exact(&mut chunk)?;
        content.write_all(opener.open_next(&mut chunk).map_err(invalid)?)?;
    }
    at_end(&mut sealed, io::ErrorKind::InvalidData, "there is more behind the sealed blob's last chunk")?;
    let length = opener.layout().content_len();
    opener.finish().map_err(invalid)?;
    Ok(length)
}

fn at_end(reader: &mut impl Read, kind: io::ErrorKind, complaint: &'static str) -> io::Result<()> {
    if reader.by_ref().take(1).read_to_end(&mut Vec::new())? == 0 {
        Ok(())
    } else {
        Err(io::Error::new(kind, complaint))
    }
}
