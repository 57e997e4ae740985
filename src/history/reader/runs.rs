//! Reading runs, their environments, and what is being measured.

use super::Reader;
use crate::database::{Connection, params};
use crate::history::{
    error::{HistoryError, Result},
    records::{Progress, RunListing},
    row::{self, AXIS, LATEST, LISTING, all, first},
};
use crate::model::{Annotation, Environment, RevisionKind, RunId, UnixMillis};

impl Reader {
    /// What is being measured now. `None` as soon as no writer has the history open, so a run in the state `running` that
    /// no progress names is one that was cut off, or one between two trials.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn progress(&self) -> Result<Option<Progress>> {
        if self.is_written() { self.with_snapshot(progress) } else { Ok(None) }
    }

    /// The newest run of each revision on each environment: the highest position first, then the newest. Runs with the part
    /// `base` or `calibration` are left out, here and on every graph's axis.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn runs(&self, limit: u32) -> Result<Vec<RunListing>> {
        self.with_snapshot(|connection| latest(connection, limit))
    }

    /// One run.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn run(&self, id: RunId) -> Result<Option<RunListing>> {
        self.with_snapshot(|connection| listing(connection, id))
    }

    /// The environment of a run, with the annotations of that run. `None` where there is no such run.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn environment(&self, run: RunId) -> Result<Option<Environment>> {
        self.with_snapshot(|connection| environment(connection, run))
    }

    /// The annotations of every run on an environment, in the order of the runs.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn annotations(&self, environment: &str) -> Result<Vec<(RunId, Annotation)>> {
        self.with_snapshot(|connection| all_annotations(connection, environment))
    }

    /// Every environment, without annotations: those belong to runs.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn environments(&self) -> Result<Vec<Environment>> {
        self.with_snapshot(environments)
    }

    /// The runs of a revision: newest first, but those that only were another's base last, so that the first of an
    /// environment is the one on its axis, if any is. Calibrations are left out. `revision` is a whole id, or 7 digits or more that begin only one, or
    /// `worktree` for the work tree that was measured last. Empty where there is no such revision.
    ///
    /// # Errors
    /// [`HistoryError::Ambiguous`], [`HistoryError::NotARevision`]; and see [`Reader::serial`].
    pub fn runs_of(&self, revision: &str) -> Result<Vec<RunListing>> {
        self.with_snapshot(|connection| runs_of(connection, revision))
    }

    /// The x axis of a graph: the newest run of each revision on an environment, the oldest position first, those that could
    /// not be measured included.
    ///
    /// # Errors
    /// See [`Reader::serial`].
    pub fn axis(&self, environment: &str) -> Result<Vec<RunListing>> {
        self.with_snapshot(|connection| axis(connection, environment))
    }
}

/// The fewest digits that name a commit.
const PREFIX: usize = 7;

/// How many of the revisions that an ambiguous prefix names a message lists.
const MATCHES: usize = 5;

pub(in crate::history) fn progress(connection: &Connection) -> Result<Option<Progress>> {
    let sql = "SELECT scenario, version, operation, parameters, configuration, progress.* FROM progress
               JOIN cases ON cases.id = progress.case_id";
    first(connection, sql, [], |row| {
        Ok(Progress {
            run: RunId(row.get("run_id")?),
            case: row::case(row)?,
            label: row::label(row)?,
            trial: row.get("trial")?,
            trials: row.get("trials")?,
            done_trials: row.get("done_trials")?,
            planned_trials: row.get("planned_trials")?,
            at: UnixMillis(row.get("at")?),
        })
    })
}

pub(in crate::history) fn latest(connection: &Connection, limit: u32) -> Result<Vec<RunListing>> {
    all(connection, &format!("{LISTING} {LATEST}"), [limit], row::listing)
}

pub(in crate::history) fn listing(connection: &Connection, id: RunId) -> Result<Option<RunListing>> {
    first(connection, &format!("{LISTING} WHERE runs.id = ?1"), [id.0], row::listing)
}

pub(in crate::history) fn axis(connection: &Connection, environment: &str) -> Result<Vec<RunListing>> {
    all(connection, &format!("{LISTING} {AXIS}"), [environment], row::listing)
}

/// The runs of one revision, named in full, by a prefix, or as `worktree`. Calibrations are not about a revision.
pub(in crate::history) fn runs_of(connection: &Connection, text: &str) -> Result<Vec<RunListing>> {
    let Some(revision_id) = resolve(connection, text)? else { return Ok(Vec::new()) };
    let sql = format!(
        "{LISTING} WHERE revision_id = ?1 AND part <> 'calibration' ORDER BY part IN ('detached', 'base'), runs.id DESC"
    );
    all(connection, &sql, [revision_id], row::listing)
}

/// The row of the revision that a text names.
pub(super) fn resolve(connection: &Connection, text: &str) -> Result<Option<i64>> {
    if text == "worktree" {
        let kind = row::kind_word(RevisionKind::Worktree);
        let sql = "SELECT revision_id FROM runs JOIN revisions ON revisions.id = revision_id
                   WHERE kind = ?1 AND part <> 'calibration' ORDER BY runs.id DESC LIMIT 1";
        return first(connection, sql, [kind], |row| Ok(row.get(0)?));
    }
    let digits = text.strip_prefix("worktree-").unwrap_or(text);
    if digits.len() < PREFIX || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(HistoryError::NotARevision { text: text.chars().take(80).collect() });
    }
    // Ids are lower-case hex, and `g` follows `f`: the range is exactly the ids that begin with the text.
    let prefix = text.to_ascii_lowercase();
    let found = all(
        connection,
        "SELECT id, name FROM revisions WHERE name >= ?1 AND name < ?1 || 'g' ORDER BY name LIMIT ?2",
        params![prefix, MATCHES as i64],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)),
    )?;
    match found.as_slice() {
        [] => Ok(None),
        [(id, _)] => Ok(Some(*id)),
        // The whole name of one that is also the beginning of others.
        [(id, name), ..] if *name == prefix => Ok(Some(*id)),
        _ => Err(HistoryError::Ambiguous { prefix, matches: found.into_iter().map(|(_, name)| name).collect() }),
    }
}

pub(in crate::history) fn environments(connection: &Connection) -> Result<Vec<Environment>> {
    all(connection, "SELECT * FROM environments ORDER BY id", [], row::environment)
}

/// The environment of a run, with the annotations of that run.
pub(in crate::history) fn environment(connection: &Connection, run: RunId) -> Result<Option<Environment>> {
    let sql =
        "SELECT environments.* FROM runs JOIN environments ON environments.id = environment_id WHERE runs.id = ?1";
    let environment = first(connection, sql, [run.0], row::environment)?;
    environment.map(|found| Ok(Environment { annotations: annotations(connection, run)?, ..found })).transpose()
}

pub(in crate::history) fn annotations(connection: &Connection, run: RunId) -> Result<Vec<Annotation>> {
    let sql = "SELECT name, value FROM annotations WHERE run_id = ?1 ORDER BY ordinal";
    all(connection, sql, [run.0], |row| Ok(Annotation { name: row.get(0)?, value: row.get(1)? }))
}

/// The annotations of every run on an environment.
pub(in crate::history) fn all_annotations(
    connection: &Connection,
    environment: &str,
) -> Result<Vec<(RunId, Annotation)>> {
    let sql = "SELECT run_id, annotations.name AS name, value FROM runs JOIN annotations ON run_id = runs.id
               WHERE environment_id = ?1 ORDER BY run_id, ordinal";
    all(connection, sql, [environment], |row| {
        Ok((RunId(row.get(0)?), Annotation { name: row.get(1)?, value: row.get(2)? }))
    })
}

/// The id of a run's environment.
pub(in crate::history) fn environment_of(connection: &Connection, run: RunId) -> Result<String> {
    first(connection, "SELECT environment_id FROM runs WHERE id = ?1", [run.0], |row| Ok(row.get(0)?))?
        .ok_or(HistoryError::UnknownRun { run })
}
