//! The blobs of one user as the database has them. Each method is one transaction; none touches a content.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::backend::ObjectName;
use super::records::{self, Filter, Name, Objects, Record};
use super::turns::Turns;
use super::uploads::{self, Announced, Entered, Reservation, Trace, Upload};
use crate::protocol::{BlobCount, BlobEntry, BlobFlags, Namespace};
use crate::server::clock::now;
use crate::server::conditions::Conditions;
use crate::server::refusal::Refusal;
use crate::store::Database;

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

    /// Removes a blob, if it is what the conditions say, and answers where its content is.
    pub(super) async fn remove(&self, name: Name, conditions: Conditions) -> Result<ObjectName, Refusal> {
        let user = self.user;
        self.database
            .write(move |connection| {
                let record = expected(records::find(connection, user, &name)?, &conditions)?;
                records::remove(connection, user, &name)?;
                Ok(record.object)
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

    /// Begins an upload and reserves its length. One that may be gone on with replaces another under its name, whose
    /// content is answered.
    pub(super) async fn reserve(
        &self,
        upload: Upload,
        resumable: bool,
        quota: u64,
    ) -> Result<Option<ObjectName>, Refusal> {
        let user = self.user;
        self.database
            .write(move |connection| {
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
    /// [`Refusal::NotFound`] where the upload was given up, or given to another writer.
    pub(super) async fn advance(&self, upload: &Upload, writer: u64, done: bool) -> Result<(), Refusal> {
        let (object, offset, expires) = (upload.object, upload.offset, upload.expires);
        let advance = move |connection: &_| uploads::advance(connection, object, writer, offset, expires, done);
        let advanced = self.database.write(advance).await?;
        if advanced { Ok(()) } else { Err(Refusal::NotFound("the upload was given up meanwhile")) }
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
    if !conditions.matches(record.as_ref().map(Record::tag).as_deref()) {
        return Err(Refusal::PreconditionFailed);
    }
    record.ok_or(Refusal::NotFound("there is no such blob"))
}
