-- Comparisons, findings and calibrations. The first format named tables for most of them, and nothing ever wrote those:
-- they are dropped, and made anew as the records turned out.

-- The part that a run plays: alone, head, base, calibration. Only the first two stand on graphs, and the newest of them
-- for a revision on an environment is the last entry of its group.
ALTER TABLE runs ADD COLUMN part TEXT NOT NULL DEFAULT 'single';
DROP INDEX runs_by_environment;
CREATE INDEX runs_on_axis ON runs (environment_id, revision_id, id, part) WHERE part IN ('single', 'head');

-- All series of one machine, for findings.
CREATE INDEX series_by_environment ON series (environment_id, metric);

-- What became of the cases of each group of scenarios (`sync` of `sync/upload`) in a run: each case counts once, by the
-- worst that its failures and its times, CPU times and peaks say. Derived, kept in the same transaction as what it counts.
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
INSERT INTO group_counts
WITH outcomes (run_id, case_id, severity) AS (
    SELECT run_id, case_id,
           max(CASE
               WHEN substr(metric, instr(metric, '.') + 1) NOT IN ('wall_time', 'cpu_time', 'rss_peak') THEN 0
               WHEN grade = 'unusable' THEN 2
               WHEN grade = 'noisy' THEN 1
               ELSE 0 END)
    FROM measurements JOIN series ON series.id = series_id GROUP BY run_id, case_id
    UNION ALL
    SELECT run_id, case_id, max(CASE kind WHEN 'unsupported' THEN 3 ELSE 4 END)
    FROM failures WHERE case_id IS NOT NULL GROUP BY run_id, case_id
), worst (run_id, case_id, severity) AS (SELECT run_id, case_id, max(severity) FROM outcomes GROUP BY run_id, case_id)
SELECT run_id, substr(scenario, 1, instr(scenario || '/', '/') - 1) AS scenario_group,
       count(*) FILTER (WHERE severity = 0), count(*) FILTER (WHERE severity = 1), count(*) FILTER (WHERE severity = 2),
       count(*) FILTER (WHERE severity = 4), count(*) FILTER (WHERE severity = 3)
FROM worst JOIN cases ON cases.id = case_id GROUP BY run_id, scenario_group;

DROP TABLE verdicts;
DROP TABLE blocks;
DROP TABLE comparisons;
DROP TABLE canaries;
DROP TABLE finding_events;
DROP TABLE finding_series;
DROP TABLE findings;

-- Two runs measured interleaved. All sizes and error rates are fixed before the first trial, and kept with the result.
-- The counts at the end are of the verdicts of gate series, kept in the same transaction as what they count.
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

-- Which trials stand against each other. Data are never pooled across stages.
CREATE TABLE blocks (
    comparison_id    INTEGER NOT NULL REFERENCES comparisons (id) ON DELETE CASCADE,
    case_id       INTEGER NOT NULL REFERENCES cases (id),
    stage         INTEGER NOT NULL, -- 1, 2
    block         INTEGER NOT NULL, -- from 0
    base_trial_id INTEGER NOT NULL UNIQUE REFERENCES trials (id), -- both trials are of one case and have one index
    head_trial_id INTEGER NOT NULL UNIQUE REFERENCES trials (id),
    head_first    INTEGER NOT NULL CHECK (head_first IN (0, 1)),
    PRIMARY KEY (comparison_id, case_id, stage, block)
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

-- What a comparison says about one series, with all that the decision rests on.
CREATE TABLE verdicts (
    comparison_id    INTEGER NOT NULL REFERENCES comparisons (id) ON DELETE CASCADE,
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

-- The series that change at a finding, as the history was last looked at.
CREATE TABLE finding_series (
    finding_id    INTEGER NOT NULL REFERENCES findings (id) ON DELETE CASCADE,
    series_id     INTEGER NOT NULL REFERENCES series (id),
    place         INTEGER NOT NULL,
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
    state      TEXT    NOT NULL, -- the state from here on
    person     TEXT,             -- NULL: the platform itself
    reason     TEXT    NOT NULL
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

-- What stands in each of a calibration's blocks: a run a variant.
CREATE TABLE calibration_variants (
    calibration_id INTEGER NOT NULL REFERENCES calibrations (id) ON DELETE CASCADE,
    variant            TEXT    NOT NULL, -- base, same, slowdown, memory, neutral
    amount         INTEGER NOT NULL, -- what the variant's word is followed by; 0 where nothing is
    run_id         INTEGER NOT NULL UNIQUE REFERENCES runs (id),
    PRIMARY KEY (calibration_id, variant, amount)
) STRICT, WITHOUT ROWID;

-- How often the procedure spoke, replayed on what the variants recorded.
CREATE TABLE rates (
    calibration_id INTEGER NOT NULL REFERENCES calibrations (id) ON DELETE CASCADE,
    place          INTEGER NOT NULL,
    variant            TEXT    NOT NULL,
    amount         INTEGER NOT NULL,
    case_id        INTEGER REFERENCES cases (id), -- the two are NULL together: whole commits
    metric         TEXT,
    pairs          INTEGER NOT NULL,
    independent    INTEGER NOT NULL,
    flagged        INTEGER NOT NULL,
    spread         REAL,
    resolution     REAL,
    PRIMARY KEY (calibration_id, place),
    CHECK ((case_id IS NULL) = (metric IS NULL))
) STRICT, WITHOUT ROWID;
