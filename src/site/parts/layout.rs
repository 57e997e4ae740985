//! What every page has around it: title, navigation, and what keeps it fresh.

use crate::site::http::{error::PageError, shared::Site};

/// The sections that the navigation names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Overview,
    Comparisons,
    Findings,
    Scenarios,
    Environments,
    Calibration,
    About,
    /// None of them.
    Unlisted,
}

/// What surrounds a page.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The page's own title.
    pub(crate) title: String,
    /// The name of what is measured.
    pub(crate) site: String,
    /// Digest that the addresses of assets carry.
    pub(crate) build: String,
    /// The data's serial number, so that a page knows when it is out of date.
    pub(crate) serial: String,
    /// Where the reader is.
    pub(crate) here: Section,
}

impl Layout {
    pub(crate) fn new(site: &Site, title: impl Into<String>, here: Section) -> Result<Layout, PageError> {
        let serial = match site.reader() {
            Some(reader) => reader.serial()?.to_string(),
            None => "none".to_owned(),
        };
        Ok(Layout { title: title.into(), site: site.title().to_owned(), build: site.build().to_owned(), serial, here })
    }

    /// The links of the navigation.
    pub(crate) fn sections(&self) -> [(Section, &'static str, &'static str); 7] {
        [
            (Section::Overview, "/", "Overview"),
            (Section::Comparisons, "/comparisons", "Comparisons"),
            (Section::Findings, "/findings", "Findings"),
            (Section::Scenarios, "/scenarios", "Scenarios"),
            (Section::Calibration, "/calibration", "Calibration"),
            (Section::Environments, "/environments", "Environments"),
            (Section::About, "/about", "About"),
        ]
    }
}
