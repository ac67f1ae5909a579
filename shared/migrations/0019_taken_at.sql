-- What a person removes in an arr keeps its story: when the arr took it, as what, and in which words. `done_at_ms` and `answer` go on being
-- those of where a placement stands, which is what they mean to programs that do not know these columns.
ALTER TABLE placements ADD COLUMN taken_at_ms INTEGER;  -- when it was first added or found there; NULL: it has not been removed since, or nobody knows
ALTER TABLE placements ADD COLUMN taken_as TEXT CHECK (taken_as IN ('added', 'present'));
ALTER TABLE placements ADD COLUMN taken_answer TEXT;    -- what the arr said then
-- Of what is gone already, the last question about it was when it got there; in which words, nobody knows any more.
UPDATE placements SET taken_at_ms = asked_at_ms, taken_as = CASE WHEN attempts > 0 THEN 'added' ELSE 'present' END
    WHERE state = 'removed' AND asked_at_ms BETWEEN queued_at_ms AND done_at_ms;
-- Where titles went, and when, whatever became of them there.
CREATE INDEX placements_taken ON placements (coalesce(taken_at_ms, done_at_ms), entry_id, instance, state, taken_as)
    WHERE state = 'added' OR taken_as = 'added';
