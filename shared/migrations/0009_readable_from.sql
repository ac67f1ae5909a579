-- Old and new programs meet on one file while a new version is rolled out. This says who may: the lowest number of migrations that a
-- program has to know in order to work on the file. A program that knows fewer than there are opens it only when it knows that many;
-- a migration that takes away or means something else from then on raises it.

INSERT INTO settings (key, value) VALUES ('schema.readable_from', '9');
