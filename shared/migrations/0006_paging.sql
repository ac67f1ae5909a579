-- What people look through page by page, newest first. The row number is the last column of every index, so each of these gives its
-- rows in the order of a page.
CREATE INDEX entries_by_state ON entries (state);
CREATE INDEX entries_by_user ON entries (user_id);
CREATE INDEX entries_by_time ON entries (appeared_at_ms);
CREATE INDEX placements_by_instance ON placements (instance, entry_id);
-- Rows of titles are wide; their names are looked through without them.
CREATE INDEX titles_by_name ON titles (title, media_type);
-- For how long adding takes.
CREATE INDEX placements_added ON placements (done_at_ms, entry_id) WHERE state = 'added';
