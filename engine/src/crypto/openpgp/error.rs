//! Errors of OpenPGP keys and messages. Error messages must never contain content, a user id or key material.

use thiserror::Error;

/// Why a key or a message could not be used. Both come from outside: any input gives at most one of these errors.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenPgpError {
    /// The bytes are too long.
    #[error("the {what} is longer than {limit} bytes")]
    TooLong {
        /// The input or output.
        what: &'static str,
        /// Most bytes allowed.
        limit: usize,
    },
    /// The bytes are not OpenPGP packets, or not those of the expected kind.
    #[error("not an OpenPGP {what}: {why}")]
    Malformed {
        /// What was expected.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The message, or a part of it that must be, is not encrypted with integrity protection.
    #[error(
        "the message is not encrypted to a public key with integrity protection (SEIPD); only such messages are decrypted"
    )]
    NotProtected,
    /// The message is not encrypted to this key, or its session key cannot be decrypted.
    #[error("the message is not encrypted to this key")]
    AnotherKey,
    /// The encrypted part was altered, or its session key is wrong.
    #[error("the message failed verification: it was altered, truncated, or encrypted incorrectly")]
    Unverified,
    /// Messages cannot be encrypted to the key now.
    #[error("the key cannot be used for encryption: {why}")]
    Unusable {
        /// Why it cannot.
        why: &'static str,
    },
    /// The OpenPGP library failed on input that was checked before.
    #[error("the OpenPGP library failed to {what}")]
    Library {
        /// The operation.
        what: &'static str,
    },
}
