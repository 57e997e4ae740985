//! One file a page: each answers one address with one template.

pub(crate) mod about;
pub(crate) mod calibration;
pub(crate) mod case;
pub(crate) mod commit;
pub(crate) mod comparison;
pub(crate) mod comparisons;
pub(crate) mod environments;
pub(crate) mod finding;
pub(crate) mod findings;
pub(crate) mod overview;
pub(crate) mod run;
pub(crate) mod scenarios;
pub(crate) mod series;
