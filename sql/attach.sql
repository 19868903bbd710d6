--
-- Attached tables: what is queued, read, written, kept; errors
--
SET client_min_messages = warning;
SET statement_timeout = '60s';
\set SHOW_CONTEXT never
SELECT hwr_import_model(stroke_model(), 'pipe');
CREATE TABLE pipe (id integer PRIMARY KEY, image bytea, text text, confidence real, other text);
INSERT INTO pipe SELECT id, image FROM strokes WHERE id <= 3;
INSERT INTO pipe SELECT 4, image, 'KNOWN' FROM strokes WHERE id = 1;
SELECT hwr_attach('pipe', text_column => 'text', confidence_column => 'confidence', model => 'pipe') AS attachment \gset
SELECT data, image_column, text_column, confidence_column, key_columns, model, mode, reread, paused, problem FROM hwr_attachments;
CREATE VIEW state AS SELECT waiting, running, failed, again, read, corrected, workers FROM hwr_queue WHERE data = 'pipe'::regclass;
CREATE VIEW seen AS SELECT p.id, p.text, p.confidence BETWEEN 0 AND 1 AS sure, r.model, r.version, r.corrected, r.hash = sha256(image) AS of_image
	FROM pipe p LEFT JOIN hwr.read_row r ON r.key[1] = p.id::text ORDER BY id;
SELECT * FROM state;
CALL hwr_work();
SELECT * FROM seen;
SELECT * FROM state;
SELECT rows_per_second > 0 AS rate, oldest, time_left, paused FROM hwr_queue;
CALL hwr_work('pipe');

-- INSERT, with and without a text; no image; ON CONFLICT; ROLLBACK
INSERT INTO pipe (id, image, text) SELECT id, image, CASE WHEN id = 5 THEN 'GIVEN' END FROM strokes WHERE id IN (5, 6);
INSERT INTO pipe (id) VALUES (90);
INSERT INTO pipe (id, image) SELECT id, image FROM strokes WHERE id IN (6, 7) ON CONFLICT DO NOTHING;
BEGIN;
INSERT INTO pipe (id, image) SELECT 91, image FROM strokes WHERE id = 1;
SELECT waiting FROM state;
ROLLBACK;
SELECT key FROM hwr.queue ORDER BY key;
CALL hwr_work(read => 0, "limit" => 1);
CALL hwr_work(read => 0);
SELECT * FROM seen WHERE id > 4;

-- Another image: the old reading goes at once.  Other columns: nothing happens.
UPDATE pipe SET image = (SELECT image FROM strokes WHERE id = 2), other = 'x' WHERE id = 1;
UPDATE pipe SET other = 'y', image = image;
SELECT id, text, confidence FROM pipe WHERE id = 1;
SELECT * FROM state;
CALL hwr_work();
SELECT * FROM seen WHERE id <= 2;
-- text set to null: read again
UPDATE pipe SET text = NULL WHERE id = 2;
CALL hwr_work();
SELECT * FROM seen WHERE id = 2;
-- no image any more
UPDATE pipe SET image = NULL WHERE id = 2;
SELECT id, text, confidence FROM pipe WHERE id = 2;
SELECT * FROM state;
-- keys that change, also among each other
UPDATE pipe SET text = 'MINE' WHERE id = 3;
UPDATE pipe SET id = id + 100 WHERE id IN (1, 3);
SELECT id, text, model, version, corrected FROM seen WHERE id > 100;
SELECT key, was, label, reading, model, version FROM hwr.correction;
UPDATE pipe SET id = id - 100 WHERE id > 100;
DELETE FROM pipe WHERE id = 3;
SELECT count(*) FROM hwr.read_row WHERE key = '{3}';
SELECT count(*) FROM hwr.correction;

-- What cannot be read keeps its NULL, with an error and more attempts, and is in nobody's way.
INSERT INTO pipe (id, image) VALUES (10, 'no image'), (11, ''), (12, (SELECT image FROM strokes WHERE id = 3));
CALL hwr_work();
SELECT id, text FROM pipe WHERE id BETWEEN 10 AND 12 ORDER BY id;
SELECT key, sqlstate, message, attempts, failed, next_try > now() AS later FROM hwr_failures ORDER BY key;
SELECT * FROM state;
CALL hwr_work();
UPDATE hwr.queue SET due = now();
CALL hwr_work();
UPDATE hwr.queue SET due = now();
CALL hwr_work();
UPDATE hwr.queue SET due = now();
CALL hwr_work();
SELECT key, attempts, failed, next_try FROM hwr_failures ORDER BY key;
SELECT * FROM state;
SELECT hwr_reread('pipe');
CALL hwr_work();
-- a good image in its place begins anew
UPDATE pipe SET image = (SELECT image FROM strokes WHERE id = 1) WHERE id = 10;
CALL hwr_work();
SELECT * FROM seen WHERE id = 10;
DELETE FROM pipe WHERE id = 11;
SELECT * FROM state;
-- an image that is too long is not read into memory
SET hwr.max_image_bytes = 1;
INSERT INTO pipe (id, image) SELECT 13, decode(repeat('ff', 2000), 'hex');
CALL hwr_work();
SELECT key, sqlstate, message FROM hwr_failures;
RESET hwr.max_image_bytes;
DELETE FROM pipe WHERE id = 13;

-- The table's own triggers and types
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.id = 21 THEN
		RAISE EXCEPTION 'not this one' USING ERRCODE = 'P0001';
	ELSIF NEW.id = 22 THEN
		RETURN NULL;
	END IF;
	NEW.other := current_setting('search_path');
	RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON pipe FOR EACH ROW EXECUTE FUNCTION refuse();
INSERT INTO pipe (id, image) SELECT 20 + id, image FROM strokes WHERE id <= 4;
CALL hwr_work();
SELECT id, text, other FROM pipe WHERE id BETWEEN 20 AND 29 ORDER BY id;
SELECT key, sqlstate, message, attempts FROM hwr_failures ORDER BY key;
DROP TRIGGER refuse ON pipe;
DELETE FROM pipe WHERE id BETWEEN 20 AND 29;
ALTER TABLE pipe ADD CHECK (length(text) < 2) NOT VALID;
INSERT INTO pipe (id, image) SELECT 20 + id, image FROM strokes WHERE id <= 8;
CALL hwr_work();
SELECT count(text) > 0 AS short FROM pipe WHERE id > 20;
SELECT DISTINCT sqlstate, message FROM hwr_failures;
ALTER TABLE pipe DROP CONSTRAINT pipe_text_check;
DELETE FROM pipe WHERE id > 20 AND id < 90;

-- Where nothing can be read, that is said of the attachment.
INSERT INTO pipe (id, image) SELECT 20, image FROM strokes WHERE id = 1;
ALTER TABLE pipe RENAME confidence TO sureness;
CALL hwr_work();
ALTER TABLE pipe RENAME sureness TO confidence;
SELECT hwr_drop_model('pipe');
CALL hwr_work();
SELECT hwr_import_model(stroke_model(), 'pipe');
CALL hwr_work();

-- Pause
SELECT hwr_pause('pipe');
UPDATE pipe SET text = NULL WHERE id = 20;
CALL hwr_work();
CALL hwr_work('pipe');
SELECT waiting, paused, time_left FROM hwr_queue;
SELECT hwr_unpause('pipe');
CALL hwr_work('pipe');

-- Another version: none, doubtful, all; not what a person has corrected, nor twice
UPDATE hwr.attachment SET reread = 'all';
UPDATE pipe SET text = 'SETTLED' WHERE id = 20;
SELECT hwr_import_model(stroke_model('{"alphabet": "abc"}'), 'pipe', activate => false);
BEGIN;
SELECT hwr_activate_model('pipe', 2);
SELECT waiting, again FROM state;
ROLLBACK;
SELECT waiting, again FROM state;
SELECT hwr_activate_model('pipe', 2);
SELECT waiting, again FROM state;
CALL hwr_work();
SELECT * FROM seen;
SELECT hwr_reread('pipe', 'all');
UPDATE hwr.attachment SET reread = 'doubtful', doubtful = 0;
SELECT hwr_activate_model('pipe', 1);
SELECT waiting FROM state;
SELECT hwr_reread('pipe', 'doubtful');
UPDATE hwr.attachment SET doubtful = 1;
SELECT hwr_reread('pipe', 'doubtful') > 0 AS doubtful;
CALL hwr_work();
SELECT DISTINCT model, version, corrected FROM seen WHERE version IS NOT NULL;
SELECT hwr_reread('pipe', 'missing');

-- Limit of the queue
CALL hwr_work();
UPDATE hwr.attachment SET queue_limit = 5, on_full = 'fail';
INSERT INTO pipe (id, image) SELECT 200 + i, image FROM strokes, generate_series(1, 20) i WHERE strokes.id = 1;	-- one's own do not count
INSERT INTO pipe (id, image) SELECT 230, image FROM strokes WHERE id = 1;
BEGIN;
UPDATE hwr.attachment SET queue_limit = 1000;
SAVEPOINT s;
INSERT INTO pipe (id, image) SELECT 240 + i, image FROM strokes, generate_series(1, 30) i WHERE strokes.id = 1;
ROLLBACK TO s;	-- those that are gone do not count
UPDATE hwr.attachment SET queue_limit = 5;
INSERT INTO pipe (id, image) SELECT 230, image FROM strokes WHERE id = 1;
ROLLBACK;
CREATE TABLE other_pipe (id integer PRIMARY KEY, image bytea, text text);
SELECT hwr_attach('other_pipe', model => 'pipe') > 0 AS attached;
BEGIN;
INSERT INTO other_pipe (id, image) SELECT i, image FROM strokes, generate_series(1, 30) i WHERE strokes.id = 1;	-- nor do one's own of another table
INSERT INTO pipe (id, image) SELECT 230, image FROM strokes WHERE id = 1;
ROLLBACK;
DROP TABLE other_pipe;
UPDATE hwr.attachment SET on_full = 'wait';
SET statement_timeout = '300ms';
INSERT INTO pipe (id, image) SELECT 230, image FROM strokes WHERE id = 1;
SET statement_timeout = '60s';
CALL hwr_work();
INSERT INTO pipe (id, image) SELECT 230, image FROM strokes WHERE id = 1;
BEGIN;
SAVEPOINT s;
SAVEPOINT t;
INSERT INTO pipe (id, image) SELECT 240 + i, image FROM strokes, generate_series(1, 6) i WHERE strokes.id = 1;
RELEASE t;
RELEASE s;
INSERT INTO pipe (id, image) SELECT 250 + i, image FROM strokes, generate_series(1, 6) i WHERE strokes.id = 1;	-- one's own are those of a savepoint, too
ROLLBACK;
UPDATE hwr.attachment SET queue_limit = NULL;

-- A statement that changes many rows finds what is known of each by its index, also where a table was empty when it was last looked at.
VACUUM ANALYZE hwr.queue, hwr.read_row, hwr.correction, hwr.shadow;
DISCARD PLANS;
CREATE VIEW scans AS SELECT coalesce(sum(seq_scan), 0) AS n FROM pg_stat_xact_all_tables WHERE schemaname = 'hwr' AND relname IN ('queue', 'read_row', 'correction', 'shadow');
BEGIN;
SELECT n AS before FROM scans \gset
UPDATE pipe SET text = NULL;
UPDATE pipe SET text = 'MINE' WHERE id > 200;
UPDATE pipe SET id = id + 1000;
DELETE FROM pipe WHERE id > 1210;
SELECT n - :before AS scans FROM scans;
ROLLBACK;
DROP VIEW scans;

-- TRUNCATE
BEGIN;
TRUNCATE pipe;
SELECT * FROM state;
ROLLBACK;
SELECT waiting FROM state;
TRUNCATE pipe;
SELECT * FROM state;
SELECT count(*) FROM hwr.correction;

-- In the INSERT itself, and with a notice
SELECT hwr_detach('pipe');
SELECT count(*) FROM hwr_attachments;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'pipe'::regclass;
SELECT hwr_attach('pipe', text_column => 'text', confidence_column => 'confidence', model => 'pipe', mode => 'now') > 0 AS attached;
INSERT INTO pipe (id, image) SELECT id, image FROM strokes WHERE id <= 2 RETURNING id, text, confidence > 0 AS sure;
INSERT INTO pipe (id, image) VALUES (3, 'no image') RETURNING id, text;
INSERT INTO pipe (id, image) SELECT 1, image FROM strokes WHERE id = 2 ON CONFLICT DO NOTHING;
BEGIN;	-- no memory is kept of rows that have come
INSERT INTO pipe (id, image) SELECT 60, image FROM strokes WHERE id = 4;
SELECT used_bytes AS before FROM pg_backend_memory_contexts WHERE name = 'TopTransactionContext' \gset
INSERT INTO pipe (id, image) SELECT i, image FROM strokes, generate_series(1001, 1500) i WHERE strokes.id = 4;
SELECT used_bytes < :before + 30000 AS level FROM pg_backend_memory_contexts WHERE name = 'TopTransactionContext';
ROLLBACK;
BEGIN;	-- what was read for a row that did not come to be is not another row's
INSERT INTO pipe (id, image) SELECT 1, image FROM strokes WHERE id = 4 ON CONFLICT DO NOTHING;
INSERT INTO pipe (id, image, text) SELECT 60, image, 'GIVEN' FROM strokes WHERE id = 4;
SELECT * FROM seen WHERE id = 60;
ROLLBACK;
BEGIN;
SAVEPOINT s;
INSERT INTO pipe (id, image) SELECT i, image FROM strokes, generate_series(60, 61) i WHERE strokes.id = 4 AND (i = 60 OR 1 / (i - 61) = 0);
ROLLBACK TO s;
INSERT INTO pipe (id, image, text) SELECT 60, image, 'GIVEN' FROM strokes WHERE id = 4;
SELECT * FROM seen WHERE id = 60;
ROLLBACK;
UPDATE pipe SET image = s.image FROM strokes s WHERE s.id = 3 AND pipe.id = 2 RETURNING pipe.id, text = s.label AS right;
SELECT * FROM seen;
SELECT waiting FROM state;
CALL hwr_work();
SELECT key, sqlstate FROM hwr_failures;
-- What keeps a row from being read does not keep it from being inserted: a type that does not take the text, a model that is gone.
CREATE DOMAIN sure AS real CHECK (VALUE < 2);
CREATE TABLE hasty (id integer PRIMARY KEY, image bytea, text varchar(3), confidence sure);
SELECT hwr_attach('hasty', confidence_column => 'confidence', model => 'pipe', mode => 'now') AS hasty \gset
INSERT INTO hasty (id, image) SELECT id, image FROM strokes WHERE id IN (1, 3, 5, 7) RETURNING id, text;
UPDATE hasty SET image = s.image FROM strokes s WHERE s.id = 7 AND hasty.id = 1 RETURNING hasty.id, text, confidence;
SELECT key, lane FROM hwr.queue WHERE attachment = :hasty ORDER BY key;
CALL hwr_work('hasty');
SELECT key, sqlstate, message FROM hwr_failures WHERE data = 'hasty'::regclass ORDER BY key;
DELETE FROM hasty;
ALTER DOMAIN sure DROP CONSTRAINT sure_check;
ALTER DOMAIN sure ADD CHECK (VALUE < 0) NOT VALID;
INSERT INTO hasty (id, image) SELECT id, image FROM strokes WHERE id = 1 RETURNING id, text;
ALTER DOMAIN sure DROP CONSTRAINT sure_check;
BEGIN;
SELECT hwr_drop_model('pipe');
INSERT INTO hasty (id, image) SELECT id, image FROM strokes WHERE id = 2 RETURNING id, text;
SELECT key FROM hwr.queue WHERE attachment = :hasty ORDER BY key;
ROLLBACK;
SET statement_timeout = '300ms';	-- which ends the statement
CREATE FUNCTION slow(real) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN true; END $$;
ALTER DOMAIN sure ADD CHECK (slow(VALUE)) NOT VALID;
INSERT INTO hasty (id, image) SELECT id, image FROM strokes WHERE id = 2;
SET statement_timeout = '60s';
ALTER DOMAIN sure DROP CONSTRAINT sure_check;
DROP FUNCTION slow;
DELETE FROM hasty;

-- A trigger that comes later gives the row another image: what was read is not what is there.
CREATE FUNCTION replace_image() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.id < 10 THEN
		NEW.image := (SELECT image FROM strokes WHERE id = 6);
	ELSIF NEW.id > 20 THEN
		NEW.image := (SELECT image FROM strokes WHERE id = 6);
		NEW.text := 'OWN';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER replace_image BEFORE INSERT OR UPDATE OF image ON hasty FOR EACH ROW EXECUTE FUNCTION replace_image();
CREATE VIEW haste AS SELECT h.id, h.text, s.label, r.model, r.version, r.corrected, (SELECT string_agg(q.lane::text, ' ') FROM hwr.queue q WHERE q.attachment = r.attachment AND q.key = r.key) AS queued
	FROM hasty h JOIN strokes s USING (image) LEFT JOIN hwr.read_row r ON r.attachment = :hasty AND r.key = ARRAY[h.id::text] ORDER BY 1;
INSERT INTO hasty (id, image) SELECT id, image FROM strokes WHERE id IN (1, 2, 4, 6);
INSERT INTO hasty (id, image) SELECT id + 10, image FROM strokes WHERE id IN (1, 2);
INSERT INTO hasty (id, image) SELECT id + 20, image FROM strokes WHERE id IN (1, 2);
INSERT INTO hasty (id, image, text) SELECT 30, image, '^_' FROM strokes WHERE id = 2;
SELECT * FROM haste;
UPDATE hasty SET text = 'FIX' WHERE id = 4;
SELECT key, was, reading, label, version FROM hwr.correction WHERE key = '{4}';
CALL hwr_work('hasty');
SELECT * FROM haste;
UPDATE hasty SET image = s.image FROM strokes s WHERE s.id = 4 AND hasty.id = 1;
SELECT * FROM haste WHERE id = 1;
UPDATE hasty SET image = s.image FROM strokes s WHERE s.id = 2 AND hasty.id = 12;
CALL hwr_work('hasty');
SELECT * FROM haste WHERE id IN (1, 12);
BEGIN;	-- nothing is kept of them
INSERT INTO hasty (id, image) SELECT 60, image FROM strokes WHERE id = 4;
SELECT used_bytes AS before FROM pg_backend_memory_contexts WHERE name = 'TopTransactionContext' \gset
INSERT INTO hasty (id, image) SELECT -i, image FROM strokes, generate_series(1, 500) i WHERE strokes.id = 4;
SELECT used_bytes < :before + 30000 AS level FROM pg_backend_memory_contexts WHERE name = 'TopTransactionContext';
ROLLBACK;
SELECT hwr_detach('hasty', forget => true);
DROP VIEW haste;
DROP TABLE hasty;
DROP FUNCTION replace_image;
DROP DOMAIN sure;
SELECT hwr_detach('pipe', forget => true);
TRUNCATE pipe;
SELECT hwr_attach('pipe', text_column => 'text', model => 'pipe', mode => 'notify') > 0 AS attached;
LISTEN hwr_read;
INSERT INTO pipe (id, image) SELECT id, image FROM strokes WHERE id <= 2;
UNLISTEN *;
CALL hwr_work();

-- Attached twice, by other columns
ALTER TABLE pipe ADD second bytea, ADD second_text text;
SELECT hwr_attach('pipe', 'second', 'second_text', model => 'pipe') > 0 AS attached;
SELECT hwr_attach('pipe', 'second', 'second_text', model => 'pipe');
INSERT INTO pipe (id, image, second) SELECT 50, a.image, b.image FROM strokes a, strokes b WHERE a.id = 1 AND b.id = 2;
CALL hwr_work();
SELECT text, second_text FROM pipe WHERE id = 50;
SELECT hwr_pause('pipe');
SELECT hwr_detach('pipe', 'second_text');
SELECT hwr_detach('pipe');
SELECT hwr_detach('pipe');

-- Keys of several columns and of types whose text depends on settings; partitions
CREATE DOMAIN number AS integer;
CREATE TABLE parts (day timestamptz, "Number" number, note float8, code char(4), image bytea, text text, PRIMARY KEY (day, "Number", note, code)) PARTITION BY RANGE (day);
CREATE TABLE parts_a PARTITION OF parts FOR VALUES FROM ('2025-12-01') TO ('2026-07-01');
CREATE TABLE parts_b (image bytea, gone integer, code char(4) NOT NULL, note float8 NOT NULL, text text, "Number" number NOT NULL, day timestamptz NOT NULL);
ALTER TABLE parts_b DROP gone;
ALTER TABLE parts ATTACH PARTITION parts_b FOR VALUES FROM ('2026-07-01') TO ('2027-02-01');
SELECT hwr_attach('parts', text_column => 'text', model => 'pipe') > 0 AS attached;
SET datestyle = 'German'; SET timezone = 'Asia/Kolkata'; SET extra_float_digits = -10;
INSERT INTO parts SELECT '2026-01-01'::timestamptz + i * '1 month'::interval, id, 0.1 + i / 3.0, 'x', image FROM strokes, generate_series(0, 11) i WHERE id <= 2;
SELECT count(*) FROM hwr.queue;
CREATE TABLE parts_c PARTITION OF parts FOR VALUES FROM ('15.02.2027') TO ('01.01.2028');
INSERT INTO parts SELECT '01.03.2027', id, 1, 'y', image FROM strokes WHERE id <= 2;
SET datestyle = 'SQL, DMY'; SET timezone = 'America/Lima'; SET extra_float_digits = 1;
CALL hwr_work('parts');
SELECT count(*), count(text), bool_and(text = label) AS right FROM parts JOIN strokes ON id = "Number";
UPDATE parts SET day = day + '420 days' WHERE day < '02/02/2026' AND "Number" = 1;
SELECT count(*) FROM parts_c;
TRUNCATE parts_b;
CALL hwr_work('parts');
TRUNCATE parts;
SELECT count(*) FROM hwr.read_row;
RESET datestyle; RESET timezone; RESET extra_float_digits;
DROP TABLE parts;
SELECT count(*) FROM hwr_attachments;
CALL hwr_work();

-- A column that the key's index only includes is no key
CREATE TABLE covered (id integer, image bytea, text text, PRIMARY KEY (id) INCLUDE (text));
SELECT hwr_attach('covered', model => 'pipe') > 0 AS attached;
SELECT image_column, text_column, key_columns FROM hwr_attachments WHERE data = 'covered'::regclass;
INSERT INTO covered SELECT id, image FROM strokes WHERE id <= 2;
CALL hwr_work('covered');
SELECT hwr_confirm('covered', '{1}');
SELECT c.key, c.label = s.label AS right FROM hwr_corrections c JOIN strokes s ON s.id = c.key[1]::integer WHERE data = 'covered'::regclass;
SELECT hwr_detach('covered', forget => true);
DROP TABLE covered;

-- Keys of types whose name alone has a length, of arrays, with a collation of their own, and of a type whose operators are elsewhere
CREATE SCHEMA elsewhere;
CREATE TYPE elsewhere.number;
CREATE FUNCTION elsewhere.number_in(cstring) RETURNS elsewhere.number LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION elsewhere.number_out(elsewhere.number) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE elsewhere.number (INPUT = elsewhere.number_in, OUTPUT = elsewhere.number_out, LIKE = integer);
CREATE FUNCTION elsewhere.compare(elsewhere.number, elsewhere.number) RETURNS integer LANGUAGE internal IMMUTABLE STRICT AS 'btint4cmp';
DO $$
DECLARE
	one text[];
BEGIN
	FOREACH one SLICE 1 IN ARRAY '{{<,lt},{<=,le},{=,eq},{>=,ge},{>,gt}}'::text[] LOOP
		EXECUTE format('CREATE FUNCTION elsewhere.%1$s(elsewhere.number, elsewhere.number) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS %2$L;
			CREATE OPERATOR elsewhere.%3$s (LEFTARG = elsewhere.number, RIGHTARG = elsewhere.number, FUNCTION = elsewhere.%1$s)', one[2], 'int4' || one[2], one[1]);
	END LOOP;
END $$;
CREATE OPERATOR CLASS elsewhere.number_ops DEFAULT FOR TYPE elsewhere.number USING btree AS
	OPERATOR 1 elsewhere.<, OPERATOR 2 elsewhere.<=, OPERATOR 3 elsewhere.=, OPERATOR 4 elsewhere.>=, OPERATOR 5 elsewhere.>, FUNCTION 1 elsewhere.compare(elsewhere.number, elsewhere.number);
CREATE TABLE keyed (code char(3), bits bit(4), list integer[], name text COLLATE "POSIX", number elsewhere.number, image bytea, text text,
	PRIMARY KEY (code, bits, list, name, number));
SELECT hwr_attach('keyed', text_column => 'text', model => 'pipe') > 0 AS attached;
INSERT INTO keyed SELECT 'k' || id, B'0110', ARRAY[id, NULL], E'a ''"\\{},\n', '7', image FROM strokes WHERE id <= 3;
CALL hwr_work('keyed');
UPDATE keyed SET text = 'MINE' WHERE code = 'k1';
SELECT key, label, reading FROM hwr_corrections;
SELECT key[1], text, reason FROM hwr_review_next('keyed');
SELECT hwr_confirm('keyed', r.key) FROM hwr_review_next('keyed', 1) r;
SELECT hwr_undo_correction('keyed', c.key) FROM hwr_corrections c WHERE c.label = 'MINE';
SELECT code, text FROM keyed ORDER BY code;
SELECT count(*) FROM hwr_corrections;
DROP TABLE keyed;
DROP SCHEMA elsewhere CASCADE;

-- A column that is computed has no value yet when a trigger looks at it.
CREATE TABLE computed (id integer PRIMARY KEY, scan bytea, image bytea GENERATED ALWAYS AS (scan) STORED, text text, half real GENERATED ALWAYS AS (0) STORED);
SELECT hwr_attach('computed', image_column => 'image', model => 'pipe');
SELECT hwr_attach('computed', image_column => 'scan', confidence_column => 'half', model => 'pipe');
DROP TABLE computed;

-- A partition is its table's; by both, each would take what the other writes for a person's correction.
CREATE TABLE whole (id integer PRIMARY KEY, image bytea, text text) PARTITION BY RANGE (id);
CREATE TABLE half PARTITION OF whole FOR VALUES FROM (0) TO (100);
SELECT hwr_attach('whole', model => 'pipe') > 0 AS attached;
SELECT hwr_attach('half', model => 'pipe');
SELECT hwr_detach('whole');
SELECT hwr_attach('half', model => 'pipe') > 0 AS attached;
SELECT hwr_attach('whole', model => 'pipe');
CREATE TABLE other_half (id integer PRIMARY KEY, image bytea, text text);
SELECT hwr_attach('other_half', model => 'pipe') > 0 AS attached;
SELECT hwr_detach('half');
SELECT hwr_attach('whole', model => 'pipe') > 0 AS attached;
ALTER TABLE whole ATTACH PARTITION other_half FOR VALUES FROM (100) TO (200);
INSERT INTO whole SELECT 100 + id, image FROM strokes WHERE id <= 3;
CALL hwr_work('whole');
CALL hwr_work('other_half');
SELECT count(text) FROM whole;
SELECT data, waiting, read, corrected FROM hwr_queue WHERE data IN ('whole'::regclass, 'other_half'::regclass) ORDER BY data;
UPDATE whole SET text = 'MINE' WHERE id = 101;
SELECT data, key, label FROM hwr_corrections ORDER BY data;
DROP TABLE whole;

-- Keys that change places in one statement, where the primary key can wait for its end
CREATE TABLE swapped (id integer PRIMARY KEY DEFERRABLE, image bytea, text text);
SELECT hwr_attach('swapped', model => 'pipe') AS swapped \gset
CREATE VIEW known AS SELECT s.id, s.text, r.corrected, r.hash = sha256(s.image) AS of_image, c.label
	FROM swapped s LEFT JOIN hwr.read_row r ON r.attachment = :swapped AND r.key = ARRAY[s.id::text]
	LEFT JOIN hwr.correction c ON c.attachment = :swapped AND c.key = r.key AND c.hash = r.hash ORDER BY id;
INSERT INTO swapped SELECT id, image FROM strokes WHERE id <= 3;
INSERT INTO swapped SELECT 4, image FROM strokes WHERE id = 3;
CALL hwr_work('swapped');
UPDATE swapped SET text = 'MINE ' || id WHERE id <> 3;
UPDATE swapped SET id = 3 - id WHERE id <= 2;
SELECT * FROM known;
UPDATE swapped SET id = 7 - id WHERE id >= 3;
UPDATE swapped SET id = 1 + id % 4;
SELECT * FROM known;
SELECT count(*) FROM hwr.read_row WHERE attachment = :swapped;
DROP VIEW known;
SELECT hwr_detach('swapped', forget => true);
DROP TABLE swapped;

-- An attachment that cannot be read at all is not in the way of the others.
CREATE TABLE lame (id integer PRIMARY KEY, image bytea, text text);
CREATE TABLE sound (id integer PRIMARY KEY, image bytea, text text);
SELECT hwr_attach('lame', model => 'pipe') < hwr_attach('sound', model => 'pipe') AS attached;
INSERT INTO lame SELECT id, image FROM strokes WHERE id <= 2;
INSERT INTO sound SELECT id, image FROM strokes WHERE id <= 2;
ALTER TABLE lame RENAME text TO writing;
CALL hwr_work();
SELECT count(text) FROM sound;
SELECT count(*), max(attempts) FROM hwr.queue;
DROP TABLE lame, sound;

-- What cannot be attached
SELECT hwr_attach(NULL);
SELECT hwr_attach('pipe');
SELECT hwr_attach('pipe', text_column => 'text', image_column => 'other');
SELECT hwr_attach('pipe', image_column => 'image', text_column => 'nothing');
SELECT hwr_attach('pipe', 'image', 'text', confidence_column => 'other');
ALTER TABLE pipe ADD sure_money money, ADD sure_oid oid, ADD sure_class regclass, ADD sure_integer integer, ADD sure_numeric numeric(4, 3), ADD sure_double float8, ADD third_text text;
SELECT outcome(format('SELECT hwr_attach(''pipe'', ''image'', ''text'', %L, model => ''pipe'')', 'sure_' || t)) FROM unnest('{money,oid,class,integer}'::text[]) t;
BEGIN;
SELECT hwr_attach('pipe', 'image', 'text', 'sure_numeric', model => 'pipe') > 0 AS attached;
SELECT hwr_attach('pipe', 'second', 'second_text', 'sure_double', model => 'pipe') > 0 AS attached;
SELECT hwr_attach('pipe', 'second', 'third_text', 'sure_numeric', model => 'pipe');	-- one's own confidence is no other's
ROLLBACK;
SELECT hwr_attach('pipe', 'image', 'text', model => 'nobody');
SELECT hwr_attach('pipe', 'image', 'text', model => 'lines');
SELECT hwr_attach('pipe', 'image', 'text', model => 'pipe', mode => 'later');
SELECT hwr_attach('pipe', 'image', 'text', model => 'pipe', batch => 0);
SELECT hwr_attach('seen');
CREATE TABLE keyless (image bytea, text text);
SELECT hwr_attach('keyless', model => 'pipe');
CREATE TABLE strict (id integer PRIMARY KEY, image bytea, text text NOT NULL);
SELECT hwr_attach('strict', model => 'pipe');
CREATE TEMP TABLE brief (id integer PRIMARY KEY, image bytea, text text);
SELECT hwr_attach('brief', model => 'pipe');
SELECT hwr_reread('pipe', 'some');
SELECT hwr_pause('keyless');
BEGIN;
CALL hwr_work();
ROLLBACK;
CALL hwr_work('keyless');
CALL hwr_work(NULL, -1);
SET default_transaction_isolation = 'repeatable read';
SELECT hwr_attach('pipe', 'image', 'text', model => 'pipe') > 0 AS attached;
CALL hwr_work();
RESET default_transaction_isolation;
-- every table has a primary key: without one it could not be changed where all tables are published
SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'hwr'::regnamespace AND c.relkind IN ('r', 'p')
	AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary);
-- triggers with numbers of others, and on the wrong occasions
CREATE TABLE foreign_table (id integer PRIMARY KEY, image bytea, text text);
DO $$ BEGIN
	EXECUTE format('CREATE TRIGGER t AFTER INSERT ON foreign_table FOR EACH ROW EXECUTE FUNCTION hwr.after_row(%L)', (SELECT max(attachment) FROM hwr_attachments));
END $$;
INSERT INTO foreign_table SELECT id, image FROM strokes WHERE id = 1;
SELECT count(*) FROM hwr.queue;
DROP TRIGGER t ON foreign_table;
CREATE TRIGGER t AFTER INSERT ON foreign_table FOR EACH ROW EXECUTE FUNCTION hwr.before_row('1');
INSERT INTO foreign_table VALUES (2);
DROP TRIGGER t ON foreign_table;
CREATE TRIGGER t BEFORE INSERT ON foreign_table FOR EACH ROW EXECUTE FUNCTION hwr.after_row();
INSERT INTO foreign_table VALUES (2);
SELECT hwr.after_row();
SELECT 'no."such'::hwr.relation;
SELECT 'nowhere.such'::hwr.relation, 'public.pipe'::hwr.relation, '-'::hwr.relation;

SELECT hwr_detach('pipe');
SELECT (SELECT count(*) FROM hwr.queue), (SELECT count(*) FROM hwr.read_row), (SELECT count(*) FROM hwr.batch);
DROP VIEW state, seen;
DROP TABLE pipe, keyless, strict, foreign_table;
DROP DOMAIN number;
DROP FUNCTION refuse;
DELETE FROM hwr.correction;
SELECT hwr_drop_model('pipe');
