//! Lists of blobs in pages, counts of blobs, and the use of the quota.

use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use serde::Deserialize;

use super::blob_records::BlobFilter;
use crate::protocol::{BlobCount, BlobId, BlobList, BlobUsage};
use crate::server::caller::{Caller, PathNamespace, malformed};
use crate::server::refusal::Refusal;

/// Most blobs of a page, which is also the default.
const PAGE: usize = 1000;

/// The blobs that a query selects.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::server) struct ListQuery {
    flags: String,
    prefix: String,
    since: i64,
    after: String,
    limit: usize,
}

impl Default for ListQuery {
    fn default() -> Self {
        Self { flags: String::new(), prefix: String::new(), since: 0, after: String::new(), limit: PAGE }
    }
}

impl ListQuery {
    fn filter(&self) -> Result<BlobFilter, Refusal> {
        for id in [&self.prefix, &self.after].into_iter().filter(|id| !id.is_empty()) {
            id.parse::<BlobId>().map_err(malformed)?;
        }
        Ok(BlobFilter { flags: self.flags.parse().map_err(malformed)?, prefix: self.prefix.clone(), since: self.since })
    }
}

/// `GET /v1/users/{user}/blobs/{namespace}`.
pub(in crate::server) async fn list(
    caller: Caller,
    PathNamespace(namespace): PathNamespace,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<BlobList>, Refusal> {
    let Query(query) = query.map_err(malformed)?;
    let filter = query.filter()?;
    if !(1..=PAGE).contains(&query.limit) {
        return Err(Refusal::Malformed(format!("limit must be 1 to {PAGE}")));
    }
    let mut blobs = caller.store.blobs().list(namespace, filter, query.after, query.limit + 1).await?;
    let more = blobs.len() > query.limit;
    blobs.truncate(query.limit);
    let next = blobs.last().filter(|_| more).map(|last| last.id.clone());
    Ok(Json(BlobList { blobs, next }))
}

/// `GET /v1/users/{user}/blob-counts/{namespace}`.
pub(in crate::server) async fn count(
    caller: Caller,
    PathNamespace(namespace): PathNamespace,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<BlobCount>, Refusal> {
    let Query(query) = query.map_err(malformed)?;
    Ok(Json(caller.store.blobs().count(namespace, query.filter()?).await?))
}

/// `GET /v1/users/{user}/blobs`.
pub(in crate::server) async fn usage(caller: Caller) -> Result<Json<BlobUsage>, Refusal> {
    Ok(Json(BlobUsage { used: caller.store.blobs().usage().await?, quota: caller.quota }))
}
