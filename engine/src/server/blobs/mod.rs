//! Blobs. The database says what exists, for whom, under which name and with which digest; a backend keeps contents under
//! names of its own, but for small ones, which the database keeps itself. A blob is visible from the moment its row is committed, when its content is whole, durable and
//! verified; never before, and never in part.
//!
//! Read `backend` first, then `put` and `resume` (how a blob comes), `keep` (what becomes of small ones), `bundle`, `download`,
//! `sweep`; `records`, `small`, `uploads` and `deletions` are the SQL.

mod backend;
pub(super) mod bundle;
pub(super) mod change;
pub(super) mod deletions;
pub(super) mod download;
mod fields;
mod files;
mod keep;
mod keeper;
pub(super) mod list;
mod objects;
pub(super) mod put;
mod range;
mod records;
pub(super) mod resume;
mod schema;
mod shelf;
pub(super) mod small;
mod source;
mod staged;
mod sweep;
mod turns;
mod uploads;

pub use backend::{Backend, BackendError, Content, Doing, ObjectName, Start, Writer};
pub(super) use fields::number;
pub use files::FilesBackend;
pub(super) use files::{list as list_contents, path_of as path_of_content};
pub(super) use keeper::Blobs;
pub use objects::ObjectStoreBackend;
pub(super) use put::check_quota;
pub(super) use records::{Name, Stored, bytes, object};
pub(super) use schema::{TABLES, TABLES_BY_USER};
pub(super) use shelf::Shelf;
pub(super) use source::Source;
pub(super) use sweep::keep_swept;
pub use sweep::{Sweep, SweepReport};
pub(super) use uploads::fits;
