-- The history's first format: everything that DESIGN's words name. Append-only: a shipped migration is never edited.
--
-- Conventions. Names are the words of the platform in the plural. Times of day are milliseconds since 1970, durations
-- nanoseconds, memory and transfers bytes, shares millionths. Numbers that are unsigned 64-bit in the records are kept as
-- their two's complement, so that every value survives. `packed` columns are described in packing.rs. Words with a
-- closed list (states, grades, metrics) are kept as text, and checked when read. `place` keeps the order of a list.

PRAGMA application_id = 0x62656e63; -- "benc", so that no other program's database is taken for a history

-- One row: how often the history changed. See Reader::serial.
CREATE TABLE state (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    serial INTEGER NOT NULL
) STRICT;
INSERT INTO state (id, serial) VALUES (1, 0);

-- Machines, by the digest of what splits series.
CREATE TABLE environments (
    id             TEXT PRIMARY KEY,
    cpu            TEXT    NOT NULL,
    cores          INTEGER NOT NULL,
    memory_gib     INTEGER NOT NULL,
    virtualization TEXT    NOT NULL,
    platform       TEXT    NOT NULL
) STRICT;

-- What was ever under test. A later look at the same revision may correct its title and its position (a shallow clone
-- that became whole).
CREATE TABLE revisions (
    id           INTEGER PRIMARY KEY,
    name         TEXT    NOT NULL UNIQUE, -- 40 hex digits, or worktree-…
    kind         TEXT    NOT NULL,
    commit_name  TEXT    NOT NULL,
    parent       TEXT,
    tree         TEXT    NOT NULL,
    title        TEXT    NOT NULL,
    committed_at INTEGER NOT NULL,
    position     INTEGER NOT NULL
) STRICT;

-- Everything measured for one revision on one environment at one time. The five counts at the end are derived, kept in
-- the same transaction as what they count, so that lists and graph axes cost one row a run.
CREATE TABLE runs (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    revision_id     INTEGER NOT NULL REFERENCES revisions (id),
    environment_id  TEXT    NOT NULL REFERENCES environments (id),
    profile         TEXT    NOT NULL,
    plan            TEXT    NOT NULL, -- digest: runs of different plans never continue each other
    planned_trials  INTEGER NOT NULL,
    state           TEXT    NOT NULL,
    build_sha256    TEXT,             -- the three are NULL together: no build
    build_inputs    TEXT,
    build_toolchain TEXT,
    started_at      INTEGER NOT NULL,
    finished_at     INTEGER,
    reproduce       TEXT    NOT NULL,
    trials          INTEGER NOT NULL DEFAULT 0,
    failures        INTEGER NOT NULL DEFAULT 0,
    sound           INTEGER NOT NULL DEFAULT 0,
    noisy           INTEGER NOT NULL DEFAULT 0,
    unusable        INTEGER NOT NULL DEFAULT 0,
    CHECK ((build_sha256 IS NULL) = (build_inputs IS NULL)),
    CHECK ((build_sha256 IS NULL) = (build_toolchain IS NULL))
) STRICT;
-- The newest run of a revision on an environment is the last entry of its group.
CREATE INDEX runs_by_environment ON runs (environment_id, revision_id, id);
CREATE INDEX runs_by_revision ON runs (revision_id, id);

-- Named facts about the machine at the time of a run. A resumed run keeps the old ones and adds what is new.
CREATE TABLE annotations (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    place  INTEGER NOT NULL,
    name   TEXT    NOT NULL,
    value  TEXT    NOT NULL,
    PRIMARY KEY (run_id, place)
) STRICT, WITHOUT ROWID;

-- Scenarios at points of their parameters.
CREATE TABLE cases (
    id            INTEGER PRIMARY KEY,
    key           TEXT    NOT NULL UNIQUE, -- Case::key
    scenario      TEXT    NOT NULL,
    version       INTEGER NOT NULL,
    operation     TEXT    NOT NULL,
    parameters    TEXT    NOT NULL,        -- JSON
    configuration TEXT    NOT NULL,        -- JSON
    label         TEXT    NOT NULL         -- the newest known; empty where none is
) STRICT;
CREATE INDEX cases_by_scenario ON cases (scenario);

-- Case × version of the operation × metric × environment.
CREATE TABLE series (
    id                INTEGER PRIMARY KEY,
    case_id           INTEGER NOT NULL REFERENCES cases (id),
    operation_version INTEGER NOT NULL,
    metric            TEXT    NOT NULL,
    environment_id    TEXT    NOT NULL REFERENCES environments (id),
    UNIQUE (case_id, metric, environment_id, operation_version)
) STRICT;

-- One fresh set of subject processes each. With the four tables below, all that is raw.
CREATE TABLE trials (
    id                INTEGER PRIMARY KEY,
    run_id            INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    case_id           INTEGER NOT NULL REFERENCES cases (id),
    trial_index       INTEGER NOT NULL, -- which of its case
    run_order         INTEGER NOT NULL, -- its place among all of the run
    operation_version INTEGER NOT NULL,
    started_at        INTEGER NOT NULL,
    duration_ns       INTEGER NOT NULL,
    iterations        INTEGER NOT NULL,
    warmup            INTEGER NOT NULL,
    samples           INTEGER NOT NULL, -- warm-up included; the length of starts and of each column
    starts            BLOB    NOT NULL, -- packed, one column
    pressure_ppm      INTEGER,
    steal_ppm         INTEGER,
    others_ppm        INTEGER,
    sampler_ppm       INTEGER NOT NULL,
    clock_step_ns     INTEGER NOT NULL,
    UNIQUE (run_id, case_id, trial_index)
) STRICT;

CREATE TABLE sample_columns (
    trial_id INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    metric   TEXT    NOT NULL,
    place    INTEGER NOT NULL,
    packed   BLOB    NOT NULL, -- one column
    PRIMARY KEY (trial_id, metric)
) STRICT, WITHOUT ROWID;

CREATE TABLE totals (
    trial_id INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    metric   TEXT    NOT NULL,
    place    INTEGER NOT NULL,
    value    INTEGER NOT NULL,
    PRIMARY KEY (trial_id, metric)
) STRICT, WITHOUT ROWID;

CREATE TABLE reactor_histograms (
    trial_id INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    role     TEXT    NOT NULL,
    place    INTEGER NOT NULL,
    packed   BLOB    NOT NULL, -- two columns: nanoseconds, how many
    PRIMARY KEY (trial_id, role)
) STRICT;

CREATE TABLE timelines (
    trial_id INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    role     TEXT    NOT NULL,
    place    INTEGER NOT NULL,
    packed   BLOB    NOT NULL, -- seven columns, in the order of TimelinePoint's fields
    PRIMARY KEY (trial_id, role)
) STRICT;

-- Derived from trials, and can be again. Keyed so that a line of a graph is one scan of neighbours.
CREATE TABLE measurements (
    series_id      INTEGER NOT NULL REFERENCES series (id),
    run_id         INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    estimate       REAL    NOT NULL,
    low            REAL,    -- the three are NULL together: no interval
    high           REAL,
    level          REAL,
    trials         INTEGER NOT NULL,
    samples        INTEGER NOT NULL,
    grade          TEXT    NOT NULL,
    minimum        REAL    NOT NULL,
    lower_quartile REAL    NOT NULL,
    upper_quartile REAL    NOT NULL,
    p99            REAL    NOT NULL,
    spread_between REAL,    -- NULL: nothing to compare with
    spread_within  REAL,
    PRIMARY KEY (series_id, run_id),
    CHECK ((low IS NULL) = (high IS NULL)),
    CHECK ((low IS NULL) = (level IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX measurements_by_run ON measurements (run_id);

-- What was looked at before a measurement is believed.
CREATE TABLE checks (
    series_id INTEGER NOT NULL,
    run_id    INTEGER NOT NULL,
    name      TEXT    NOT NULL,
    place     INTEGER NOT NULL,
    status    TEXT    NOT NULL,
    figure    REAL,             -- NULL: not a number
    threshold REAL,             -- Check::limit
    advice    TEXT    NOT NULL,
    PRIMARY KEY (series_id, run_id, name),
    FOREIGN KEY (series_id, run_id) REFERENCES measurements (series_id, run_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- What could not be measured. A failure is a row, never a missing row.
CREATE TABLE failures (
    id          INTEGER PRIMARY KEY,
    run_id      INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    case_id     INTEGER REFERENCES cases (id), -- NULL: the revision as a whole
    label       TEXT,
    trial_index INTEGER,                       -- NULL: no trial was started
    kind        TEXT    NOT NULL,
    message     TEXT    NOT NULL,
    log         TEXT    NOT NULL,
    at          INTEGER NOT NULL
) STRICT;
CREATE INDEX failures_by_run ON failures (run_id);

-- What is being measured now: no row, or one.
CREATE TABLE progress (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    run_id         INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    case_id        INTEGER NOT NULL REFERENCES cases (id),
    label          TEXT    NOT NULL,
    trial          INTEGER NOT NULL,
    trials         INTEGER NOT NULL,
    done_trials    INTEGER NOT NULL,
    planned_trials INTEGER NOT NULL,
    at             INTEGER NOT NULL
) STRICT;

-- Two runs measured interleaved. All sizes and error rates are fixed before the first trial, and kept with the result.
-- Written by comparisons, which come later; so are blocks, canaries, verdicts and findings.
CREATE TABLE comparisons (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    base_run_id    INTEGER NOT NULL UNIQUE REFERENCES runs (id),
    head_run_id    INTEGER NOT NULL UNIQUE REFERENCES runs (id),
    purpose        TEXT    NOT NULL, -- gate (parent against commit), anchor, same (A/A), injected, neutral
    injection      TEXT,             -- what was injected into head, for calibration
    identical      INTEGER NOT NULL CHECK (identical IN (0, 1)), -- equal binary, configuration, operations, injection
    seed           INTEGER NOT NULL, -- of the order within blocks
    first_blocks   INTEGER NOT NULL, -- stage 1
    second_blocks  INTEGER NOT NULL, -- stage 2
    first_alpha    REAL    NOT NULL,
    second_alpha   REAL    NOT NULL,
    budget         REAL    NOT NULL, -- probability of any false verdict on a clean commit
    gate_series    INTEGER NOT NULL, -- N of the budget's division
    state          TEXT    NOT NULL,
    started_at     INTEGER NOT NULL,
    finished_at    INTEGER,
    CHECK (base_run_id <> head_run_id)
) STRICT;

-- Which trials stand against each other. Data are never pooled across stages.
CREATE TABLE blocks (
    comparison_id    INTEGER NOT NULL REFERENCES comparisons (id) ON DELETE CASCADE,
    case_id       INTEGER NOT NULL REFERENCES cases (id),
    stage         INTEGER NOT NULL CHECK (stage IN (1, 2)),
    block         INTEGER NOT NULL, -- from 0
    base_trial_id INTEGER NOT NULL UNIQUE REFERENCES trials (id),
    head_trial_id INTEGER NOT NULL UNIQUE REFERENCES trials (id),
    head_first    INTEGER NOT NULL CHECK (head_first IN (0, 1)),
    PRIMARY KEY (comparison_id, case_id, stage, block)
) STRICT, WITHOUT ROWID;

-- The runner's own fixed workload around a trial, to tell a drifting machine from changed code.
CREATE TABLE canaries (
    trial_id INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    workload TEXT    NOT NULL, -- name and version of the workload: other versions are not comparable
    moment   TEXT    NOT NULL, -- before, after
    wall_ns  INTEGER NOT NULL,
    cpu_ns   INTEGER NOT NULL,
    PRIMARY KEY (trial_id, workload, moment)
) STRICT, WITHOUT ROWID;

-- What a comparison says about one series, with all that the decision rests on. An effect is a ratio head / base, or a
-- difference head - base for counts that may be zero.
CREATE TABLE verdicts (
    comparison_id    INTEGER NOT NULL REFERENCES comparisons (id) ON DELETE CASCADE,
    series_id     INTEGER NOT NULL REFERENCES series (id),
    kind          TEXT    NOT NULL, -- worse, better, equivalent, inconclusive; none: no verdict, see reason
    gate          INTEGER NOT NULL CHECK (gate IN (0, 1)), -- whether it may turn red or green
    scale         TEXT    NOT NULL, -- ratio, difference
    stage         INTEGER,          -- the stage that the figures come from alone; NULL: not measured, as identical
    blocks        INTEGER NOT NULL,
    effect        REAL,             -- Hodges-Lehmann
    low           REAL,
    high          REAL,
    level         REAL,             -- of the interval, exact
    p             REAL,             -- Wilcoxon signed-rank
    alpha         REAL,             -- what p was held against
    margin        REAL    NOT NULL, -- below it a change does not matter
    resolution    REAL,             -- the change that would have been caught with 90% probability
    blocks_needed INTEGER,          -- how many would decide, where the verdict is inconclusive
    reason        TEXT    NOT NULL, -- in plain English; empty where the figures say it all
    decided_at    INTEGER NOT NULL,
    PRIMARY KEY (comparison_id, series_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX verdicts_by_series ON verdicts (series_id);

-- Changes found in history, the series that change at one place grouped into one. The change lies after the first of the
-- two revisions, and at the latest at the second.
CREATE TABLE findings (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    environment_id    TEXT    NOT NULL REFERENCES environments (id),
    after_revision_id INTEGER REFERENCES revisions (id), -- NULL: from the beginning
    at_revision_id    INTEGER NOT NULL REFERENCES revisions (id),
    state             TEXT    NOT NULL, -- new, confirmed, acknowledged, resolved, noise: that of its last event
    found_at          INTEGER NOT NULL
) STRICT;
CREATE INDEX findings_by_environment ON findings (environment_id, state);

CREATE TABLE finding_series (
    finding_id    INTEGER NOT NULL REFERENCES findings (id) ON DELETE CASCADE,
    series_id     INTEGER NOT NULL REFERENCES series (id),
    ratio         REAL    NOT NULL, -- level after over level before
    low           REAL,
    high          REAL,
    cost_gain     REAL    NOT NULL, -- what the change saves in the segmentation's cost …
    penalty       REAL    NOT NULL, -- … against what it has to save
    points_before INTEGER NOT NULL,
    points_after  INTEGER NOT NULL,
    PRIMARY KEY (finding_id, series_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX finding_series_by_series ON finding_series (series_id);

-- What happened to a finding; nothing is deleted.
CREATE TABLE finding_events (
    id         INTEGER PRIMARY KEY,
    finding_id INTEGER NOT NULL REFERENCES findings (id) ON DELETE CASCADE,
    at         INTEGER NOT NULL,
    state      TEXT    NOT NULL, -- the state from here on
    person     TEXT,             -- NULL: the platform itself
    reason     TEXT    NOT NULL
) STRICT;
CREATE INDEX finding_events_by_finding ON finding_events (finding_id, id);
