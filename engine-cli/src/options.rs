//! Options that several commands have, and how their values are written.

use std::{num::NonZeroU64, time::Duration};

use bytesize::ByteSize;
use jiff::{Span, SpanRelativeTo};

/// The namespace of blobs that a command works in.
#[derive(Debug, clap::Args)]
pub(crate) struct NamespaceArgs {
    /// The namespace of the blobs
    #[arg(long, env = "BENCHLINE_ENGINE_NAMESPACE", default_value = "files", value_name = "NAME")]
    pub(crate) namespace: String,
}

/// How fast transfers may be.
#[derive(Debug, clap::Args)]
pub(crate) struct LimitArgs {
    /// Move at most so much, all transfers together, such as 5MB/s
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(crate) limit: Option<NonZeroU64>,
}

/// A size such as `10GB`. Its unit is required: `--quota 10` must not become ten bytes.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let size = text.ends_with('B').then(|| text.parse::<ByteSize>().ok()).flatten();
    size.map(|size| size.0).ok_or_else(|| "write a number and a unit, such as 10GB or 512KiB".to_owned())
}

/// A duration such as `30d`, `12h` or `200ms`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let span: Span = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|error| error.to_string())?;
    Duration::try_from(duration).map_err(|_| "a duration cannot be negative".to_owned())
}

fn rate(text: &str) -> Result<NonZeroU64, String> {
    let bytes = text.strip_suffix("/s").ok_or("write a size a second, such as 5MB/s")?;
    NonZeroU64::new(size(bytes.trim_end())?).ok_or_else(|| "nothing would ever move: write at least 1B/s".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_units_and_are_not_negative() {
        assert_eq!((size("10GB"), size("1.5 kB"), size("1KiB")), (Ok(10_000_000_000), Ok(1_500), Ok(1_024)));
        assert_eq!(rate("200kB/s").map(NonZeroU64::get), Ok(200_000));
        for text in ["10", "fast", "-1B", "B", "1e3", "10 XB"] {
            assert!(size(text).is_err(), "{text}");
        }
        for text in ["5MB", "0B/s", "fast", "/s"] {
            assert!(rate(text).is_err(), "{text}");
        }
        let seconds = |text| duration(text).map(|duration| duration.as_secs_f64());
        assert_eq!((seconds("30d"), seconds("12h"), seconds("0s")), (Ok(2_592_000.0), Ok(43_200.0), Ok(0.0)));
        assert_eq!((seconds("200ms"), seconds("1min")), (Ok(0.2), Ok(60.0)));
        for text in ["", "5", "-5s", "soon", "99999999999999999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
