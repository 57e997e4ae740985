//! How values are written for people: glyphs with words, units, intervals, plurals, dates. The terminal, Markdown and pages
//! all write them with these functions. No decisions, no HTML.

mod calibration;
mod check;
mod date;
mod effect;
mod headline;
mod metric;
mod plural;
mod quantity;
mod sign;

pub use calibration::{claim, variant};
pub use check::{check, complaints, figure};
pub use date::date;
pub use effect::{amount, change, distance, effect};
pub use headline::{counts, decided, headline, purpose, state, trials};
pub use metric::{is_headline, metric, role};
pub use plural::plural;
pub use quantity::{NONE, estimate, half_width, hundreds, probability, share, with_interval};
pub use sign::{MEANINGS, Sign};
