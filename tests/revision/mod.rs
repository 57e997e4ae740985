//! The revision room, on real repositories that the `git` program makes in temporary folders.

mod building;
mod resolving;
mod sandbox;
mod variants;
