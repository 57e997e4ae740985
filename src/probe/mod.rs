//! What processes and the machine can tell from outside. This room only reads: it never starts, signals or changes
//! what it looks at, but for one mark, the peak of resident memory, which the kernel lets an observer reset. `doctor`
//! alone runs something: short pieces of fixed work of its own, one of them in a nameless file, and git and cargo to ask
//! for their versions.

pub mod doctor;
pub mod environment;
pub mod instructions;
mod kernel;
pub mod machine;
pub mod process;
pub mod tree;
