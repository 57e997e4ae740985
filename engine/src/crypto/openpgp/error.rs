//! Why OpenPGP bytes were refused. Messages must never contain content, a user id or key material.

use thiserror::Error;

/// Why a key or a message could not be used. Both come from outside: whatever they are, this is the worst that happens.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenPgpError {
    /// The bytes are longer than this kind of thing may be.
    #[error("the {what} is longer than {limit} bytes")]
    TooLong {
        /// What was given, or what came out.
        what: &'static str,
        /// Most bytes allowed.
        limit: usize,
    },
    /// The bytes are no OpenPGP packets, or not those that this kind of thing is made of.
    #[error("not an OpenPGP {what}: {why}")]
    Malformed {
        /// What was expected.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The message, or a part of it that must be, is not encrypted with integrity protection.
    #[error(
        "the message is not encrypted to a public key with integrity protection (SEIPD); only such messages are opened"
    )]
    NotProtected,
    /// No recipient of the message is this key, or its session key did not open.
    #[error("the message is not encrypted to this key")]
    AnotherKey,
    /// The encrypted part was altered, or its session key is wrong.
    #[error("the message failed verification: altered, cut short, or encrypted wrongly")]
    Unverified,
    /// The key cannot receive messages now.
    #[error("the key cannot be encrypted to: {why}")]
    Unusable {
        /// Why it cannot.
        why: &'static str,
    },
    /// The OpenPGP library refused to work with what was checked before.
    #[error("the OpenPGP library failed to {what}")]
    Library {
        /// What it was to do.
        what: &'static str,
    },
}
