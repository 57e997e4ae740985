//! `sync/metadata`: an empty replica first fetches the list of an account's documents, then what they say. The counter
//! `first_result` is the time until the list is complete and read, the wall time that until everything is there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use benchline_engine::client::SyncClient;
use benchline_engine::document::DocumentId;
use benchline_engine::store::Replica;

use super::client::counters;
use super::receiving;
use crate::clock::nanoseconds;
use crate::error::SubjectError;
use crate::operations::documents;
use crate::operations::roles::{Client, Setup};
use crate::parameters::Parameters;

pub(crate) fn prepare(setup: &Setup<'_>, parameters: Parameters<'_>) -> Result<Box<dyn Client>, SubjectError> {
    receiving::prepare(setup, parameters, |client, replica, began| Box::pin(list_then_contents(client, replica, began)))
}

async fn list_then_contents(
    client: Arc<SyncClient>,
    replica: Replica,
    began: Instant,
) -> Result<BTreeMap<String, u64>, SubjectError> {
    let headers = client.sync_metadata(&replica).await.map_err(SubjectError::engine("fetching the list"))?;
    let ids: Vec<DocumentId> = documents::list(&replica).await?.into_iter().map(|entry| entry.id).collect();
    let first_result = began.elapsed();
    let contents =
        client.fetch_contents(&replica, &ids).await.map_err(SubjectError::engine("fetching the contents"))?;
    let mut counted = counters([&headers, &contents]);
    counted.insert("first_result".to_owned(), nanoseconds(first_result));
    Ok(counted)
}
