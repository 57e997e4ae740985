//! Dates.

use crate::model::UnixMillis;

/// A point in time: `2026-11-21 04:15 UTC`. Always absolute, so that a kept page stays true.
pub fn date(at: UnixMillis) -> String {
    let timestamp = jiff::Timestamp::from_millisecond(at.0);
    timestamp.map_or_else(|_| "an impossible date".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // date -u -d @1795234500
        assert_eq!(date(UnixMillis(1_795_234_500_123)), "2026-11-21 04:15 UTC");
        assert_eq!(date(UnixMillis(i64::MAX)), "an impossible date");
    }
}
