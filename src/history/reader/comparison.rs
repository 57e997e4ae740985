//! Reading comparisons, their blocks and verdicts.

use super::{
    Reader,
    runs::{listing, resolve},
    series::places,
};
use crate::database::{Connection, Row, params};
use crate::history::{
    error::{HistoryError, Result},
    records::{ComparisonListing, RunListing, VerdictPoint},
    row::{self, all, first, unsigned_at, word_at},
};
use crate::model::{Block, Case, Comparison, ComparisonId, Metric, RunId, UnixMillis, Verdict};

impl Reader {
    /// The newest comparisons of every purpose, newest first.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn comparisons(&self, limit: u32) -> Result<Vec<ComparisonListing>> {
        self.with_snapshot(|connection| comparisons(connection, None, limit))
    }

    /// The newest comparisons that are older than one, newest first: the next page of a list.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn comparisons_before(&self, before: ComparisonId, limit: u32) -> Result<Vec<ComparisonListing>> {
        self.with_snapshot(|connection| comparisons(connection, Some(before), limit))
    }

    /// One comparison.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn comparison(&self, id: ComparisonId) -> Result<Option<ComparisonListing>> {
        self.with_snapshot(|connection| comparison(connection, id))
    }

    /// The comparisons that judge a revision (those whose head it is), newest first. `revision` as for [`Reader::runs_of`].
    ///
    /// # Errors
    /// `HistoryError::Ambiguous`, `HistoryError::NotARevision`; and see
    /// [`Reader::serial`].
    pub fn comparisons_of(&self, revision: &str) -> Result<Vec<ComparisonListing>> {
        self.with_snapshot(|connection| comparisons_of(connection, revision))
    }

    /// The comparison whose head is the run.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn comparison_of_run(&self, run: RunId) -> Result<Option<ComparisonId>> {
        self.with_snapshot(|connection| comparison_of_run(connection, run))
    }

    /// The verdicts of a comparison, ordered by case and metric.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn verdicts(&self, comparison: ComparisonId) -> Result<Vec<Verdict>> {
        self.with_snapshot(|connection| verdicts(connection, comparison))
    }

    /// The blocks of one case in a comparison, ordered by stage and index. `case_key` is [`crate::model::Case::key`].
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn blocks(&self, comparison: ComparisonId, case_key: &str) -> Result<Vec<Block>> {
        self.with_snapshot(|connection| blocks(connection, comparison, case_key))
    }

    /// The verdicts of comparisons of every purpose on the points of [`Reader::series`], by case and then along the axis. Heads
    /// that were superseded are left out.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn verdict_points(&self, scenario: &str, metric: Metric, environment: &str) -> Result<Vec<VerdictPoint>> {
        self.with_snapshot(|connection| verdict_points(connection, scenario, metric, environment))
    }
}

/// The newest comparisons of those before one, or of all, newest first.
pub(in crate::history) fn comparisons(
    connection: &Connection,
    before: Option<ComparisonId>,
    limit: u32,
) -> Result<Vec<ComparisonListing>> {
    let sql = "SELECT * FROM comparisons WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
    let before = before.map_or(i64::MAX, |before| before.0);
    all(connection, sql, params![before, limit], |row| comparison_listing(connection, row))
}

pub(in crate::history) fn comparison(connection: &Connection, id: ComparisonId) -> Result<Option<ComparisonListing>> {
    let sql = "SELECT * FROM comparisons WHERE id = ?1";
    first(connection, sql, [id.0], |row| comparison_listing(connection, row))
}

/// The comparisons whose head is the revision that the text names, newest first.
pub(in crate::history) fn comparisons_of(connection: &Connection, text: &str) -> Result<Vec<ComparisonListing>> {
    let Some(revision_id) = resolve(connection, text)? else { return Ok(Vec::new()) };
    let sql = "SELECT comparisons.* FROM comparisons JOIN runs ON runs.id = head_run_id
               WHERE revision_id = ?1 ORDER BY comparisons.id DESC";
    all(connection, sql, [revision_id], |row| comparison_listing(connection, row))
}

/// The comparison whose head is the run.
pub(in crate::history) fn comparison_of_run(connection: &Connection, run: RunId) -> Result<Option<ComparisonId>> {
    first(connection, "SELECT id FROM comparisons WHERE head_run_id = ?1", [run.0], |row| Ok(ComparisonId(row.get(0)?)))
}

/// The comparisons that one of the two runs takes part in, on whichever side.
pub(in crate::history) fn comparisons_with(
    connection: &Connection,
    base: RunId,
    head: RunId,
) -> Result<Vec<Comparison>> {
    let sql = "SELECT * FROM comparisons WHERE base_run_id IN (?1, ?2) OR head_run_id IN (?1, ?2) ORDER BY id DESC";
    all(connection, sql, [base.0, head.0], comparison_row)
}

fn comparison_listing(connection: &Connection, row: &Row) -> Result<ComparisonListing> {
    let comparison = comparison_row(row)?;
    Ok(ComparisonListing {
        base: side(connection, &comparison, comparison.base)?,
        head: side(connection, &comparison, comparison.head)?,
        comparison,
        worse: row.get("worse")?,
        better: row.get("better")?,
        equivalent: row.get("equivalent")?,
        inconclusive: row.get("inconclusive")?,
        unusable: row.get("unusable")?,
    })
}

fn side(connection: &Connection, comparison: &Comparison, run: RunId) -> Result<RunListing> {
    let missing = || HistoryError::damaged(format!("comparison {} has no run {run}", comparison.id));
    listing(connection, run)?.ok_or_else(missing)
}

fn comparison_row(row: &Row) -> Result<Comparison> {
    Ok(Comparison {
        id: ComparisonId(row.get("id")?),
        base: RunId(row.get("base_run_id")?),
        head: RunId(row.get("head_run_id")?),
        purpose: word_at(row, "purpose")?,
        identical: row.get("identical")?,
        design: row::design(row)?,
        seed: unsigned_at(row, "seed")?,
        state: word_at(row, "state")?,
        started_at: UnixMillis(row.get("started_at")?),
        finished_at: row.get::<_, Option<i64>>("finished_at")?.map(UnixMillis),
    })
}

/// What [`block`] reads, to be continued with conditions.
const BLOCK: &str = "SELECT cases.*, blocks.*, trial_index FROM blocks \
     JOIN cases ON cases.id = blocks.case_id JOIN trials ON trials.id = base_trial_id";

/// The blocks of one case, ordered by stage and index.
pub(in crate::history) fn blocks(
    connection: &Connection,
    comparison: ComparisonId,
    case_key: &str,
) -> Result<Vec<Block>> {
    let sql = format!("{BLOCK} WHERE key = ?2 AND comparison_id = ?1 ORDER BY stage, block_index");
    all(connection, &sql, params![comparison.0, case_key], block)
}

/// Every block of a comparison, ordered by case, stage and index.
pub(in crate::history) fn all_blocks(connection: &Connection, comparison: ComparisonId) -> Result<Vec<Block>> {
    let mut blocks = all(connection, &format!("{BLOCK} WHERE comparison_id = ?1"), [comparison.0], block)?;
    blocks.sort_by(|a, b| (&a.case, a.stage, a.index).cmp(&(&b.case, b.stage, b.index)));
    Ok(blocks)
}

fn block(row: &Row) -> Result<Block> {
    Ok(Block {
        case: row::case(row)?,
        stage: row::stage(row.get("stage")?)?,
        index: row.get("block_index")?,
        trial: row.get("trial_index")?,
        head_first: row.get("head_first")?,
    })
}

/// The verdicts of a comparison, ordered by case and metric.
pub(in crate::history) fn verdicts(connection: &Connection, comparison: ComparisonId) -> Result<Vec<Verdict>> {
    let sql = "SELECT operation_version, metric, cases.*, verdicts.* FROM verdicts
               JOIN series ON series.id = series_id
               JOIN cases ON cases.id = case_id
               WHERE comparison_id = ?1";
    let mut verdicts = all(connection, sql, [comparison.0], verdict)?;
    verdicts.sort_by(|a, b| (&a.case, a.operation_version, a.metric).cmp(&(&b.case, b.operation_version, b.metric)));
    Ok(verdicts)
}

fn verdict(row: &Row) -> Result<Verdict> {
    Ok(Verdict {
        case: row::case(row)?,
        label: row::label(row)?,
        operation_version: row.get("operation_version")?,
        metric: word_at(row, "metric")?,
        kind: word_at(row, "kind")?,
        gate: row.get("gate")?,
        scale: word_at(row, "scale")?,
        stage: row.get::<_, Option<u32>>("stage")?.map(row::stage).transpose()?,
        blocks: row.get("blocks")?,
        effect: row.get("effect")?,
        interval: row::interval(row)?,
        p: row.get("p")?,
        alpha: row.get("alpha")?,
        margin: row.get("margin")?,
        resolution: row.get("resolution")?,
        blocks_needed: row.get("blocks_needed")?,
        reason: row.get("reason")?,
    })
}

/// The verdicts on one metric of a scenario whose heads are on the axis: by case, then along the axis.
pub(in crate::history) fn verdict_points(
    connection: &Connection,
    scenario: &str,
    metric: Metric,
    environment: &str,
) -> Result<Vec<VerdictPoint>> {
    let places = places(connection, environment)?;
    let sql = "SELECT series.id AS series_id, operation_version, cases.* FROM series
               JOIN cases ON cases.id = case_id
               WHERE scenario = ?1 AND metric = ?2 AND environment_id = ?3";
    let mut lines = all(connection, sql, [scenario, &metric.to_string(), environment], |row| {
        Ok((row::case(row)?, row.get::<_, u32>("operation_version")?, row.get::<_, i64>("series_id")?))
    })?;
    lines.sort();
    let mut points = Vec::new();
    for (case, _, series) in lines {
        let sql =
            "SELECT comparison_id, head_run_id, purpose, kind, gate, scale, effect, low, high, level FROM verdicts
                   JOIN comparisons ON comparisons.id = comparison_id WHERE series_id = ?1";
        let mut line = all(connection, sql, [series], |row| verdict_point(row, series, &case))?;
        line.retain(|point| places.contains_key(&point.run));
        line.sort_by_key(|point| places.get(&point.run).copied());
        points.append(&mut line);
    }
    Ok(points)
}

fn verdict_point(row: &Row, series: i64, case: &Case) -> Result<VerdictPoint> {
    Ok(VerdictPoint {
        series,
        case: case.clone(),
        run: RunId(row.get("head_run_id")?),
        comparison: ComparisonId(row.get("comparison_id")?),
        purpose: word_at(row, "purpose")?,
        kind: word_at(row, "kind")?,
        gate: row.get("gate")?,
        scale: word_at(row, "scale")?,
        effect: row.get("effect")?,
        interval: row::interval(row)?,
    })
}
