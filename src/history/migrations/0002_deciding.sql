-- Comparisons, findings and calibrations.

-- The part that a run plays: alone, head, base, calibration.
ALTER TABLE runs ADD COLUMN part TEXT NOT NULL DEFAULT 'alone';
