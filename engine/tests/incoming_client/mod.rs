//! Incoming messages on the client: OpenPGP beside the `gpg` program, the key pair that a user's devices share, and
//! messages that are stored once whatever happens.

mod gpg;
mod interoperating;
