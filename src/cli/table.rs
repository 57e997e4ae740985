//! The name under which the engine's commands know [`columns`].

pub(super) use crate::report::text::columns as table;
