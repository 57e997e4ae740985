-- The microcode splits series too: it changes what the same processor does in the same time. Empty for machines that were
-- described before, and for those that do not tell.
ALTER TABLE environments ADD COLUMN microcode TEXT NOT NULL DEFAULT '';
