//! The words of the platform as plain records. No clock, no I/O, no logic beyond the records' own invariants.
//!
//! Every room above speaks in these types; the database, the API and the pages use the same names.
//! Start with [`Case`], then [`Trial`], then [`Measurement`].

mod case;
mod check;
mod environment;
mod event;
mod failure;
mod measurement;
mod metric;
mod revision;
mod run;
mod time;
mod timeline;
mod trial;

pub use crate::units::Unit;
pub use benchline_subject::contract::{Role, Value, Values};
pub use case::{Case, CaseLabel};
pub use check::{Check, CheckName, CheckStatus, Grade};
pub use environment::{Annotation, Environment};
pub use event::{Event, PlannedCase};
pub use failure::{Failure, FailureKind};
pub use measurement::{Interval, Measurement, Summary};
pub use metric::{Direction, Grain, Metric, ParseMetricError, Quantity};
pub use revision::{Revision, RevisionKind};
pub use run::{Profile, Run, RunId, RunState, SubjectBuild};
pub use time::UnixMillis;
pub use timeline::{Timeline, TimelinePoint};
pub use trial::{Conditions, ReactorHistogram, SampleColumn, Trial, TrialTotal};
