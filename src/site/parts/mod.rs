//! What several pages share: the layout, graphs, tables, and how records are written.

pub(crate) mod annotations;
pub(crate) mod case_comparison;
pub(crate) mod case_data;
pub(crate) mod case_table;
pub(crate) mod effects;
pub(crate) mod environment_changes;
pub(crate) mod figure;
pub(crate) mod graph;
pub(crate) mod growth;
pub(crate) mod layout;
pub(crate) mod progress;
pub(crate) mod settings;
pub(crate) mod verdict_summary;
pub(crate) mod verdict_table;
