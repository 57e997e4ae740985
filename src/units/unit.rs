//! What a metric is measured in. Names and kinds alone; `print` formats values.

use serde::{Deserialize, Serialize};

/// What a metric's values are counted in. The names are those of the database, the API and scenario files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Time, printed as `4.82 ms`.
    Nanoseconds,
    /// Bytes moved or kept, printed with decimal prefixes: `10.3 MB`, k = 1000.
    Bytes,
    /// Bytes of memory, printed with binary prefixes: `38.2 MiB`.
    MemoryBytes,
    /// How many of something.
    Count,
    /// A share of a whole, 1 being all of it, printed as `2.34%`.
    Ratio,
    /// Items per second, printed as `357 /s`.
    PerSecond,
    /// Bytes per second, printed as `10.3 MB/s`.
    BytesPerSecond,
}

impl Unit {
    /// Every unit, in the order of the declaration.
    pub const ALL: [Unit; 7] = [
        Unit::Nanoseconds,
        Unit::Bytes,
        Unit::MemoryBytes,
        Unit::Count,
        Unit::Ratio,
        Unit::PerSecond,
        Unit::BytesPerSecond,
    ];

    /// The name in the database, the API and scenario files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Unit::Nanoseconds => "nanoseconds",
            Unit::Bytes => "bytes",
            Unit::MemoryBytes => "memory-bytes",
            Unit::Count => "count",
            Unit::Ratio => "ratio",
            Unit::PerSecond => "per-second",
            Unit::BytesPerSecond => "bytes-per-second",
        }
    }

    /// The unit with this name, if there is one.
    pub fn from_name(name: &str) -> Option<Unit> {
        Self::ALL.into_iter().find(|unit| unit.as_str() == name)
    }
}

impl std::fmt::Display for Unit {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_the_same_everywhere() {
        for unit in Unit::ALL {
            assert_eq!(Unit::from_name(unit.as_str()), Some(unit));
            assert_eq!(serde_json::to_string(&unit).unwrap(), format!("\"{unit}\""));
        }
        assert_eq!(Unit::from_name("seconds"), None);
    }
}
