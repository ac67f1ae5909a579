-- What is forgotten with age is found without a walk through everything.
CREATE INDEX grabs_by_time ON grabs (grabbed_at_ms);
