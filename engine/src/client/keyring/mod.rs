//! The OpenPGP keys of a user: one document that all devices share holds them, sealed twice, and the server holds the
//! public part of the one that mail is encrypted to. It must never lose a key, nor register one that is not in the ring.
//!
//! Two devices that begin at the same time make a key each. Whichever was made first counts from then on, on
//! every device; the other stays in the ring, so that what was encrypted to it meanwhile can be opened.
//!
//! Read `ring`, then `register`.

mod error;
mod register;
mod ring;
mod stored;

pub use error::KeyRingError;
pub(super) use register::register;
pub use ring::{KEY_DOCUMENT, KeyRing, UnlockedKeys};
