-- A better file may be told of before the first one, when that webhook was lost and the history tells of it later. The first one is still
-- news then. A program that does not know this column holds every later import for known, as all did.
ALTER TABLE imports ADD COLUMN overtaken INTEGER NOT NULL DEFAULT 0 CHECK (overtaken IN (0, 1));
