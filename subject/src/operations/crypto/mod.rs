//! The operations in memory: sealing, opening, deriving keys and decrypting mail. `content` is what sealing and opening share.

mod content;
pub(super) mod derive;
pub(super) mod mail;
pub(super) mod open;
pub(super) mod seal;
