//! Blobs on devices and their way to the server and back.

mod device;
mod misbehaving;
mod stub;
