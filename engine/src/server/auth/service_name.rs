//! Names of mail services.

use std::fmt;
use std::str::FromStr;

use crate::protocol::UserName;

/// The name under which the operator knows a service's token, with the same syntax as a user's name. To replace a token
/// without downtime, create one under a second name and then revoke the first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName(String);

/// The text is not a valid service name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a service name has 1 to 64 of the characters a-z 0-9 . _ - and begins with a letter or digit")]
pub struct InvalidServiceName;

impl ServiceName {
    /// A name that the database stored.
    pub(super) fn stored(name: String) -> Self {
        Self(name)
    }

    /// The name as text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServiceName {
    type Err = InvalidServiceName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<UserName>().map(|name| Self(name.as_str().to_owned())).map_err(|_| InvalidServiceName)
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
