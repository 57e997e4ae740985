//! The extractors of addresses: [`Address`] for the path, [`Params`] for the query. Both yield the typed values of `names`
//! and `choices`, or reject the request with an error that says what would be right.

use axum::{
    extract::{
        FromRequestParts, Path, Query,
        path::ErrorKind,
        rejection::{PathRejection, QueryRejection},
    },
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use super::error::PageError;

/// What the path of an address names.
#[derive(Debug)]
pub(crate) struct Address<T>(pub(crate) T);

/// What the query of an address asks for. The type refuses parameters that it does not know.
#[derive(Debug)]
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Address<T> {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Address<T>, PageError> {
        let Path(path) = Path::from_request_parts(parts, state).await?;
        Ok(Address(path))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Params<T> {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Params<T>, PageError> {
        let Query(params) = Query::from_request_parts(parts, state).await?;
        Ok(Params(params))
    }
}

impl From<PathRejection> for PageError {
    fn from(rejection: PathRejection) -> PageError {
        let PathRejection::FailedToDeserializePathParams(error) = rejection else {
            return PageError::internal(&rejection);
        };
        PageError::Bad(match error.into_kind() {
            // What a parameter's own type says.
            ErrorKind::Message(what) => what,
            ErrorKind::DeserializeError { message, .. } => message,
            other => other.to_string(),
        })
    }
}

impl From<QueryRejection> for PageError {
    fn from(rejection: QueryRejection) -> PageError {
        // The cause names the parameter and what would be right for it; the rejection itself only adds that it is a query.
        let cause = std::error::Error::source(&rejection).map(ToString::to_string);
        PageError::Bad(cause.unwrap_or_else(|| rejection.body_text()))
    }
}
