//! The blobs of one user as the database has them. Each method is one transaction; none touches a content but the small ones.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::backend::ObjectName;
use super::bundle::Found;
use super::deletions::{self, Moment, Since};
use super::keep::Keeping;
use super::records::{self, Filter, Name, Objects, Record};
use super::small;
use super::turns::Turns;
use super::uploads::{self, Announced, Entered, Reservation, Trace, Upload};
use crate::protocol::{BlobCount, BlobEntry, BlobFlags, BlobId, Namespace};
use crate::server::clock::now;
use crate::server::conditions::Conditions;
use crate::server::refusal::Refusal;
use crate::store::Database;

/// What came under a name that was deleted since it began to come, or whose upload was given up.
pub(super) const GONE: Refusal =
    Refusal::NotFound("the blob was deleted, or its upload given up, meanwhile: send it anew");

/// There is none.
pub(super) const NO_BLOB: Refusal = Refusal::NotFound("there is no such blob");

/// What a deletion removed.
pub(super) struct Removed {
    /// Whether the blob was there.
    pub(super) was_there: bool,
    /// Contents that nothing names any more, and that may still be being written.
    pub(super) contents: Vec<ObjectName>,
}

/// The blobs of one user.
pub(in crate::server) struct Shelf {
    database: Arc<Database>,
    user: i64,
    writes: Arc<Semaphore>,
    turns: Turns,
}

impl Shelf {
    /// The blobs in a user's database, of which so many may be received at once.
    pub(in crate::server) fn new(database: Arc<Database>, user: i64, writes: usize) -> Self {
        Self { database, user, writes: Arc::new(Semaphore::new(writes)), turns: Turns::default() }
    }

    /// The user's number.
    pub(super) fn user(&self) -> i64 {
        self.user
    }

    /// The user's leaves to send blobs.
    pub(super) fn writes(&self) -> &Arc<Semaphore> {
        &self.writes
    }

    /// Whose turn it is.
    pub(super) fn turns(&self) -> &Turns {
        &self.turns
    }

    /// The blob of this name, if it is whole.
    pub(super) async fn find(&self, name: &Name) -> Result<Option<Record>, Refusal> {
        let (user, name) = (self.user, name.clone());
        self.database.read(move |connection| Ok(records::find(connection, user, &name)?)).await
    }

    /// The blob of this name, if it is whole, and this moment, from which on another may come under its name.
    pub(super) async fn find_now(&self, name: &Name) -> Result<(Option<Record>, Moment), Refusal> {
        let (user, name) = (self.user, name.clone());
        self.database
            .read(move |connection| Ok((records::find(connection, user, &name)?, deletions::now(connection, user)?)))
            .await
    }

    /// This moment, from which on blobs may come.
    pub(super) async fn now(&self) -> Result<Moment, Refusal> {
        let user = self.user;
        self.database.read(move |connection| Ok(deletions::now(connection, user)?)).await
    }

    /// The blob of this name, if it is whole, and its content, if the database keeps that.
    pub(super) async fn open(&self, name: &Name) -> Result<Option<(Record, Option<Bytes>)>, Refusal> {
        let (user, name) = (self.user, name.clone());
        self.database
            .read(move |connection| {
                let Some(record) = records::find(connection, user, &name)? else { return Ok(None) };
                let content = small::find(connection, record.object)?;
                Ok(Some((record, content)))
            })
            .await
    }

    /// The blobs of these names, in this order, those that have more than `each` bytes without content; up to `all` bytes
    /// together, and nothing of those behind.
    pub(super) async fn find_bundle(
        &self,
        namespace: Namespace,
        ids: Vec<BlobId>,
        each: usize,
        all: usize,
    ) -> Result<Vec<Found>, Refusal> {
        let user = self.user;
        self.database
            .read(move |connection| {
                let (mut found, mut bytes) = (Vec::with_capacity(ids.len()), 0);
                for id in ids {
                    let name = Name { namespace: namespace.clone(), id };
                    let Some(record) = records::find(connection, user, &name)? else {
                        found.push(Found::Absent(name.id));
                        continue;
                    };
                    if record.entry.length > each as u64 {
                        found.push(Found::Alone(name.id));
                        continue;
                    }
                    bytes += record.entry.length as usize;
                    if bytes > all {
                        break;
                    }
                    let content = small::find(connection, record.object)?;
                    found.push(Found::Blob(record, content));
                }
                Ok(found)
            })
            .await
    }

    /// The first `limit` blobs after the id `after`.
    pub(super) async fn list(
        &self,
        namespace: Namespace,
        filter: Filter,
        after: String,
        limit: usize,
    ) -> Result<Vec<BlobEntry>, Refusal> {
        let user = self.user;
        let read = move |connection: &_| Ok(records::list(connection, user, &namespace, &filter, &after, limit)?);
        self.database.read(read).await
    }

    /// How many blobs there are.
    pub(super) async fn count(&self, namespace: Namespace, filter: Filter) -> Result<BlobCount, Refusal> {
        let user = self.user;
        self.database.read(move |connection| Ok(records::count(connection, user, &namespace, &filter)?)).await
    }

    /// Bytes that the user stores, uploads under way included.
    pub(super) async fn usage(&self) -> Result<u64, Refusal> {
        let user = self.user;
        self.database.read(move |connection| Ok(records::usage(connection, user)?)).await
    }

    /// Removes a blob, if it is what the conditions say, and ends all that began to come under its name.
    pub(super) async fn remove(&self, name: Name, conditions: Conditions) -> Result<Removed, Refusal> {
        let user = self.user;
        self.database
            .write(move |connection| {
                let record = matching(records::find(connection, user, &name)?, &conditions)?;
                let mut contents = uploads::remove_named(connection, user, &name)?;
                deletions::note(connection, user, &name)?;
                if let Some(record) = &record {
                    let small = small::is_here(connection, record.object)?;
                    records::remove(connection, user, &name)?;
                    contents.extend((!small).then_some(record.object));
                }
                Ok(Removed { was_there: record.is_some(), contents })
            })
            .await
    }

    /// Replaces the flags of a blob, if it is what the conditions say.
    pub(super) async fn set_flags(&self, name: Name, flags: BlobFlags, conditions: Conditions) -> Result<(), Refusal> {
        let user = self.user;
        self.database
            .write(move |connection| {
                expected(records::find(connection, user, &name)?, &conditions)?;
                Ok(records::set_flags(connection, user, &name, flags)?)
            })
            .await
    }

    /// Begins an upload, whose request began at a moment, and reserves its length. One that may be gone on with replaces
    /// another under its name, whose content is answered.
    pub(super) async fn reserve(
        &self,
        upload: Upload,
        resumable: bool,
        quota: u64,
        begun: Moment,
    ) -> Result<Option<ObjectName>, Refusal> {
        let user = self.user;
        self.database
            .write(move |connection| {
                match deletions::since(connection, user, &upload.announced.name, begun)? {
                    Since::Others => {}
                    Since::This => return Err(GONE),
                    Since::TooMany => return Err(Refusal::Busy),
                }
                let replaced = match resumable {
                    true => uploads::find(connection, user, &upload.announced.name)?.map(|upload| upload.object),
                    false => None,
                };
                if let Some(object) = replaced {
                    uploads::remove(connection, object)?;
                }
                if !uploads::fits(connection, user, upload.announced.length, quota)? {
                    return Err(Refusal::QuotaExceeded);
                }
                uploads::insert(connection, &upload, resumable)?;
                Ok(replaced)
            })
            .await
    }

    /// The upload under this name that may still be gone on with.
    pub(super) async fn upload(&self, name: &Name) -> Result<Option<Upload>, Refusal> {
        let (user, name) = (self.user, name.clone());
        let upload: Option<Upload> =
            self.database.read(move |connection| Ok::<_, Refusal>(uploads::find(connection, user, &name)?)).await?;
        Ok(upload.filter(|upload| now() < upload.expires))
    }

    /// Says which process writes an upload from now on.
    pub(super) async fn take(&self, object: ObjectName, writer: u64) -> Result<(), Refusal> {
        self.database.write(move |connection| Ok(uploads::take(connection, object, writer)?)).await
    }

    /// Notes how much of an upload is durable, and lets go of it where `done`.
    ///
    /// # Errors
    /// [`GONE`] where the upload has ended. A writer that lives is the only one, so it was given to no other.
    pub(super) async fn advance(&self, upload: &Upload, writer: u64, done: bool) -> Result<(), Refusal> {
        let (object, offset, expires) = (upload.object, upload.offset, upload.expires);
        let advance = move |connection: &_| uploads::advance(connection, object, writer, offset, expires, done);
        let advanced = self.database.write(advance).await?;
        if advanced { Ok(()) } else { Err(GONE) }
    }

    /// Ends an upload.
    pub(super) async fn give_up(&self, object: ObjectName) -> Result<bool, Refusal> {
        self.database.write(move |connection| Ok(uploads::remove(connection, object)?)).await
    }

    /// Makes a blob of a content that is durable and verified; see [`uploads::enter`].
    pub(super) async fn enter(
        &self,
        object: ObjectName,
        announced: Announced,
        reservation: Reservation,
    ) -> Result<(Entered, Vec<ObjectName>), Refusal> {
        self.database
            .write(move |connection| Ok(uploads::enter(connection, object, &announced, reservation, now())?))
            .await
    }

    /// Makes blobs of contents that are verified and began to come at a moment, each as [`Self::enter`] does, all in one
    /// transaction.
    pub(super) async fn keep(
        &self,
        blobs: Vec<Keeping>,
        quota: u64,
        begun: Moment,
    ) -> Result<Vec<(Entered, Vec<ObjectName>)>, Refusal> {
        self.database
            .write(move |connection| {
                let mut outcomes = Vec::with_capacity(blobs.len());
                for Keeping { object, announced, content } in &blobs {
                    let reservation = Reservation::None { quota, begun };
                    let outcome = uploads::enter(connection, *object, announced, reservation, now())?;
                    if let (Entered::New(_), Some(content)) = (&outcome.0, content) {
                        small::insert(connection, *object, content)?;
                    }
                    outcomes.push(outcome);
                }
                Ok(outcomes)
            })
            .await
    }

    /// Ends the uploads that nobody can or will go on with; see [`uploads::remove_lost`].
    pub(super) async fn remove_lost(
        &self,
        is_written: impl Fn(Trace) -> bool + Send + 'static,
    ) -> Result<Vec<ObjectName>, Refusal> {
        let user = self.user;
        self.database.write(move |connection| Ok(uploads::remove_lost(connection, user, now(), is_written)?)).await
    }

    /// The contents that the database knows.
    pub(super) async fn objects(&self) -> Result<Objects, Refusal> {
        let user = self.user;
        self.database.read(move |connection| Ok(records::objects(connection, user)?)).await
    }
}

/// The blob, if it is there and what `If-Match` names.
fn expected(record: Option<Record>, conditions: &Conditions) -> Result<Record, Refusal> {
    matching(record, conditions)?.ok_or(NO_BLOB)
}

/// The blob or its absence, if that is what `If-Match` names.
fn matching(record: Option<Record>, conditions: &Conditions) -> Result<Option<Record>, Refusal> {
    match conditions.matches(record.as_ref().map(Record::tag).as_deref()) {
        true => Ok(record),
        false => Err(Refusal::PreconditionFailed),
    }
}
