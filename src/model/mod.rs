//! The words of the platform as plain records. No clock, no I/O, no logic beyond the records' own invariants.
//!
//! Every room above speaks in these types; the database, the API and the pages use the same names.
//! Start with [`Case`], then [`Trial`], then [`Measurement`]; [`Comparison`] and [`Verdict`] are how two revisions are compared.

mod calibration;
mod canary;
mod case;
mod check;
mod comparison;
mod environment;
mod event;
pub mod external;
mod failure;
mod finding;
mod measurement;
mod metric;
mod revision;
mod rules;
mod run;
pub mod template;
mod time;
mod timeline;
mod trial;
mod verdict;

pub use crate::units::Unit;
pub use benchline_contract::{Injection, Role, Value, Values};
pub use calibration::{Calibration, Rate, RatedSeries, VariantKind};
pub use canary::{Canary, CanaryReading};
pub use case::{Case, CaseLabel};
pub use check::{Check, CheckName, CheckStatus, Grade};
pub use comparison::{Block, Comparison, ComparisonId, Design, Purpose, Side, Stage};
pub use environment::{Annotation, Environment};
pub use event::{Event, PlannedCase};
pub use external::ExternalProgram;
pub use failure::{Failure, FailureKind};
pub use finding::{Finding, FindingEvent, FindingEventKind, FindingId, FindingState, SeriesChange};
pub use measurement::{Interval, Measurement, Summary};
pub use metric::{Direction, Grain, Metric, ParseMetricError, Quantity};
pub use revision::{Revision, RevisionKind};
pub use rules::{Budget, Limit, Margin, Rules};
pub use run::{Part, Profile, Run, RunId, RunState, SubjectBuild};
pub use time::UnixMillis;
pub use timeline::{Timeline, TimelinePoint};
pub use trial::{Conditions, LatencyHistogram, LatencyKind, SampleColumn, Trial, TrialTotal, Unavailable};
pub use verdict::{Scale, Tally, Verdict, VerdictKind};
