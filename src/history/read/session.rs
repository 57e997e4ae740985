//! Sessions, their blocks, and what they say.

use rusqlite::{Connection, Row, params};

use super::{listing, resolve, series::places};
use crate::history::{
    HistoryError, Result, RunListing, SessionListing, VerdictPoint,
    row::{self, all, first, unsigned_at, word_at},
};
use crate::model::{Block, Case, Metric, RunId, Session, SessionId, UnixMillis, Verdict};

/// The newest sessions, newest first.
pub(in crate::history) fn sessions(connection: &Connection, limit: u32) -> Result<Vec<SessionListing>> {
    let sql = "SELECT * FROM sessions ORDER BY id DESC LIMIT ?1";
    all(connection, sql, [limit], |row| session_listing(connection, row))
}

pub(in crate::history) fn session(connection: &Connection, id: SessionId) -> Result<Option<SessionListing>> {
    let sql = "SELECT * FROM sessions WHERE id = ?1";
    first(connection, sql, [id.0], |row| session_listing(connection, row))
}

/// The sessions whose head is the revision that the text names, newest first.
pub(in crate::history) fn sessions_of(connection: &Connection, text: &str) -> Result<Vec<SessionListing>> {
    let Some(revision_id) = resolve(connection, text)? else { return Ok(Vec::new()) };
    let sql = "SELECT sessions.* FROM sessions JOIN runs ON runs.id = head_run_id
               WHERE revision_id = ?1 ORDER BY sessions.id DESC";
    all(connection, sql, [revision_id], |row| session_listing(connection, row))
}

/// The session whose head is the run.
pub(in crate::history) fn session_of_run(connection: &Connection, run: RunId) -> Result<Option<SessionId>> {
    first(connection, "SELECT id FROM sessions WHERE head_run_id = ?1", [run.0], |row| Ok(SessionId(row.get(0)?)))
}

/// The sessions that one of the two runs takes part in, on whichever side.
pub(in crate::history) fn sessions_with(connection: &Connection, base: RunId, head: RunId) -> Result<Vec<Session>> {
    let sql = "SELECT * FROM sessions WHERE base_run_id IN (?1, ?2) OR head_run_id IN (?1, ?2) ORDER BY id DESC";
    all(connection, sql, [base.0, head.0], session_row)
}

fn session_listing(connection: &Connection, row: &Row) -> Result<SessionListing> {
    let session = session_row(row)?;
    Ok(SessionListing {
        base: side(connection, &session, session.base)?,
        head: side(connection, &session, session.head)?,
        session,
        worse: row.get("worse")?,
        better: row.get("better")?,
        equivalent: row.get("equivalent")?,
        inconclusive: row.get("inconclusive")?,
        unusable: row.get("unusable")?,
    })
}

fn side(connection: &Connection, session: &Session, run: RunId) -> Result<RunListing> {
    let missing = || HistoryError::damaged(format!("session {} has no run {run}", session.id));
    listing(connection, run)?.ok_or_else(missing)
}

fn session_row(row: &Row) -> Result<Session> {
    Ok(Session {
        id: SessionId(row.get("id")?),
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
pub(in crate::history) fn blocks(connection: &Connection, session: SessionId, case_key: &str) -> Result<Vec<Block>> {
    let sql = format!("{BLOCK} WHERE key = ?2 AND session_id = ?1 ORDER BY stage, block");
    all(connection, &sql, params![session.0, case_key], block)
}

/// Every block of a session, ordered by case, stage and index.
pub(in crate::history) fn all_blocks(connection: &Connection, session: SessionId) -> Result<Vec<Block>> {
    let mut blocks = all(connection, &format!("{BLOCK} WHERE session_id = ?1"), [session.0], block)?;
    blocks.sort_by(|a, b| (&a.case, a.stage, a.index).cmp(&(&b.case, b.stage, b.index)));
    Ok(blocks)
}

fn block(row: &Row) -> Result<Block> {
    Ok(Block {
        case: row::case(row)?,
        stage: row::stage(row.get("stage")?)?,
        index: row.get("block")?,
        trial: row.get("trial_index")?,
        head_first: row.get("head_first")?,
    })
}

/// What a session says, ordered by case and metric.
pub(in crate::history) fn verdicts(connection: &Connection, session: SessionId) -> Result<Vec<Verdict>> {
    let sql = "SELECT operation_version, metric, cases.*, verdicts.* FROM verdicts
               JOIN series ON series.id = series_id
               JOIN cases ON cases.id = case_id
               WHERE session_id = ?1";
    let mut verdicts = all(connection, sql, [session.0], verdict)?;
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

/// What sessions said about one metric of a scenario, for heads that stand on the axis: by case, then along the axis.
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
        let sql = "SELECT session_id, head_run_id, purpose, kind, gate, scale, effect, low, high, level FROM verdicts
                   JOIN sessions ON sessions.id = session_id WHERE series_id = ?1";
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
        session: SessionId(row.get("session_id")?),
        purpose: word_at(row, "purpose")?,
        kind: word_at(row, "kind")?,
        gate: row.get("gate")?,
        scale: word_at(row, "scale")?,
        effect: row.get("effect")?,
        interval: row::interval(row)?,
    })
}
