//! The documents of a case, and what proves that they are all there. It must never ask the replica under test for what
//! ought to be in it.

use std::error::Error;

use benchline_engine::crypto::DOCUMENT_LIMIT;
use benchline_engine::document::DocumentId;
use benchline_engine::store::{Put, Replica};

use super::Setting;
use super::contents::ContentsDigest;
use crate::contract::Value;
use crate::error::SubjectError;
use crate::parameters::{Parameters, unknown};

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
    pub(super) fn read(setting: &Setting<'_>, mut parameters: Parameters<'_>) -> Result<Self, SubjectError> {
        let wanted = "at most a million, and 4 GiB together";
        let count = parameters.count("documents", wanted)?;
        let limit = DOCUMENT_LIMIT as u64;
        let size = match parameters.value("size") {
            Some(Value::Count(size)) if *size <= limit => Some(*size),
            Some(Value::Text(word)) if word == "mail" => None,
            Some(Value::Text(word)) => return Err(unknown("word for `size`", word, ["mail"])),
            _ => return Err(parameters.missing("size", "bytes of a document, at most 8 MiB, or the word `mail`")),
        };
        if count > COUNT_LIMIT || count.saturating_mul(size.unwrap_or(0)) > TOTAL_LIMIT {
            return Err(parameters.missing("documents", wanted));
        }
        parameters.finish()?;
        let document = |index| {
            let size = size.unwrap_or_else(|| setting.payload.mail_size(index, limit));
            let id = format!("D-{index:08}").parse().map_err(SubjectError::engine("naming a document"))?;
            Ok((id, setting.payload.document(index, size as usize)))
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

    /// Bytes of all contents.
    pub(super) fn bytes(&self) -> u64 {
        self.list.iter().map(|(_, content)| content.len() as u64).sum()
    }

    /// A copy to be given away.
    pub(super) fn to_vec(&self) -> Vec<(DocumentId, Vec<u8>)> {
        self.list.clone()
    }

    /// Stores them all, off the clock.
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
/// When the replica cannot be read, or has a conflict, which no case here may leave behind.
pub(super) async fn digest(replica: &Replica) -> Result<String, SubjectError> {
    let reading = SubjectError::engine::<Box<dyn Error + Send + Sync>>("reading the documents back");
    let mut digest = ContentsDigest::new();
    let mut last = None;
    loop {
        let page = replica.list("", last.as_ref(), PAGE).await.map_err(|error| reading(error.into()))?;
        let Some(entry) = page.last() else { return Ok(digest.finish()) };
        last = Some(entry.id.clone());
        for entry in page {
            let document = replica.get(&entry.id).await.map_err(|error| reading(error.into()))?;
            let content = document.and_then(|document| document.content);
            let Some(content) = content.filter(|_| entry.conflicts == 0) else {
                return Err(reading(format!("document {} is in conflict, or gone", entry.id).into()));
            };
            digest.add(entry.id.as_str(), &content);
        }
    }
}
