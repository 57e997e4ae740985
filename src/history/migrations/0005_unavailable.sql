-- What a trial could not have, and why: missing is missing, and has a reason.
CREATE TABLE unavailable (
    trial_id INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    metric   TEXT    NOT NULL,
    place    INTEGER NOT NULL,
    reason   TEXT    NOT NULL,
    PRIMARY KEY (trial_id, metric)
) STRICT, WITHOUT ROWID;
