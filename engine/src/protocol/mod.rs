//! The protocol between clients and servers, as `docs/PROTOCOL.md` specifies it: streams of binary frames for documents, JSON for
//! the rest, problem details for errors. All input is bounded and validated here. This room must never send, receive or store
//! anything itself.

mod blob;
mod bundle;
mod frame;
mod incoming;
mod message;
mod problem;
mod user;

pub use blob::{
    BlobCount, BlobDigest, BlobEntry, BlobFlag, BlobFlags, BlobId, BlobList, BlobUsage, FlagSet, InvalidBlobDigest,
    InvalidBlobName, InvalidFlag, Namespace,
};
pub use bundle::{
    BUNDLE, BUNDLE_BLOBS, BUNDLE_BYTES, BUNDLE_LIMIT, BUNDLED_BYTES, BundleDecoder, BundleError, BundleItem,
    BundleWanted, Bundled, BundledBlob, encode_item,
};
pub use frame::{
    BATCH_BYTES, BATCH_DOCUMENTS, Commit, Decoder, Frame, FrameError, LABEL, MAX_SEALED, PREAMBLE, SealedDocument,
    encode_commit, encode_document, encode_end, encode_header, encoded_length,
};
pub use incoming::{
    InvalidMessageId, Lease, LeaseList, MAX_LEASES, MAX_OPENPGP_KEY, MessageEntry, MessageId, MessageList,
    MessageState, Outcome, RegisteredKey, SetState,
};
pub use message::{
    Acknowledgement, Contents, KnownReplica, KnownReplicas, MAX_WANTED, Note, PURGE_LIMIT, PurgeAnswer, PurgeRequest,
    PushLine, SyncInfo, Tombstone, WantedContents,
};
pub use problem::{Problem, ProblemKind};
pub use user::{InvalidUserName, UserName};

/// Media type of a stream of frames.
pub const FRAMES: &str = "application/vnd.benchline.documents";

/// Media type of a stream of JSON values, one a line.
pub const LINES: &str = "application/jsonl";

/// Media type of a part of a blob that is appended to an upload.
pub const PARTIAL_UPLOAD: &str = "application/partial-upload";

/// Most bytes of a recovery document.
pub const MAX_RECOVERY: usize = 16 << 10;
