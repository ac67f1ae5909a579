-- What happened since a time, and how long it took: few rows of many.
CREATE INDEX placements_grabbed ON placements (grabbed_at_ms, entry_id) WHERE grabbed_at_ms IS NOT NULL;
CREATE INDEX placements_available ON placements (available_at_ms, entry_id) WHERE available_at_ms IS NOT NULL;
