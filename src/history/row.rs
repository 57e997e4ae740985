//! Between rows and records. Whatever a row holds, reading it gives a record or an error, never a panic.

use serde::{
    de::DeserializeOwned,
    de::value::{Error as WordError, StrDeserializer},
};

use super::{
    error::{HistoryError, Result},
    records::RunListing,
};
use crate::database::{Connection, Params, Row, SqlError, query_all, query_first, signed, unsigned};
use crate::model::{
    Case, CaseLabel, CheckStatus, Design, Environment, Interval, Revision, RevisionKind, Run, RunId, Stage,
    SubjectBuild, UnixMillis, Values, VariantKind,
};

/// [`query_all`] with this room's error, so that closures need not name it.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    record: impl FnMut(&Row) -> Result<T>,
) -> Result<Vec<T>> {
    query_all(connection, sql, parameters, record)
}

/// [`query_first`] with this room's error.
pub(super) fn first<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    record: impl FnOnce(&Row) -> Result<T>,
) -> Result<Option<T>> {
    query_first(connection, sql, parameters, record)
}

/// A word of one of the model's closed lists, such as `finished`. `what` says which list.
pub(super) fn word<T: DeserializeOwned>(text: &str, what: &str) -> Result<T> {
    T::deserialize(StrDeserializer::<WordError>::new(text))
        .map_err(|_| HistoryError::damaged(format!("`{text}` is not a valid {what}")))
}

/// The word that [`word`] reads again.
pub(super) const fn status_word(status: CheckStatus) -> &'static str {
    match status {
        CheckStatus::Pass => "pass",
        CheckStatus::Warn => "warn",
        CheckStatus::Fail => "fail",
    }
}

/// The word that [`word`] reads again.
pub(super) const fn kind_word(kind: RevisionKind) -> &'static str {
    match kind {
        RevisionKind::Commit => "commit",
        RevisionKind::Worktree => "worktree",
    }
}

/// A text column that holds a word.
pub(super) fn word_at<T: DeserializeOwned>(row: &Row, column: &str) -> Result<T> {
    word(row.get_ref(column)?.as_str().map_err(SqlError::from)?, column)
}

/// A number column stored by [`signed`].
pub(super) fn unsigned_at(row: &Row, column: &str) -> Result<u64> {
    Ok(unsigned(row.get(column)?))
}

/// The columns of `cases`, without its label.
pub(super) fn case(row: &Row) -> Result<Case> {
    Ok(Case {
        scenario: row.get("scenario")?,
        version: row.get("version")?,
        operation: row.get("operation")?,
        parameters: values(row, "parameters")?,
        configuration: values(row, "configuration")?,
    })
}

/// The column `label`.
pub(super) fn label(row: &Row) -> Result<CaseLabel> {
    Ok(CaseLabel(row.get("label")?))
}

fn values(row: &Row, column: &str) -> Result<Values> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| HistoryError::damaged(format!("{column} of a case: {error}")))
}

/// The columns of `environments`, without annotations.
pub(super) fn environment(row: &Row) -> Result<Environment> {
    Ok(Environment {
        id: row.get("id")?,
        cpu: row.get("cpu")?,
        cores: row.get("cores")?,
        memory_gib: unsigned_at(row, "memory_gib")?,
        virtualization: row.get("virtualization")?,
        platform: row.get("platform")?,
        microcode: row.get("microcode")?,
        annotations: Vec::new(),
    })
}

/// What [`listing`] reads, to be continued with conditions and an order.
pub(super) const LISTING: &str = "SELECT runs.*, name, kind, commit_name, parent, tree, title, committed_at, position \
     FROM runs JOIN revisions ON revisions.id = runs.revision_id";

/// The end of a query on runs joined with revisions: a graph's x axis, which is the newest run of each revision on the
/// environment `?1`, without bases and calibrations. Every query about places on an axis ends like this.
pub(super) const AXIS: &str = "WHERE runs.id IN (SELECT max(id) FROM runs \
         WHERE environment_id = ?1 AND part IN ('single', 'head') GROUP BY revision_id) \
     ORDER BY position, committed_at, runs.id";

/// The end of such a query: the newest run of each revision on each environment, at most `?1` of them.
pub(super) const LATEST: &str = "WHERE runs.id IN (SELECT max(id) FROM runs \
         WHERE part IN ('single', 'head') GROUP BY environment_id, revision_id) \
     ORDER BY position DESC, runs.id DESC LIMIT ?1";

/// A row of [`LISTING`].
pub(super) fn listing(row: &Row) -> Result<RunListing> {
    Ok(RunListing {
        run: run(row)?,
        sound: row.get("sound")?,
        noisy: row.get("noisy")?,
        unusable: row.get("unusable")?,
        failures: row.get("failures")?,
        trials: row.get("trials")?,
        planned_trials: row.get("planned_trials")?,
    })
}

fn run(row: &Row) -> Result<Run> {
    Ok(Run {
        id: RunId(row.get("id")?),
        revision: revision(row)?,
        environment: row.get("environment_id")?,
        profile: word_at(row, "profile")?,
        part: word_at(row, "part")?,
        state: word_at(row, "state")?,
        build: build(row)?,
        started_at: UnixMillis(row.get("started_at")?),
        finished_at: row.get::<_, Option<i64>>("finished_at")?.map(UnixMillis),
        reproduce: row.get("reproduce")?,
    })
}

/// The columns `build_…`.
pub(super) fn build(row: &Row) -> Result<Option<SubjectBuild>> {
    let Some(sha256) = row.get("build_sha256")? else { return Ok(None) };
    Ok(Some(SubjectBuild { sha256, inputs: row.get("build_inputs")?, toolchain: row.get("build_toolchain")? }))
}

/// The columns of `revisions`.
pub(super) fn revision(row: &Row) -> Result<Revision> {
    Ok(Revision {
        id: row.get("name")?,
        kind: word_at(row, "kind")?,
        commit: row.get("commit_name")?,
        parent: row.get("parent")?,
        tree: row.get("tree")?,
        title: row.get("title")?,
        committed_at: UnixMillis(row.get("committed_at")?),
        position: unsigned_at(row, "position")?,
    })
}

/// The columns of a [`Design`], in comparisons and in calibrations.
pub(super) fn design(row: &Row) -> Result<Design> {
    Ok(Design {
        first_blocks: row.get("first_blocks")?,
        second_blocks: row.get("second_blocks")?,
        first_alpha: row.get("first_alpha")?,
        second_alpha: row.get("second_alpha")?,
        budget: row.get("budget")?,
        gate_series: row.get("gate_series")?,
    })
}

/// The columns `low`, `high` and `level`.
pub(super) fn interval(row: &Row) -> Result<Option<Interval>> {
    let Some(low) = row.get("low")? else { return Ok(None) };
    Ok(Some(Interval { low, high: row.get("high")?, level: row.get("level")? }))
}

/// The inverse of [`Stage::number`].
pub(super) fn stage(number: u32) -> Result<Stage> {
    let found = [Stage::First, Stage::Second].into_iter().find(|stage| stage.number() == number);
    found.ok_or_else(|| HistoryError::damaged(format!("{number} is not a valid stage")))
}

/// A variant as the database stores it: its word, and the amount of its injection.
pub(super) const fn variant_columns(variant: VariantKind) -> (&'static str, i64) {
    match variant {
        VariantKind::Base => ("base", 0),
        VariantKind::Same => ("same", 0),
        VariantKind::Slowdown(ppm) => ("slowdown", ppm as i64),
        VariantKind::Memory(bytes) => ("memory", signed(bytes)),
        VariantKind::Neutral(seed) => ("neutral", seed as i64),
    }
}

/// The inverse of [`variant_columns`], from the columns `variant` and `amount`.
pub(super) fn variant(row: &Row) -> Result<VariantKind> {
    let (word, amount): (String, i64) = (row.get("variant")?, row.get("amount")?);
    let unknown = || HistoryError::damaged(format!("`{word} {amount}` is not a valid variant"));
    let small = || u32::try_from(amount).map_err(|_| unknown());
    match (word.as_str(), amount) {
        ("base", 0) => Ok(VariantKind::Base),
        ("same", 0) => Ok(VariantKind::Same),
        ("slowdown", _) => Ok(VariantKind::Slowdown(small()?)),
        ("memory", _) => Ok(VariantKind::Memory(unsigned(amount))),
        ("neutral", _) => Ok(VariantKind::Neutral(small()?)),
        _ => Err(unknown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        FailureKind, FindingState, Grade, Metric, Part, Profile, Purpose, Role, RunState, Scale, VerdictKind,
    };

    #[test]
    fn words_are_read_as_they_are_written() {
        for state in RunState::ALL {
            assert_eq!(word::<RunState>(state.as_str(), "state").unwrap(), state);
        }
        for kind in FailureKind::ALL {
            assert_eq!(word::<FailureKind>(kind.as_str(), "kind").unwrap(), kind);
        }
        for profile in Profile::ALL {
            assert_eq!(word::<Profile>(profile.as_str(), "profile").unwrap(), profile);
        }
        for role in [Role::Client, Role::Server, Role::Load] {
            assert_eq!(word::<Role>(role.as_str(), "role").unwrap(), role);
        }
        for grade in [Grade::Sound, Grade::Noisy, Grade::Unusable] {
            assert_eq!(word::<Grade>(grade.as_str(), "grade").unwrap(), grade);
        }
        for status in [CheckStatus::Pass, CheckStatus::Warn, CheckStatus::Fail] {
            assert_eq!(word::<CheckStatus>(status_word(status), "status").unwrap(), status);
        }
        for kind in [RevisionKind::Commit, RevisionKind::Worktree] {
            assert_eq!(word::<RevisionKind>(kind_word(kind), "kind").unwrap(), kind);
        }
        for part in Part::ALL {
            assert_eq!(word::<Part>(part.as_str(), "part").unwrap(), part);
        }
        for purpose in Purpose::ALL {
            assert_eq!(word::<Purpose>(purpose.as_str(), "purpose").unwrap(), purpose);
        }
        for kind in VerdictKind::ALL {
            assert_eq!(word::<VerdictKind>(kind.as_str(), "kind").unwrap(), kind);
        }
        for scale in [Scale::Ratio, Scale::Difference] {
            assert_eq!(word::<Scale>(scale.as_str(), "scale").unwrap(), scale);
        }
        for state in FindingState::ALL {
            assert_eq!(word::<FindingState>(state.as_str(), "state").unwrap(), state);
        }
        assert_eq!(word::<Metric>("wall_time", "metric").unwrap(), Metric::WALL_TIME);
        let error = word::<Grade>("lovely", "grade").unwrap_err().to_string();
        assert!(error.contains("`lovely` is not a valid grade"), "{error}");
    }
}
