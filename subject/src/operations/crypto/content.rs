//! What sealing and opening in memory have in common: the content, its form, and the engine's sealers. It must never
//! touch a file.

use aws_lc_rs::digest::{Context, SHA256};
use benchline_engine::crypto::{
    BlobName, BlobOpener, BlobSealer, BlobSettings, Cipher, DocumentSealer, Keys, OpenError, Padding, SealError,
};

use crate::error::SubjectError;
use crate::operations::digest::hex;
use crate::operations::roles::Setup;
use crate::parameters::Parameters;

/// Largest content, in bytes.
const SIZE_LIMIT: u64 = 4 << 30;
/// Copies that are opened in one go take at most this many bytes together, or are one: more would push each other out of
/// the processor's cache, and the time would be that of the memory.
const BATCH_BYTES: usize = 512 << 10;

const DOCUMENT_ID: &str = "D-00000000";
const REVISION: &str = "0000000000000001:1";
const NAME: BlobName<'static> = BlobName { user: "user", namespace: "mail", id: "B-00000000" };

/// The case, read from its parameters.
pub(super) struct Case {
    pub(super) content: Vec<u8>,
    form: Form,
    cipher: Cipher,
    padding: Padding,
    keys: Keys,
    documents: DocumentSealer,
}

#[derive(Clone, Copy)]
enum Form {
    Document,
    Blob,
}

/// Something sealed, in the shape in which it is opened in place.
#[derive(Clone)]
pub(super) enum Sealed {
    Document(Vec<u8>),
    Blob { prelude: Vec<u8>, chunks: Vec<Vec<u8>> },
}

impl Case {
    pub(super) fn read(setup: &Setup<'_>, mut parameters: Parameters<'_>) -> Result<Self, SubjectError> {
        let wanted = "bytes of content, at most 4 GiB";
        let size = parameters.count("size", wanted)?;
        let size = if size > SIZE_LIMIT { Err(parameters.invalid("size", wanted)) } else { Ok(size as usize) }?;
        let cipher = parameters.word("cipher", &Cipher::ALL.map(|cipher| (cipher.as_str(), cipher)))?;
        let form = parameters.word("form", &[("document", Form::Document), ("blob", Form::Blob)])?;
        parameters.finish()?;
        let content = match form {
            Form::Document => setup.payload.document(0, size),
            Form::Blob => setup.payload.blob(0, size),
        };
        let (keys, padding) = (setup.keys.clone(), setup.config.padding);
        Ok(Self { content, form, cipher, padding, documents: DocumentSealer::new(&keys, cipher, padding), keys })
    }

    /// Room for the sealed content, used again by each sealing.
    pub(super) fn room(&self) -> Sealed {
        match self.form {
            Form::Document => Sealed::Document(Vec::new()),
            Form::Blob => Sealed::Blob { prelude: Vec::new(), chunks: Vec::new() },
        }
    }

    /// How many copies may lie in memory at once.
    pub(super) fn batch(&self) -> u64 {
        (BATCH_BYTES / self.content.len().max(1)).max(1) as u64
    }

    /// Seals the content.
    pub(super) fn seal(&self, sealed: &mut Sealed) -> Result<(), SealError> {
        match sealed {
            Sealed::Document(sealed) => {
                *sealed = self.documents.seal(DOCUMENT_ID, REVISION, Some(&self.content))?;
                Ok(())
            }
            Sealed::Blob { prelude, chunks } => self.seal_blob(prelude, chunks),
        }
    }

    /// Opens what was sealed, in place; the content stays where [`Sealed::digest`] finds it.
    pub(super) fn open(&self, sealed: &mut Sealed) -> Result<(), OpenError> {
        match sealed {
            Sealed::Document(sealed) => {
                let opened = self.documents.open(DOCUMENT_ID, REVISION, std::mem::take(sealed))?;
                *sealed = opened.unwrap_or_default();
                Ok(())
            }
            Sealed::Blob { prelude, chunks } => {
                let mut opener = BlobOpener::new(&self.keys, NAME, prelude)?;
                for chunk in chunks {
                    let length = opener.open_next(chunk)?.len();
                    chunk.truncate(length);
                }
                opener.finish()
            }
        }
    }

    fn seal_blob(&self, prelude: &mut Vec<u8>, chunks: &mut Vec<Vec<u8>>) -> Result<(), SealError> {
        let settings = BlobSettings { cipher: self.cipher, padding: self.padding, ..BlobSettings::default() };
        let mut sealer = BlobSealer::new(&self.keys, NAME, self.content.len() as u64, settings)?;
        prelude.clear();
        prelude.extend_from_slice(sealer.prelude());
        chunks.resize_with(sealer.layout().chunks() as usize, Vec::new);
        let mut rest = &self.content[..];
        for chunk in chunks {
            let (now, later) = rest.split_at(sealer.next_len().unwrap_or(0));
            sealer.seal_next_from(now, chunk)?;
            rest = later;
        }
        sealer.finish()
    }
}

impl Sealed {
    /// SHA-256, in lowercase hex, of the content that was opened in place.
    pub(super) fn digest(&self) -> String {
        let mut context = Context::new(&SHA256);
        match self {
            Self::Document(content) => context.update(content),
            Self::Blob { chunks, .. } => chunks.iter().for_each(|chunk| context.update(chunk)),
        }
        hex(&context.finish())
    }
}
