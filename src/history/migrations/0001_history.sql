-- The history: runs with all that was measured, and what was decided from it. Append-only: this file is never edited.
--
-- Conventions. Tables are named after the words of the glossary. Times of day are milliseconds since 1970, durations
-- nanoseconds, memory and transfers bytes, shares millionths. Numbers that are unsigned 64-bit in the records are stored as
-- their two's complement, so that every value survives. `packed` columns are described in packing.rs. Words with a
-- closed list (states, grades, metrics) are stored as text, and checked when read. `ordinal` is the place in a list.

-- Machines, by the digest of what splits series.
CREATE TABLE environments (
    id             TEXT PRIMARY KEY,
    cpu            TEXT    NOT NULL,
    cores          INTEGER NOT NULL,
    memory_gib     INTEGER NOT NULL,
    virtualization TEXT    NOT NULL,
    platform       TEXT    NOT NULL,
    microcode      TEXT    NOT NULL -- empty for machines that do not report it
) STRICT;

-- What was ever measured. A later look at the same revision may correct its title and its position (a shallow clone
-- that became complete).
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

-- Everything measured for one revision on one environment at one time. The five counts at the end are derived, and written
-- in the same transaction as what they count, so that lists and graph axes read one row a run.
CREATE TABLE runs (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    revision_id     INTEGER NOT NULL REFERENCES revisions (id),
    environment_id  TEXT    NOT NULL REFERENCES environments (id),
    profile         TEXT    NOT NULL,
    part            TEXT    NOT NULL, -- single, head, detached, base, calibration
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
CREATE INDEX runs_by_revision ON runs (revision_id, id);
-- The newest of these for a revision on an environment is the last entry of its group.
CREATE INDEX runs_on_axis ON runs (environment_id, revision_id, id, part) WHERE part IN ('single', 'head');

-- Named facts about the machine at the time of a run. A resumed run keeps the old ones and adds what is new.
CREATE TABLE annotations (
    run_id  INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    name    TEXT    NOT NULL,
    value   TEXT    NOT NULL,
    PRIMARY KEY (run_id, ordinal)
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
CREATE INDEX series_by_environment ON series (environment_id, metric);

-- One fresh set of subject processes each. With the six tables below, all that is raw.
CREATE TABLE trials (
    id                INTEGER PRIMARY KEY,
    run_id            INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    case_id           INTEGER NOT NULL REFERENCES cases (id),
    trial_index       INTEGER NOT NULL, -- among those of its case
    run_order         INTEGER NOT NULL, -- among those of its run
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
    ordinal  INTEGER NOT NULL,
    packed   BLOB    NOT NULL, -- one column
    PRIMARY KEY (trial_id, metric)
) STRICT, WITHOUT ROWID;

CREATE TABLE trial_totals (
    trial_id INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    metric   TEXT    NOT NULL,
    ordinal  INTEGER NOT NULL,
    value    INTEGER NOT NULL,
    PRIMARY KEY (trial_id, metric)
) STRICT, WITHOUT ROWID;

CREATE TABLE latency_histograms (
    trial_id INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    role     TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    ordinal  INTEGER NOT NULL,
    packed   BLOB    NOT NULL, -- two columns: nanoseconds, how many
    PRIMARY KEY (trial_id, role, kind)
) STRICT;

CREATE TABLE timelines (
    trial_id INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    role     TEXT    NOT NULL,
    ordinal  INTEGER NOT NULL,
    packed   BLOB    NOT NULL, -- seven columns, in the order of TimelinePoint's fields
    PRIMARY KEY (trial_id, role)
) STRICT;

-- What a trial could not measure, and why: missing is missing, and has a reason.
CREATE TABLE unavailable_metrics (
    trial_id INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    metric   TEXT    NOT NULL,
    ordinal  INTEGER NOT NULL,
    reason   TEXT    NOT NULL,
    PRIMARY KEY (trial_id, metric)
) STRICT, WITHOUT ROWID;

-- The runner's own fixed workload around a trial, to tell a drifting machine from changed code.
CREATE TABLE canaries (
    trial_id       INTEGER PRIMARY KEY REFERENCES trials (id) ON DELETE CASCADE,
    workload       TEXT    NOT NULL, -- its name and version: others are not comparable
    before_wall_ns INTEGER NOT NULL,
    before_cpu_ns  INTEGER NOT NULL,
    after_wall_ns  INTEGER NOT NULL,
    after_cpu_ns   INTEGER NOT NULL
) STRICT;

-- Derived from trials, and can be derived again. Keyed so that a series is one scan of neighbours.
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

-- Texts of advice. Most checks pass and have none, and the others share a few texts, so each is stored once.
CREATE TABLE advice (
    id   INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;

-- The checks that a measurement passed or failed.
CREATE TABLE checks (
    series_id INTEGER NOT NULL,
    run_id    INTEGER NOT NULL,
    name      TEXT    NOT NULL,
    ordinal   INTEGER NOT NULL,
    status    TEXT    NOT NULL,
    figure    REAL,                             -- NULL: not a number
    threshold REAL,                             -- Check::limit
    advice_id INTEGER REFERENCES advice (id),   -- NULL: none
    PRIMARY KEY (series_id, run_id, name),
    FOREIGN KEY (series_id, run_id) REFERENCES measurements (series_id, run_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- What could not be measured. A failure is a row, never a missing row.
CREATE TABLE failures (
    id          INTEGER PRIMARY KEY,
    run_id      INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    case_id     INTEGER REFERENCES cases (id), -- NULL: the whole revision
    label       TEXT,
    trial_index INTEGER,                       -- NULL: no trial was started
    kind        TEXT    NOT NULL,
    message     TEXT    NOT NULL,
    log         TEXT    NOT NULL,
    at          INTEGER NOT NULL
) STRICT;
CREATE INDEX failures_by_run ON failures (run_id);

-- The outcomes of the cases of each group of scenarios (`sync` of `sync/upload`) in a run: each case counts once, by the
-- worst of its failures and of its times, CPU times and peaks. Derived, and written in the same transaction as what it
-- counts.
CREATE TABLE group_counts (
    run_id         INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    scenario_group TEXT    NOT NULL,
    sound          INTEGER NOT NULL,
    noisy          INTEGER NOT NULL,
    unusable       INTEGER NOT NULL,
    failed         INTEGER NOT NULL,
    unsupported    INTEGER NOT NULL,
    PRIMARY KEY (run_id, scenario_group)
) STRICT, WITHOUT ROWID;

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

-- Two runs measured interleaved. All sizes and error rates are fixed before the first trial, and stored with the result.
-- The counts at the end are of the verdicts of gate series, written in the same transaction as what they count.
CREATE TABLE comparisons (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    base_run_id   INTEGER NOT NULL UNIQUE REFERENCES runs (id),
    head_run_id   INTEGER NOT NULL UNIQUE REFERENCES runs (id),
    purpose       TEXT    NOT NULL,
    identical     INTEGER NOT NULL CHECK (identical IN (0, 1)), -- equal binary and configuration
    first_blocks  INTEGER NOT NULL, -- Design, in its order
    second_blocks INTEGER NOT NULL,
    first_alpha   REAL    NOT NULL,
    second_alpha  REAL    NOT NULL,
    budget        REAL    NOT NULL,
    gate_series   INTEGER NOT NULL,
    seed          INTEGER NOT NULL, -- of the order within blocks and of the order of cases
    state         TEXT    NOT NULL,
    started_at    INTEGER NOT NULL,
    finished_at   INTEGER,
    worse         INTEGER NOT NULL DEFAULT 0,
    better        INTEGER NOT NULL DEFAULT 0,
    equivalent    INTEGER NOT NULL DEFAULT 0,
    inconclusive  INTEGER NOT NULL DEFAULT 0,
    unusable      INTEGER NOT NULL DEFAULT 0,
    CHECK (base_run_id <> head_run_id)
) STRICT;

-- Which two trials are compared with each other. Data are never pooled across stages.
CREATE TABLE blocks (
    comparison_id INTEGER NOT NULL REFERENCES comparisons (id) ON DELETE CASCADE,
    case_id       INTEGER NOT NULL REFERENCES cases (id),
    stage         INTEGER NOT NULL, -- 1, 2
    block_index   INTEGER NOT NULL, -- from 0
    base_trial_id INTEGER NOT NULL UNIQUE REFERENCES trials (id), -- both trials are of one case and have one index
    head_trial_id INTEGER NOT NULL UNIQUE REFERENCES trials (id),
    head_first    INTEGER NOT NULL CHECK (head_first IN (0, 1)),
    PRIMARY KEY (comparison_id, case_id, stage, block_index)
) STRICT, WITHOUT ROWID;

-- The decision of a comparison about one series, with all that it rests on.
CREATE TABLE verdicts (
    comparison_id INTEGER NOT NULL REFERENCES comparisons (id) ON DELETE CASCADE,
    series_id     INTEGER NOT NULL REFERENCES series (id),
    kind          TEXT    NOT NULL,
    gate          INTEGER NOT NULL CHECK (gate IN (0, 1)), -- whether it may turn red or green
    scale         TEXT    NOT NULL,
    stage         INTEGER,          -- NULL: not measured, as the subjects are identical
    blocks        INTEGER NOT NULL,
    effect        REAL,
    low           REAL,             -- the three are NULL together: no interval
    high          REAL,
    level         REAL,
    p             REAL,
    alpha         REAL,
    margin        REAL    NOT NULL,
    resolution    REAL,
    blocks_needed INTEGER,
    reason        TEXT    NOT NULL,
    decided_at    INTEGER NOT NULL,
    PRIMARY KEY (comparison_id, series_id),
    CHECK ((low IS NULL) = (high IS NULL)),
    CHECK ((low IS NULL) = (level IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX verdicts_by_series ON verdicts (series_id);

-- Changes found in history, the series that change at one place grouped into one. The change lies after the first of the
-- two revisions, and at the latest at the second.
CREATE TABLE findings (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    environment_id    TEXT    NOT NULL REFERENCES environments (id),
    after_revision_id INTEGER REFERENCES revisions (id),
    at_revision_id    INTEGER NOT NULL REFERENCES revisions (id),
    state             TEXT    NOT NULL, -- that of its last event
    found_at          INTEGER NOT NULL  -- the time of its first
) STRICT;
CREATE INDEX findings_by_environment ON findings (environment_id, state);
CREATE INDEX findings_by_state ON findings (state);

-- The series that change at a finding, as of the newest analysis.
CREATE TABLE finding_series (
    finding_id    INTEGER NOT NULL REFERENCES findings (id) ON DELETE CASCADE,
    series_id     INTEGER NOT NULL REFERENCES series (id),
    ordinal       INTEGER NOT NULL,
    ratio         REAL    NOT NULL, -- level after over level before
    low           REAL,             -- the three are NULL together: no interval
    high          REAL,
    level         REAL,
    gain          REAL    NOT NULL, -- what the change saves in the segmentation's cost …
    penalty       REAL    NOT NULL, -- … against what it has to save
    points_before INTEGER NOT NULL,
    points_after  INTEGER NOT NULL,
    confirmed     INTEGER NOT NULL CHECK (confirmed IN (0, 1)),
    PRIMARY KEY (finding_id, series_id),
    CHECK ((low IS NULL) = (high IS NULL)),
    CHECK ((low IS NULL) = (level IS NULL))
) STRICT, WITHOUT ROWID;

-- What happened to a finding; nothing is deleted.
CREATE TABLE finding_events (
    id         INTEGER PRIMARY KEY,
    finding_id INTEGER NOT NULL REFERENCES findings (id) ON DELETE CASCADE,
    at         INTEGER NOT NULL,
    kind       TEXT    NOT NULL, -- detected, state_changed, note, moved
    moved_to   TEXT,             -- name of the revision that a person moved it to
    state      TEXT    NOT NULL, -- the state from here on
    person     TEXT,             -- NULL: the platform itself
    reason     TEXT    NOT NULL,
    CHECK ((kind = 'moved') = (moved_to IS NOT NULL))
) STRICT;
CREATE INDEX finding_events_by_finding ON finding_events (finding_id, id);

-- The platform measuring itself on one machine.
CREATE TABLE calibrations (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    environment_id  TEXT    NOT NULL REFERENCES environments (id),
    build_sha256    TEXT    NOT NULL,
    build_inputs    TEXT    NOT NULL,
    build_toolchain TEXT    NOT NULL,
    plan            TEXT    NOT NULL, -- digest: calibrations of different plans never continue each other
    blocks          INTEGER NOT NULL,
    first_blocks    INTEGER NOT NULL, -- Design, in its order
    second_blocks   INTEGER NOT NULL,
    first_alpha     REAL    NOT NULL,
    second_alpha    REAL    NOT NULL,
    budget          REAL    NOT NULL,
    gate_series     INTEGER NOT NULL,
    state           TEXT    NOT NULL,
    started_at      INTEGER NOT NULL,
    finished_at     INTEGER
) STRICT;
CREATE INDEX calibrations_by_environment ON calibrations (environment_id);

-- The variants of a calibration: a run each, with a trial in every block.
CREATE TABLE calibration_variants (
    calibration_id INTEGER NOT NULL REFERENCES calibrations (id) ON DELETE CASCADE,
    variant        TEXT    NOT NULL, -- base, same, slowdown, memory, neutral
    amount         INTEGER NOT NULL, -- of the variant's injection; 0 where it has none
    run_id         INTEGER NOT NULL UNIQUE REFERENCES runs (id),
    PRIMARY KEY (calibration_id, variant, amount)
) STRICT, WITHOUT ROWID;

-- How often the procedure flagged a variant, replayed on the recorded trials.
CREATE TABLE calibration_rates (
    calibration_id INTEGER NOT NULL REFERENCES calibrations (id) ON DELETE CASCADE,
    ordinal        INTEGER NOT NULL,
    variant        TEXT    NOT NULL,
    amount         INTEGER NOT NULL,
    case_id        INTEGER REFERENCES cases (id), -- the two are NULL together: whole commits
    metric         TEXT,
    pairs          INTEGER NOT NULL,
    independent    INTEGER NOT NULL,
    flagged        INTEGER NOT NULL,
    spread         REAL,
    resolution     REAL,
    PRIMARY KEY (calibration_id, ordinal),
    CHECK ((case_id IS NULL) = (metric IS NULL))
) STRICT, WITHOUT ROWID;
