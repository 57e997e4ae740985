//! What a message is stored as: a document, plus a blob where it is large. Equal messages become equal documents on every
//! device, so that devices that store the same message agree. Nothing that differs between devices may enter the document.

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::client::{BlobError, Blobs, PutAs};
use crate::crypto::Decrypted;
use crate::document::DocumentId;
use crate::protocol::MessageId;
use crate::store::{BlobAddress, BlobStoreError, Replica, StoreError};

/// The namespace of the blobs that hold large messages.
pub const BLOB_NAMESPACE: &str = "incoming";

/// Most bytes of a message inside its document. Every device receives whole documents; longer content becomes a blob, which
/// a device fetches on demand.
const INLINE_LIMIT: usize = 64 << 10;

/// The format. History: 1, the first.
const VERSION: u8 = 1;

/// The document that a message becomes, as JSON.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredMessage {
    /// The format.
    pub version: u8,
    /// The id that the mail service gave it.
    pub message: MessageId,
    /// Whether its sender signed it inside the encryption. The signature is not verified.
    pub signed: bool,
    /// Bytes of the content.
    pub length: u64,
    /// SHA-256 of the content, 64 hexadecimal digits.
    pub sha256: String,
    /// Where the content is.
    pub body: StoredBody,
}

/// Where the content of a message is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredBody {
    /// In the document: short UTF-8 text.
    Text(String),
    /// In the blob of this id, in the namespace [`BLOB_NAMESPACE`].
    Blob(String),
}

impl StoredMessage {
    /// The id of the document that a message becomes: `M-` and the SHA-256 of the message's id.
    pub fn document_id(message: &MessageId) -> DocumentId {
        let id = format!("M-{}", hex(digest(&SHA256, message.as_str().as_bytes()).as_ref()));
        id.parse().expect("invariant: hexadecimal digits are allowed in ids")
    }

    /// Parses a document; `None` where it is not a message.
    pub fn parse(content: &[u8]) -> Option<Self> {
        serde_json::from_slice(content).ok().filter(|stored: &Self| stored.version == VERSION)
    }
}

impl std::fmt::Debug for StoredMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredMessage").field("message", &self.message).field("length", &self.length).finish()
    }
}

/// A message could not be stored.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreMessageError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error("a message cannot be serialised as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Whether the message was stored before, on this device or by another one that it has synchronised with. A message that
/// the user has deleted since counts as stored: it must not come back.
pub(super) async fn is_stored(replica: &Replica, message: &MessageId) -> Result<bool, StoreError> {
    Ok(replica.get(&StoredMessage::document_id(message)).await?.is_some())
}

/// Stores a message durably on this device: first the blob, if any, then the document, so that no document names a blob
/// that does not exist.
pub(super) async fn store(
    replica: &Replica,
    blobs: &Blobs,
    message: &MessageId,
    decrypted: Decrypted,
) -> Result<(), StoreMessageError> {
    let id = StoredMessage::document_id(message);
    let (length, sha256) = (decrypted.content.len() as u64, hex(digest(&SHA256, &decrypted.content).as_ref()));
    let text = if decrypted.content.len() <= INLINE_LIMIT {
        String::from_utf8(decrypted.content).map_err(std::string::FromUtf8Error::into_bytes)
    } else {
        Err(decrypted.content)
    };
    let body = match text {
        Ok(text) => StoredBody::Text(text),
        Err(content) => {
            store_blob(blobs, id.as_str(), &content).await?;
            StoredBody::Blob(id.as_str().to_owned())
        }
    };
    let stored =
        StoredMessage { version: VERSION, message: message.clone(), signed: decrypted.signed, length, sha256, body };
    match replica.put(&id, None, serde_json::to_vec(&stored)?).await {
        // A synchronisation brought it from another device at the same time.
        Ok(_) | Err(StoreError::Stale { .. } | StoreError::Conflicted { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn store_blob(blobs: &Blobs, id: &str, content: &[u8]) -> Result<(), BlobError> {
    let address = BlobAddress::new(BLOB_NAMESPACE, id)?;
    match blobs.put(&address, content.len() as u64, content, PutAs::Upload).await {
        // From an earlier attempt, or stored at the server by another device.
        Err(BlobError::Store(BlobStoreError::Exists(_))) => Ok(()),
        outcome => outcome,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digest is that of `printf m-1 | sha256sum`.
    #[test]
    fn document_ids_depend_only_on_message_ids() {
        let id = StoredMessage::document_id(&"m-1".parse().unwrap());
        assert_eq!(id.as_str(), "M-a461b472cb41a9ec3dee5c90cf8e4a78252c9d82319adf75830031b8c309bfc6");
    }
}
