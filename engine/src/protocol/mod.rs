//! What a client and a server say to each other, as `docs/PROTOCOL.md` explains it: streams of binary frames for
//! documents, JSON for the rest, problem details for failures. Everything from the wire is bounded and validated here;
//! this room must never send, receive or store anything itself.

mod blob;
mod frame;
mod incoming;
mod message;
mod problem;
mod user;

pub use blob::{
    BlobCount, BlobDigest, BlobEntry, BlobFlag, BlobFlags, BlobId, BlobList, BlobUsage, FlagSet, InvalidBlobDigest,
    InvalidBlobName, InvalidFlag, Namespace,
};
pub use frame::{
    BATCH_BYTES, BATCH_DOCUMENTS, Commit, Decoder, Frame, FrameError, MAX_SEALED, PREAMBLE, SealedDocument,
    encode_commit, encode_document, encode_end, encoded_length,
};
pub use incoming::{
    InvalidMessageId, Lease, LeaseList, MAX_LEASES, MAX_OPENPGP_KEY, MessageEntry, MessageId, MessageList,
    MessageState, Outcome, RegisteredKey, SetState,
};
pub use message::{Acknowledgement, Note, PushLine, SyncInfo};
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
