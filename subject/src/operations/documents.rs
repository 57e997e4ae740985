//! The documents of a case, and the digest that proves that they are all there. It must never ask the replica under test for
//! the expected content.

use std::collections::BTreeMap;
use std::error::Error;

use benchline_contract::Value;
use benchline_engine::crypto::DOCUMENT_LIMIT;
use benchline_engine::document::{Document, DocumentId, Revision};
use benchline_engine::store::{Entry, Put, Replica};

use super::digest::ContentsDigest;
use super::roles::Setup;
use crate::error::SubjectError;
use crate::parameters::{Parameters, unknown};
use crate::payload::Payload;

/// Most documents of a case.
const COUNT_LIMIT: u64 = 1_000_000;
/// Most bytes of all documents of a case.
const TOTAL_LIMIT: u64 = 4 << 30;
/// Documents that are stored in one go where it is not measured, or read in one list.
const PAGE: usize = 500;

/// Ready-made documents, sorted by id.
#[derive(Clone)]
pub(super) struct Documents {
    list: Vec<(DocumentId, Vec<u8>)>,
}

impl Documents {
    /// Makes the documents that the parameters `documents` and `size` ask for.
    pub(super) fn read(setup: &Setup<'_>, mut parameters: Parameters<'_>) -> Result<Self, SubjectError> {
        let wanted = "at most a million, and 4 GiB together";
        let count = parameters.count("documents", wanted)?;
        let limit = DOCUMENT_LIMIT as u64;
        let size = match parameters.value("size") {
            Some(Value::Count(size)) if *size <= limit => Some(*size),
            Some(Value::Text(word)) if word == "mail" => None,
            Some(Value::Text(word)) => return Err(unknown("word for `size`", word, ["mail"])),
            _ => return Err(parameters.invalid("size", "bytes of a document, at most 8 MiB, or the word `mail`")),
        };
        if count > COUNT_LIMIT || count.saturating_mul(size.unwrap_or(0)) > TOTAL_LIMIT {
            return Err(parameters.invalid("documents", wanted));
        }
        parameters.finish()?;
        let document = |index| {
            let size = size.unwrap_or_else(|| setup.payload.mail_size(index, limit));
            let id = format!("D-{index:08}").parse().map_err(SubjectError::engine("naming a document"))?;
            Ok((id, setup.payload.document(index, size as usize)))
        };
        Ok(Self { list: (0..count).map(document).collect::<Result<_, SubjectError>>()? })
    }

    /// These, which are sorted by id.
    pub(super) fn of(list: Vec<(DocumentId, Vec<u8>)>) -> Self {
        Self { list }
    }

    /// How many.
    pub(super) fn count(&self) -> u64 {
        self.list.len() as u64
    }

    /// Their ids.
    pub(super) fn ids(&self) -> Vec<DocumentId> {
        self.list.iter().map(|(id, _)| id.clone()).collect()
    }

    /// Bytes of all contents.
    pub(super) fn bytes(&self) -> u64 {
        self.list.iter().map(|(_, content)| content.len() as u64).sum()
    }

    /// A copy of the list.
    pub(super) fn to_vec(&self) -> Vec<(DocumentId, Vec<u8>)> {
        self.list.clone()
    }

    /// The same documents with other contents of the same lengths: document number i has the payload of index
    /// i + `turn` × the number of documents.
    pub(super) fn edited(&self, payload: Payload, turn: u64) -> Self {
        let offset = turn * self.count();
        let edit = |(index, (id, content)): (u64, &(DocumentId, Vec<u8>))| {
            (id.clone(), payload.document(offset + index, content.len()))
        };
        Self { list: (0..).zip(&self.list).map(edit).collect() }
    }

    /// Replaces their contents in the replica, untimed.
    pub(super) async fn overwrite(self, replica: &Replica) -> Result<(), SubjectError> {
        let seen = list(replica).await?.into_iter().map(|entry| (entry.id, entry.revision));
        let seen: BTreeMap<DocumentId, Revision> = seen.collect();
        let put = |(id, content)| Put { replaces: seen.get(&id).cloned(), id, content };
        let puts = self.list.into_iter().map(put).collect();
        replica.put_many(puts).await.map(drop).map_err(SubjectError::engine("editing the documents"))
    }

    /// Stores them all, untimed.
    pub(super) async fn fill(self, replica: &Replica) -> Result<(), SubjectError> {
        let mut left = self.list.into_iter();
        loop {
            let page = left.by_ref().take(PAGE);
            let puts: Vec<_> = page.map(|(id, content)| Put { id, replaces: None, content }).collect();
            if puts.is_empty() {
                return Ok(());
            }
            replica.put_many(puts).await.map_err(SubjectError::engine("filling the replica"))?;
        }
    }
}

/// The [`ContentsDigest`] of a replica's documents.
///
/// # Errors
/// When the replica cannot be read, or has a conflict, which this must not pass over.
pub(super) async fn digest(replica: &Replica) -> Result<String, SubjectError> {
    let mut digest = ContentsDigest::new();
    for entry in list(replica).await? {
        let document = replica.get(&entry.id).await.map_err(|error| reading(error.into()))?;
        let content = document.and_then(|document| document.content);
        let Some(content) = content.filter(|_| entry.conflicts == 0) else {
            return Err(reading(format!("document {} is in conflict, or gone", entry.id).into()));
        };
        digest.add(entry.id.as_str(), &content);
    }
    Ok(digest.finish())
}

/// The [`ContentsDigest`] of all versions of the documents of replicas that must agree, replica after replica; the
/// versions of a document are sorted by what they say.
///
/// # Errors
/// When a replica cannot be read, or two of them do not hold the same versions.
pub(super) async fn digest_of_versions(replicas: [&Replica; 2]) -> Result<String, SubjectError> {
    let [first, second] = [versions(replicas[0]).await?, versions(replicas[1]).await?];
    if first != second {
        return Err(reading("the replicas do not hold the same versions".into()));
    }
    let mut digest = ContentsDigest::new();
    for mut versions in first.into_iter().chain(second) {
        versions.sort_by(|one, other| one.content.cmp(&other.content));
        versions
            .iter()
            .for_each(|version| digest.add(version.id.as_str(), version.content.as_deref().unwrap_or_default()));
    }
    Ok(digest.finish())
}

/// All versions of each document, the current one first.
async fn versions(replica: &Replica) -> Result<Vec<Vec<Document>>, SubjectError> {
    let mut all = Vec::new();
    for Entry { id, .. } in list(replica).await? {
        let current = replica.get(&id).await.map_err(|error| reading(error.into()))?;
        let mut conflicts = replica.conflicts(&id).await.map_err(|error| reading(error.into()))?;
        conflicts.sort_by_cached_key(|version| version.revision.to_string());
        all.push(current.into_iter().chain(conflicts).collect());
    }
    Ok(all)
}

/// The whole list of a replica's documents, sorted by id.
pub(super) async fn list(replica: &Replica) -> Result<Vec<Entry>, SubjectError> {
    let mut all: Vec<Entry> = Vec::new();
    loop {
        let last = all.last().map(|entry| entry.id.clone());
        let page = replica.list("", last.as_ref(), PAGE).await.map_err(|error| reading(error.into()))?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

fn reading(error: Box<dyn Error + Send + Sync>) -> SubjectError {
    SubjectError::engine("reading the documents back")(error)
}
