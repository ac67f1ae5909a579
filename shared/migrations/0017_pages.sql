-- What pages count and look through, from indexes that have all that is asked for: rows are wide, and there are many.

-- The few that an instance refused. Every page tells how many there are.
CREATE INDEX placements_failed ON placements (id, instance, entry_id, state) WHERE state = 'failed';
-- What became of the titles of each instance.
CREATE INDEX placements_by_state ON placements (instance, state, entry_id);
-- Titles that an arr has taken: those count in the quotas whatever becomes of them.
CREATE INDEX placements_spent ON placements (entry_id, state) WHERE state IN ('added', 'removed');
-- What each list comes to.
CREATE INDEX entries_by_user_and_state ON entries (user_id, state);
-- Titles are asked for by any of the ids that they have elsewhere.
CREATE INDEX titles_by_imdb_id ON titles (imdb_id) WHERE imdb_id IS NOT NULL;
CREATE INDEX titles_by_tmdb_id ON titles (tmdb_id) WHERE tmdb_id IS NOT NULL;
CREATE INDEX titles_by_tvdb_id ON titles (tvdb_id) WHERE tvdb_id IS NOT NULL;
