//! What several pages share: the layout, graphs, tables, and how records are written.

pub(crate) mod annotations;
pub(crate) mod block_series;
pub(crate) mod case_comparison;
pub(crate) mod case_data;
pub(crate) mod case_table;
pub(crate) mod comparison_facts;
pub(crate) mod effects;
pub(crate) mod environment_changes;
pub(crate) mod failures;
pub(crate) mod figure;
pub(crate) mod finding_text;
pub(crate) mod graph;
pub(crate) mod growth;
pub(crate) mod layout;
pub(crate) mod line_groups;
pub(crate) mod missing_metrics;
pub(crate) mod progress;
pub(crate) mod run_facts;
pub(crate) mod series_history;
pub(crate) mod series_params;
pub(crate) mod settings;
pub(crate) mod sparkline;
pub(crate) mod verdict_summary;
pub(crate) mod verdict_table;
