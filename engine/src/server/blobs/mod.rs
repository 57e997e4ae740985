//! Blobs. The database records which blobs exist, for whom, under which name and with which digest. A backend stores their
//! contents under names of its own, except small ones, which the database stores itself. A blob becomes visible when its row
//! is committed; by then its content is complete, durable and verified.
//!
//! Read `backend` first, then `put`, `upload` and `appender` (how a blob is uploaded), `store` (how a content becomes a
//! blob), `bundle`, `download`, `sweep`; `blob_records`, `small_contents`, `upload_records` and `deletions` are the SQL.

mod appender;
mod backend;
mod blob_records;
pub(super) mod bundle;
pub(super) mod change;
pub(super) mod deletions;
pub(super) mod download;
mod files_backend;
mod headers;
pub(super) mod list;
mod object_store_backend;
pub(super) mod put;
mod range;
pub(super) mod schema;
mod service;
pub(super) mod small_contents;
mod store;
mod sweep;
mod temporary_files;
pub(super) mod upload;
mod upload_locks;
mod upload_records;
mod user_blobs;

pub use backend::{Backend, BackendError, BackendFuture, Content, ObjectName, Start, Writer};
pub(super) use blob_records::{BlobName, StoredContent, bytes, object};
pub use files_backend::FilesBackend;
pub(super) use files_backend::{list as list_contents, path_of as path_of_content};
pub(super) use headers::number;
pub use object_store_backend::ObjectStoreBackend;
pub(super) use service::BlobService;
pub(super) use sweep::sweep_periodically;
pub use sweep::{Sweep, SweepReport};
pub(super) use upload_records::fits;
pub(super) use user_blobs::UserBlobs;
