//! The fingerprint of a machine and its settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A machine as far as it decides which series a value belongs to. Series never mix environments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// Short digest of the fields below (not of the annotations): 12 hex digits.
    pub id: String,
    /// As the kernel names it: `AMD EPYC`.
    pub cpu: String,
    /// CPUs that this process may use.
    pub cores: u32,
    /// Memory, rounded to whole GiB so that a kernel update does not split series.
    pub memory_gib: u64,
    /// Such as `kvm`, or `none` for a machine of its own.
    pub virtualization: String,
    /// Such as `linux x86_64`.
    pub platform: String,
    /// The processor's microcode, such as `0xa101148`. Empty where the machine does not show it, as in most guests.
    pub microcode: String,
    /// What may change from run to run without splitting series, and is marked on graphs where it does.
    pub annotations: Vec<Annotation>,
}

/// A named fact about a machine at the time of a run: `kernel`, `governor`, `toolchain`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Annotation {
    /// Such as `kernel`.
    pub name: String,
    /// Such as `6.18.1`.
    pub value: String,
}

impl Environment {
    /// How people call it: `AMD EPYC · 2 cores · 24 GiB · kvm`.
    pub fn title(&self) -> String {
        format!("{} · {} cores · {} GiB · {}", self.cpu, self.cores, self.memory_gib, self.virtualization)
    }
}
