//! What every page has around it, and the page that errors become.

use askama::Template;
use axum::http::StatusCode;

use crate::site::http::{assets, error::PageError, shared::Site};

/// Every template's text, so that the build's digest changes with them.
pub(crate) const TEMPLATES: &str = concat!(
    include_str!("../../../templates/base.html"),
    include_str!("../../../templates/about.html"),
    include_str!("../../../templates/calibration.html"),
    include_str!("../../../templates/case.html"),
    include_str!("../../../templates/cases.html"),
    include_str!("../../../templates/commit.html"),
    include_str!("../../../templates/comparison.html"),
    include_str!("../../../templates/comparisons.html"),
    include_str!("../../../templates/counts.html"),
    include_str!("../../../templates/environments.html"),
    include_str!("../../../templates/error.html"),
    include_str!("../../../templates/facts.html"),
    include_str!("../../../templates/failures.html"),
    include_str!("../../../templates/figure.html"),
    include_str!("../../../templates/finding.html"),
    include_str!("../../../templates/findings.html"),
    include_str!("../../../templates/home.html"),
    include_str!("../../../templates/judged.html"),
    include_str!("../../../templates/now.html"),
    include_str!("../../../templates/rates.html"),
    include_str!("../../../templates/reproduce.html"),
    include_str!("../../../templates/run.html"),
    include_str!("../../../templates/scenario.html"),
    include_str!("../../../templates/scenarios.html"),
    include_str!("../../../templates/series.html"),
    include_str!("../../../templates/comparison_facts.html"),
    include_str!("../../../templates/verdicts.html"),
);

/// Places in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Overview,
    Comparisons,
    Findings,
    Scenarios,
    Environments,
    Calibration,
    About,
    /// A page that the navigation does not name.
    Elsewhere,
}

/// What surrounds a page.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The page's own title.
    pub(crate) title: String,
    /// The name of what is measured.
    pub(crate) site: String,
    /// Digest that the addresses of assets carry.
    pub(crate) build: &'static str,
    /// The data's serial number, so that a page knows when it is out of date.
    pub(crate) serial: String,
    /// Where the reader is.
    pub(crate) here: Place,
}

impl Layout {
    pub(crate) fn new(site: &Site, title: impl Into<String>, here: Place) -> Result<Layout, PageError> {
        let serial = match site.reader() {
            Some(reader) => reader.serial()?.to_string(),
            None => "none".to_owned(),
        };
        Ok(Layout { title: title.into(), site: site.title().to_owned(), build: assets::build(), serial, here })
    }

    /// The links of the navigation.
    pub(crate) fn places(&self) -> [(Place, &'static str, &'static str); 7] {
        [
            (Place::Overview, "/", "Overview"),
            (Place::Comparisons, "/comparisons", "Comparisons"),
            (Place::Findings, "/findings", "Findings"),
            (Place::Scenarios, "/scenarios", "Scenarios"),
            (Place::Calibration, "/calibration", "Calibration"),
            (Place::Environments, "/environments", "Environments"),
            (Place::About, "/about", "About"),
        ]
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    layout: Layout,
    status: u16,
    headline: &'a str,
    what: String,
}

/// An error in the look of all pages.
pub(crate) fn error_page(site: &str, status: StatusCode, what: &str) -> askama::Result<String> {
    let headline = match status {
        StatusCode::NOT_FOUND => "Nothing here",
        StatusCode::BAD_REQUEST => "This address cannot be right",
        StatusCode::METHOD_NOT_ALLOWED => "This address is only for reading",
        StatusCode::SERVICE_UNAVAILABLE => "Not just now",
        _ => "This went wrong on our side",
    };
    let mut what = what.to_owned();
    if let Some(first) = what.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    let layout = Layout {
        title: headline.to_owned(),
        site: site.to_owned(),
        build: assets::build(),
        serial: String::new(),
        here: Place::Elsewhere,
    };
    ErrorPage { layout, status: status.as_u16(), headline, what }.render()
}
