--
-- Measuring a model on a labelled table
--
SELECT hwr_import_model(stroke_model(), 'default');
CREATE TABLE truth AS SELECT id, label, image FROM strokes WHERE label <> '';

-- All right
SELECT images, skipped, loss < 0.5 AS loss, cer, wer, exact_match, "precision", recall, f1, seconds > 0 AS seconds,
	images_per_second > 0 AS speed FROM hwr_evaluate('truth');
SELECT * FROM hwr_confusions();

-- One substitution (_ read for ^), one character too many, one too few, in 19
UPDATE truth SET label = '^' WHERE id = 4;
UPDATE truth SET label = 'II' WHERE id = 5;
UPDATE truth SET label = 'II' WHERE id = 1;
SELECT images, round(loss::numeric) > 0 AS loss, round(cer::numeric, 4) AS cer, round(wer::numeric, 4) AS wer,
	round(exact_match::numeric, 4) AS exact_match, round("precision"::numeric, 4) AS "precision", round(recall::numeric, 4) AS recall,
	round(f1::numeric, 4) AS f1 FROM hwr_evaluate('truth');
SELECT * FROM hwr_confusions();

-- What was measured is kept.
SELECT model, version, split, data, images, skipped, loss IS NOT NULL AS loss, round(cer::numeric, 4) AS cer, measured <= now() + interval '1 day' AS measured
	FROM hwr_metrics() WHERE version IS NOT NULL;
SELECT count(*) FROM hwr_metrics('default');
SELECT validation_cer, evaluation_cer, evaluation_exact, evaluation_data, overlap FROM hwr_model_details;
SELECT count(*) FROM hwr_history('default');

-- In a transaction that is rolled back, it is not.
BEGIN;
SELECT images FROM hwr_evaluate('truth');
ROLLBACK;
SELECT count(*) FROM hwr_metrics() WHERE version IS NOT NULL;

-- Labels take the model's case mapping, outer spaces go; a character that the model lacks is an error, without a loss.
CREATE TABLE odd (label text, image bytea);
INSERT INTO odd SELECT ' i ', image FROM strokes WHERE id = 1;
SELECT images, cer, loss < 0.5 AS loss FROM hwr_evaluate('odd');
UPDATE odd SET label = 'z';
SELECT images, cer, loss FROM hwr_evaluate('odd');

-- A label that is longer than the network has steps
UPDATE odd SET label = repeat('I', 40);
SELECT images, round(cer::numeric, 3) AS cer, loss FROM hwr_evaluate('odd');

-- Rows that cannot be used are counted, and the first is named.
TRUNCATE odd;
INSERT INTO odd SELECT label, image FROM strokes WHERE id = 1;
INSERT INTO odd SELECT NULL, image FROM strokes WHERE id = 2;
INSERT INTO odd SELECT label, NULL FROM strokes WHERE id = 3;
INSERT INTO odd SELECT label, 'no image' FROM strokes WHERE id = 4;
INSERT INTO odd SELECT label, substr(image, 1, 60) FROM strokes WHERE id = 4;
INSERT INTO odd SELECT label, image FROM strokes WHERE id = 8;
INSERT INTO odd SELECT E'a\x01b', image FROM strokes WHERE id = 5;
SELECT images, skipped, cer FROM hwr_evaluate('odd');
DELETE FROM odd WHERE label = 'I';
SELECT images, skipped, cer FROM hwr_evaluate('odd');
TRUNCATE odd;
SELECT images, skipped, cer FROM hwr_evaluate('odd');

-- Versions and models by name
SELECT hwr_import_model(stroke_model('{"alphabet": "abc"}'), 'default');
SELECT round(cer::numeric, 2) AS cer FROM hwr_evaluate('strokes');
SELECT round(cer::numeric, 2) AS cer FROM hwr_evaluate('strokes', version => 1);
SELECT round(cer::numeric, 2) AS cer FROM hwr_evaluate('strokes', model => 'default', version => 2);
SELECT version, count(*) FROM hwr_metrics() WHERE version IS NOT NULL GROUP BY version ORDER BY version;
SELECT truth, guess FROM hwr_confusions() ORDER BY count DESC, truth, guess LIMIT 1;
SELECT truth, guess FROM hwr_confusions(version => 1) ORDER BY count DESC, truth, guess LIMIT 1;

-- Which columns
CREATE TABLE many (a text, b varchar, c bytea, d bytea, e integer, f "char", g name);
INSERT INTO many SELECT label, label, image, image, id, 'x', label FROM strokes WHERE id < 4;
SELECT images FROM hwr_evaluate('many');
SELECT images FROM hwr_evaluate('many', image_column => 'c');
SELECT images FROM hwr_evaluate('many', image_column => 'c', label_column => 'e');
SELECT images FROM hwr_evaluate('many', image_column => 'a', label_column => 'b');
SELECT images FROM hwr_evaluate('many', image_column => 'z', label_column => 'b');
SELECT images FROM hwr_evaluate('many', image_column => 'c', label_column => 'g', version => 1);
ALTER TABLE many DROP COLUMN a, DROP COLUMN d, DROP COLUMN g;
SELECT images FROM hwr_evaluate('many', version => 1);
ALTER TABLE many DROP COLUMN b;
SELECT images FROM hwr_evaluate('many');
ALTER TABLE many DROP COLUMN c;
SELECT images FROM hwr_evaluate('many');

-- Kinds of relations
CREATE VIEW "a View" AS SELECT label AS "the Label", image AS "the Image" FROM strokes;
CREATE MATERIALIZED VIEW kept AS SELECT * FROM "a View";
CREATE TABLE parted (label char(8), image bytea) PARTITION BY LIST (label);
CREATE TABLE part PARTITION OF parted DEFAULT;
INSERT INTO parted SELECT label, image FROM strokes;
CREATE TEMP TABLE fleeting AS SELECT label, image FROM strokes;
CREATE DOMAIN scan AS bytea;
CREATE DOMAIN word AS text;
CREATE TABLE domains (w word, s scan);
INSERT INTO domains SELECT label, image FROM strokes;
SELECT images, skipped, cer FROM hwr_evaluate('"a View"', version => 1);
SELECT images, skipped, cer FROM hwr_evaluate('kept', version => 1);
SELECT images, skipped, cer FROM hwr_evaluate('parted', version => 1);
SELECT images, skipped, cer FROM hwr_evaluate('fleeting', version => 1);
SELECT images, skipped, cer FROM hwr_evaluate('domains', version => 1);
CREATE SEQUENCE numbers;
SELECT images FROM hwr_evaluate('numbers');
SELECT images FROM hwr_evaluate('strokes_pkey');
SELECT images FROM hwr_evaluate('no_such_table');
SELECT images FROM hwr_evaluate(0::regclass);
SELECT images FROM hwr_evaluate(NULL);
SELECT images FROM hwr_evaluate('strokes', 'nobody');
SELECT images FROM hwr_evaluate('strokes', version => 9);
SELECT images FROM hwr_evaluate('strokes', version => 0);
BEGIN READ ONLY;
SELECT images FROM hwr_evaluate('strokes');
ROLLBACK;

-- As the caller: column privileges and row-level security hold.
CREATE ROLE regress_hwr_reader;
GRANT EXECUTE ON FUNCTION hwr_evaluate, hwr_import_model, hwr_drop_model TO regress_hwr_reader;
SELECT weights AS loid FROM hwr_model_details WHERE version = 1 \gset
GRANT SELECT ON LARGE OBJECT :loid TO regress_hwr_reader;
SELECT hwr_activate_model('default', 1);
SET ROLE regress_hwr_reader;
SELECT images FROM hwr_evaluate('strokes');
RESET ROLE;
GRANT SELECT (image) ON strokes TO regress_hwr_reader;
SET ROLE regress_hwr_reader;
SELECT images FROM hwr_evaluate('strokes');
RESET ROLE;
GRANT SELECT (label) ON strokes TO regress_hwr_reader;
SET ROLE regress_hwr_reader;
SELECT images FROM hwr_evaluate('strokes');
RESET ROLE;
GRANT SELECT (id) ON strokes TO regress_hwr_reader;
ALTER TABLE strokes ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON strokes USING (id < 4);
SET ROLE regress_hwr_reader;
SELECT images FROM hwr_evaluate('strokes');
SELECT DISTINCT version FROM hwr_metrics() WHERE version IS NOT NULL;
SELECT images FROM hwr_evaluate('strokes', version => 2);
SELECT count(*) FROM hwr_confusions(version => 2);
SELECT count(*) FROM hwr.confusion;

-- A search_path of the caller's cannot slip operators into what runs as the extension's owner.
RESET ROLE;
CREATE SCHEMA trap AUTHORIZATION regress_hwr_reader;
SET ROLE regress_hwr_reader;
CREATE FUNCTION trap.eq(integer, integer) RETURNS boolean LANGUAGE plpgsql AS
	$$BEGIN RAISE NOTICE 'trapped as %', current_user; RETURN true; END$$;
CREATE OPERATOR trap.= (FUNCTION = trap.eq, LEFTARG = integer, RIGHTARG = integer);
CREATE FUNCTION trap.eq(text, text) RETURNS boolean LANGUAGE plpgsql AS
	$$BEGIN RAISE NOTICE 'trapped as %', current_user; RETURN true; END$$;
CREATE OPERATOR trap.= (FUNCTION = trap.eq, LEFTARG = text, RIGHTARG = text);
SET search_path = trap, pg_catalog, public;
SELECT hwr_import_model(stroke_model(), 'mine');
SELECT images FROM hwr_evaluate('strokes', 'mine');
SELECT count(*) FROM hwr_metrics('mine');
SELECT hwr_drop_model('mine');
RESET search_path;
RESET ROLE;
SET client_min_messages = warning;
DROP SCHEMA trap CASCADE;
RESET client_min_messages;

ALTER TABLE strokes DISABLE ROW LEVEL SECURITY;
DROP POLICY few ON strokes;
DROP OWNED BY regress_hwr_reader;
SELECT hwr_drop_model('default');
SELECT count(*) FROM hwr_metrics() WHERE version IS NOT NULL;
SELECT count(*) FROM hwr_metrics('nobody');
SELECT count(*) FROM hwr_confusions('nobody');
SELECT count(*) FROM hwr_history('default');
DROP ROLE regress_hwr_reader;
DROP MATERIALIZED VIEW kept;
DROP VIEW "a View";
DROP TABLE truth, odd, many, parted, fleeting, domains;
DROP DOMAIN scan, word;
DROP SEQUENCE numbers;
