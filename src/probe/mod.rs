//! What can be observed of processes and the machine from outside. This room only reads: it never starts, signals or
//! changes what it observes, with two exceptions. It resets the peak of resident memory, which the kernel lets an
//! observer do, and `child` waits for a child to read its account. Only `doctor` runs anything: short pieces of fixed
//! work of its own, one of them in a nameless file, and git and cargo for their versions.

pub mod child;
pub mod doctor;
pub mod environment;
pub mod instructions;
mod kernel;
pub mod machine;
pub mod process;
pub mod tree;
