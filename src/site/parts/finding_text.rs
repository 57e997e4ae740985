//! How a finding is written: its state, where it is, how much changes and which way.

use crate::{
    history::Reader,
    model::{Direction, Finding, FindingId, FindingState, Metric, Scale, SeriesChange},
    report::format::{self, Sign},
    site::http::error::PageError,
};

impl Sign {
    pub(crate) const fn finding(state: FindingState) -> Sign {
        match state {
            FindingState::New => Sign { glyph: "◇", word: "new" },
            FindingState::Confirmed => Sign { glyph: "◆", word: "confirmed" },
            FindingState::Acknowledged => Sign { glyph: "✓", word: "acknowledged" },
            FindingState::Resolved => Sign { glyph: "↺", word: "resolved" },
            FindingState::Noise => Sign { glyph: "~", word: "noise" },
        }
    }
}

/// A finding, or the page that says that there is none of this number.
pub(crate) fn find_finding(reader: &Reader, id: FindingId) -> Result<Finding, PageError> {
    reader.finding(id)?.ok_or_else(|| PageError::missing(format!("there is no finding {id}; /findings lists them")))
}

/// Where it is: a commit, or a range of which only the ends were measured.
pub(crate) fn describe_place(finding: &Finding) -> String {
    let at = finding.at.short();
    match &finding.after {
        Some(after) if finding.at.parent.as_deref() != Some(&after.id) => {
            format!("after {}, by {at}", after.short())
        }
        _ => format!("at {at}"),
    }
}

/// Level after over level before, with its interval.
pub(crate) fn format_ratio(change: &SeriesChange) -> String {
    format::effect(Metric::WALL_TIME, Scale::Ratio, change.ratio, change.interval)
}

/// Which way a series goes. All of today's metrics are costs, so more is worse; the ratio says how much.
pub(crate) fn direction(change: &SeriesChange) -> Sign {
    let more = change.ratio > 1.0;
    let lower_is_better = change.metric.direction() == Direction::Lower;
    if more == lower_is_better { Sign::WORSE } else { Sign::BETTER }
}
