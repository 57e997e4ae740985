//! Writing comparisons, their blocks and verdicts.

use super::Writer;
use crate::database::{Connection, params, signed};
use crate::history::{
    error::{HistoryError, Result},
    intern,
    limits::{self, invalid},
    reader,
    records::{ComparisonStart, OpenComparison},
    row::first,
};
use crate::model::{Block, Comparison, ComparisonId, Part, RunId, RunState, Stage, UnixMillis, Verdict};

impl Writer {
    /// Opens a comparison: continues that of the same two runs if it is in the state `running` or `interrupted`, or else begins
    /// a new one. One that is continued keeps the purpose, the seed and the time of its beginning.
    ///
    /// # Errors
    /// `HistoryError::OtherDesign` where it began with other sizes or error rates,
    /// `HistoryError::Invalid` where the runs are not a base and a head of one machine, one of them
    /// is in another comparison, or their comparison is over, `HistoryError::UnknownRun`.
    pub fn open_comparison(&mut self, start: &ComparisonStart) -> Result<OpenComparison> {
        self.change(|connection| open_comparison(connection, start))
    }

    /// Stores which two trials are compared with each other. Both are recorded already.
    ///
    /// # Errors
    /// `HistoryError::DuplicateBlock` where the comparison has the block, or a block has one of its trials;
    /// `HistoryError::Invalid` where a run lacks the trial,
    /// `HistoryError::UnknownComparison`.
    pub fn record_block(&mut self, comparison: ComparisonId, block: &Block) -> Result<()> {
        self.change(|connection| record_block(connection, comparison, block))
    }

    /// Stores the verdicts of a comparison. Those on the same series are replaced, others stay.
    ///
    /// # Errors
    /// `HistoryError::Invalid` where a figure is not finite or out of its range, the reason is longer than
    /// 4 kB, or a series that does not decide is called worse or better;
    /// `HistoryError::UnknownComparison`, `HistoryError::Clash`.
    pub fn record_verdicts(&mut self, comparison: ComparisonId, verdicts: &[Verdict], at: UnixMillis) -> Result<()> {
        self.change(|connection| record_verdicts(connection, comparison, verdicts, at))
    }

    /// Sets the state of a comparison. Its runs have states of their own.
    ///
    /// # Errors
    /// `HistoryError::UnknownComparison`.
    pub fn finish_comparison(&mut self, comparison: ComparisonId, state: RunState, at: UnixMillis) -> Result<()> {
        self.change(|connection| finish_comparison(connection, comparison, state, at))
    }
}

fn open_comparison(connection: &Connection, start: &ComparisonStart) -> Result<OpenComparison> {
    limits::design(&start.design).map_err(|why| invalid(named(start), why))?;
    let base = side(connection, start, start.base, &[Part::Base])?;
    let head = side(connection, start, start.head, &[Part::Head, Part::Detached])?;
    if base != head {
        return Err(invalid(named(start), format!("they were measured on two machines, {base} and {head}")));
    }
    match known(connection, start)? {
        Some(comparison) => resume(connection, start, &comparison),
        None => begin(connection, start),
    }
}

/// The environment of a run, once its part is one of those that are right.
fn side(connection: &Connection, start: &ComparisonStart, run: RunId, parts: &[Part]) -> Result<String> {
    let found = reader::runs::listing(connection, run)?.ok_or(HistoryError::UnknownRun { run })?.run;
    if parts.contains(&found.part) {
        return Ok(found.environment);
    }
    let (found, wanted) = (found.part.as_str(), parts[0].as_str());
    Err(invalid(named(start), format!("run {run} was opened with the part `{found}` and is used here as the {wanted}")))
}

/// The comparison of the same two runs. A run that stands in any other is refused.
fn known(connection: &Connection, start: &ComparisonStart) -> Result<Option<Comparison>> {
    let with = reader::comparison::comparisons_with(connection, start.base, start.head)?;
    match with.iter().find(|comparison| (comparison.base, comparison.head) != (start.base, start.head)) {
        Some(Comparison { id, base, head, .. }) => {
            let why = format!(
                "comparison {id} has the runs {base} and {head}, and a run can be in one comparison only; let the plan of each run name the other side"
            );
            Err(invalid(named(start), why))
        }
        None => Ok(with.into_iter().next()),
    }
}

fn begin(connection: &Connection, start: &ComparisonStart) -> Result<OpenComparison> {
    let design = &start.design;
    connection.execute(
        "INSERT INTO comparisons (base_run_id, head_run_id, purpose, identical, first_blocks, second_blocks, first_alpha,
                               second_alpha, budget, gate_series, seed, state, started_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            start.base.0,
            start.head.0,
            start.purpose.as_str(),
            start.identical,
            design.first_blocks,
            design.second_blocks,
            design.first_alpha,
            design.second_alpha,
            design.budget,
            design.gate_series,
            signed(start.seed),
            RunState::Running.as_str(),
            start.at.0,
        ],
    )?;
    let id = ComparisonId(connection.last_insert_rowid());
    Ok(OpenComparison { id, resumed: false, seed: start.seed, blocks: Vec::new() })
}

fn resume(connection: &Connection, start: &ComparisonStart, comparison: &Comparison) -> Result<OpenComparison> {
    let Comparison { id, base, head, state, .. } = *comparison;
    if !matches!(state, RunState::Running | RunState::Interrupted) {
        return Err(invalid(named(start), format!("comparison {id} of the same runs is over ({})", state.as_str())));
    }
    if comparison.design != start.design {
        return Err(HistoryError::OtherDesign { comparison: id, base, head, begun: comparison.design });
    }
    if comparison.identical != start.identical {
        let said = if comparison.identical { "identical" } else { "different" };
        return Err(invalid(named(start), format!("comparison {id} began with subjects that were {said}")));
    }
    set_state(connection, id, RunState::Running, None)?;
    Ok(OpenComparison {
        id,
        resumed: true,
        seed: comparison.seed,
        blocks: reader::comparison::all_blocks(connection, id)?,
    })
}

fn finish_comparison(connection: &Connection, comparison: ComparisonId, state: RunState, at: UnixMillis) -> Result<()> {
    set_state(connection, comparison, state, (state != RunState::Running).then_some(at.0))
}

fn set_state(
    connection: &Connection,
    comparison: ComparisonId,
    state: RunState,
    finished_at: Option<i64>,
) -> Result<()> {
    let changed = connection.execute(
        "UPDATE comparisons SET state = ?2, finished_at = ?3 WHERE id = ?1",
        params![comparison.0, state.as_str(), finished_at],
    )?;
    if changed == 0 { Err(HistoryError::UnknownComparison { comparison }) } else { Ok(()) }
}

fn record_block(connection: &Connection, comparison: ComparisonId, block: &Block) -> Result<()> {
    let (base, head) = runs(connection, comparison)?;
    let case_id = intern::case(connection, &block.case, None)?;
    let trial = |run: RunId, side: Part| {
        let sql = "SELECT id FROM trials WHERE run_id = ?1 AND case_id = ?2 AND trial_index = ?3";
        let found = first(connection, sql, params![run.0, case_id, block.trial], |row| Ok(row.get::<_, i64>(0)?))?;
        found.ok_or_else(|| {
            let why = format!("its {}, run {run}, has no trial {}", side.as_str(), block.trial);
            invalid(format!("block {} of {}", block.index, block.case.key()), why)
        })
    };
    let (base_trial, head_trial) = (trial(base, Part::Base)?, trial(head, Part::Head)?);
    let stage = block.stage.number();
    let inserted = connection
        .prepare_cached(
            "INSERT INTO blocks (comparison_id, case_id, stage, block_index, base_trial_id, head_trial_id, head_first)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
        )?
        .execute(params![comparison.0, case_id, stage, block.index, base_trial, head_trial, block.head_first])?;
    if inserted == 0 {
        let (case, index, trial) = (block.case.key(), block.index, block.trial);
        return Err(HistoryError::DuplicateBlock { comparison, case, stage, index, trial });
    }
    Ok(())
}

fn record_verdicts(
    connection: &Connection,
    comparison: ComparisonId,
    verdicts: &[Verdict],
    at: UnixMillis,
) -> Result<()> {
    let (_, head) = runs(connection, comparison)?;
    let environment = reader::runs::environment_of(connection, head)?;
    for verdict in verdicts {
        let name = || format!("the verdict on {} of {}", verdict.metric, verdict.case.key());
        limits::verdict(verdict).map_err(|why| invalid(name(), why))?;
        let case_id = intern::case(connection, &verdict.case, Some(&verdict.label))?;
        let series_id = intern::series(connection, case_id, verdict.operation_version, verdict.metric, &environment)?;
        insert_verdict(connection, comparison, series_id, verdict, at)?;
    }
    count_verdicts(connection, comparison)
}

fn insert_verdict(
    connection: &Connection,
    comparison: ComparisonId,
    series_id: i64,
    verdict: &Verdict,
    at: UnixMillis,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO verdicts (comparison_id, series_id, kind, gate, scale, stage, blocks, effect, low, high,
                                              level, p, alpha, margin, resolution, blocks_needed, reason, decided_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
        )?
        .execute(params![
            comparison.0,
            series_id,
            verdict.kind.as_str(),
            verdict.gate,
            verdict.scale.as_str(),
            verdict.stage.map(Stage::number),
            verdict.blocks,
            verdict.effect,
            verdict.interval.map(|interval| interval.low),
            verdict.interval.map(|interval| interval.high),
            verdict.interval.map(|interval| interval.level),
            verdict.p,
            verdict.alpha,
            verdict.margin,
            verdict.resolution,
            verdict.blocks_needed,
            verdict.reason,
            at.0,
        ])?;
    Ok(())
}

fn count_verdicts(connection: &Connection, comparison: ComparisonId) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE comparisons SET (worse, better, equivalent, inconclusive, unusable) = (
                 SELECT count(*) FILTER (WHERE kind = 'worse'), count(*) FILTER (WHERE kind = 'better'),
                        count(*) FILTER (WHERE kind = 'equivalent'), count(*) FILTER (WHERE kind = 'inconclusive'),
                        count(*) FILTER (WHERE kind = 'unusable')
                 FROM verdicts WHERE comparison_id = ?1 AND gate)
             WHERE id = ?1",
        )?
        .execute([comparison.0])?;
    Ok(())
}

/// The runs of a comparison: base and head.
fn runs(connection: &Connection, comparison: ComparisonId) -> Result<(RunId, RunId)> {
    let sql = "SELECT base_run_id, head_run_id FROM comparisons WHERE id = ?1";
    first(connection, sql, [comparison.0], |row| Ok((RunId(row.get(0)?), RunId(row.get(1)?))))?
        .ok_or(HistoryError::UnknownComparison { comparison })
}

fn named(start: &ComparisonStart) -> String {
    format!("a comparison of the runs {} and {}", start.base, start.head)
}
