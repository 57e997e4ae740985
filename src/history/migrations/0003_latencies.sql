-- Latencies of more kinds than the reactor's: of requests, and of the load generator itself.
CREATE TABLE latency_histograms (
    trial_id INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    role     TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    place    INTEGER NOT NULL,
    packed   BLOB    NOT NULL, -- two columns: nanoseconds, how many
    PRIMARY KEY (trial_id, role, kind)
) STRICT;
INSERT INTO latency_histograms (trial_id, role, kind, place, packed)
    SELECT trial_id, role, 'reactor', place, packed FROM reactor_histograms;
DROP TABLE reactor_histograms;
