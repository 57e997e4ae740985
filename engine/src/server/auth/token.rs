//! Tokens and their hashes. A token is looked up by its hash, so the timing of a lookup reveals nothing to somebody who
//! guesses tokens.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use zeroize::Zeroizing;

use crate::server::clock::now;
use crate::store::DatabaseError;

/// The SHA-256 of a token.
pub(super) type TokenHash = [u8; 32];

/// A secret of 256 random bits that authenticates a user or a mail service.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// The secret.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A new token that begins with `prefix`.
    pub(super) fn generate(prefix: &str) -> Result<Self, DatabaseError> {
        let mut bytes = Zeroizing::new([0; 32]);
        aws_lc_rs::rand::fill(bytes.as_mut()).map_err(|_| DatabaseError::Io {
            what: "no random bytes are available",
            source: std::io::Error::other("the system's random number generator failed"),
        })?;
        let mut text = Zeroizing::new(prefix.to_owned());
        bytes.iter().for_each(|byte| text.push_str(&format!("{byte:02x}")));
        Ok(Self(text))
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The hash under which a token is stored.
pub(super) fn hash(token: &str) -> TokenHash {
    let mut hash = TokenHash::default();
    hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    hash
}

/// When a token expires that is valid for `lifetime` from now, in seconds since 1970.
pub(super) fn expiry(lifetime: Duration) -> i64 {
    now().saturating_add(i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX))
}
