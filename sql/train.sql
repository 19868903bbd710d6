-- hwr_train: what it returns and stores, and every error a caller can cause
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS hwr;

CREATE TABLE train_words (id integer GENERATED ALWAYS AS IDENTITY, image bytea, label text);
\copy train_words (image, label) FROM PROGRAM 'tools/load-images --copy test/data/words.csv test/data/words'
DELETE FROM train_words WHERE id > 80;
SELECT count(*) FROM train_words;

-- a network that trains in a moment
CREATE FUNCTION tiny(more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql
RETURN jsonb_build_object('architecture', '[1,32,96,1 Cr3,3,8 Mp4,4 Cr3,3,16 Mp8,1 Lbx16', 'epochs', 2, 'threads', 1) || more;

--
-- It trains
--
SELECT job > 0 AS job, model, version, epochs, best_epoch BETWEEN 1 AND 2 AS best_epoch,
	train_loss > 0 AS train_loss, validation_loss > 0 AS validation_loss, cer >= 0 AS cer, wer >= 0 AS wer,
	exact_match >= 0 AS exact_match, images + validation_images AS rows, validation_images > 0 AS validated,
	skipped, seconds >= 0 AS seconds
FROM hwr_train('train_words', 'train_a', options => tiny());
SELECT version FROM hwr_train('train_words', 'train_a', 'image', 'label', tiny());
SELECT state, phase, model, training, owner = current_user AS mine, epoch, epochs, loss > 0 AS loss,
	images + validation_images AS rows, skipped, version, sqlstate, split_part(message, ';', 1) AS message, pid,
	finished >= started AS finished, options->>'threads' AS threads
FROM hwr_job_details WHERE model = 'train_a' ORDER BY job;
SELECT h.epoch, h.train_loss > 0 AS train_loss, h.validation_loss > 0 AS validation_loss
FROM hwr.history h JOIN hwr_job_details j USING (job) WHERE j.model = 'train_a' AND j.version = 1 ORDER BY h.epoch;
SELECT name, active, last_version FROM hwr.model WHERE name = 'train_a';
SELECT m.split, m.data, m.images > 0 AS images FROM hwr.metric m JOIN hwr.version v ON v.id = m.version_id
JOIN hwr_job_details j USING (job) WHERE j.model = 'train_a' ORDER BY v.version;

-- the same again is no better, and is not activated; unless asked to, or with nothing to compare
SELECT version, activated, message ~ '^all epochs done; version 2 is not activated: CER [0-9.]+ % against [0-9.]+ % of version 1 on the same [0-9]+ images, 0 read better and 0 worse, difference between 0.00 and 0.00 % \(95 %\), which can be chance$' AS why
FROM hwr_job_details WHERE model = 'train_a' AND version = 2;
SELECT version, activated FROM hwr_train('train_words', 'train_a', options => tiny(), activate => 'always');
SELECT version, activated FROM hwr_train('train_words', 'train_a', options => tiny('{"epochs": 1}'), activate => 'never');
SELECT version, activated FROM hwr_train('train_words', 'train_e', options => tiny(), activate => 'never');
SELECT j.version, j.activated, j.message, m.active FROM hwr_job_details j JOIN hwr.model m ON m.name = j.model
WHERE model IN ('train_a', 'train_e') AND message !~ 'CER|exact' ORDER BY job;
-- one that reads everything wrongly is beaten, though its canvases are of another kind
SELECT hwr_import_model(stroke_model(), 'train_e') AS imported;
CREATE VIEW train_few AS SELECT image, label FROM train_words WHERE id <= 24;
CREATE FUNCTION by_heart(more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql
RETURN '{"architecture": "[1,32,96,1 Cr3,3,8 Bn Mp4,4 Cr3,3,16 Bn Mp8,1 Lbx16", "validation": "train_few", "epochs": 40, "batch_size": 4,
	"learning_rate": 0.02, "augment": 0, "threads": 1}' || more;
SELECT version, activated FROM hwr_train('train_few', 'train_e', options => by_heart());
SELECT message ~ '^all epochs done; version 3 is activated: CER [0-9.]+ % against [0-9.]+ % of version 2 on the same [0-9]+ images, [0-9]+ read better and 0 worse, difference between -[0-9.]+ and -[0-9.]+ % \(95 %\)$' AS why
FROM hwr_job_details WHERE model = 'train_e' AND version = 3;
SELECT hwr_drop_model('train_e');
SELECT hwr_train('train_words', 'train_a', activate => 'perhaps');
\echo :SQLSTATE
SELECT hwr_train('train_words', 'train_a', activate => NULL);
\echo :SQLSTATE

-- what no option says follows from the table: words, and lines too dense for four columns a step
SET client_min_messages = error;	-- a slow machine warns that little of it will be done
CREATE VIEW train_dense AS SELECT image, repeat('line of text ', 3) AS label FROM train_words WHERE id <= 30;
SELECT hwr_train('train_few', 'train_f', options => '{"max_minutes": 0.0001}') IS NOT NULL AS trained;
SELECT hwr_train('train_dense', 'train_g', options => '{"max_minutes": 0.0001, "epochs": 7, "seed": 5}') IS NOT NULL AS trained;
SELECT hwr_train('train_few', 'train_f', options => '{"max_minutes": 0.0001, "preset": "small"}') IS NOT NULL AS trained;
SET client_min_messages = warning;
SELECT options->>'preset' AS preset, left(options->>'architecture', 20) AS architecture, (options->>'architecture') ~ ' Mp2,1.* Mp2,1' AS fine,
	options->>'epochs' AS epochs, options->>'seed' AS seed
FROM hwr_job_details WHERE model IN ('train_f', 'train_g') ORDER BY job;
SELECT count(*) AS dropped FROM (SELECT hwr_drop_model(name) FROM hwr.model WHERE name IN ('train_f', 'train_g')) AS d;

-- without validation rows nothing is measured
SELECT version, validation_images, validation_loss, cer, wer, exact_match
FROM hwr_train('train_words', 'train_b', options => tiny('{"validation_fraction": 0}'));
SELECT count(*) FROM hwr.metric m JOIN hwr.version v ON v.id = m.version_id
JOIN hwr_job_details j USING (job) WHERE j.model = 'train_b';

-- equal images are all on one side: that is said
CREATE VIEW train_same AS SELECT image, label FROM train_words, generate_series(1, 30) WHERE id = 1;
SELECT version, images, validation_images FROM hwr_train('train_same', 'train_same', options => tiny());
SELECT hwr_drop_model('train_same');
DROP VIEW train_same;

-- a validation table, a view, a partitioned table, an unlogged table
CREATE VIEW train_first AS SELECT image AS picture, label::varchar(40) AS word FROM train_words WHERE id <= 50;
CREATE UNLOGGED TABLE train_last AS SELECT * FROM train_words WHERE id > 50;
CREATE TABLE train_parts (LIKE train_words) PARTITION BY RANGE (id);
CREATE TABLE train_part1 PARTITION OF train_parts FOR VALUES FROM (0) TO (40);
CREATE TABLE train_part2 PARTITION OF train_parts DEFAULT;
INSERT INTO train_parts SELECT * FROM train_words;
SELECT images, validation_images FROM hwr_train('train_first', 'train_b', options => tiny('{"validation": "train_last"}'));
SELECT data FROM hwr.metric ORDER BY id DESC LIMIT 1;
SELECT images + validation_images AS rows FROM hwr_train('train_parts', 'train_b', options => tiny());
SELECT images + validation_images AS rows FROM hwr_train('train_last', 'train_b', options => tiny());

-- rows that cannot be used are left out and counted; NULLs as well
CREATE TABLE train_holes AS SELECT * FROM train_words;
UPDATE train_holes SET image = NULL WHERE id <= 10;
UPDATE train_holes SET label = NULL WHERE id BETWEEN 11 AND 20;
UPDATE train_holes SET label = '  ' WHERE id = 30;
UPDATE train_holes SET image = substr(image, 1, 100) WHERE id = 40;
SET client_min_messages = notice;
\set VERBOSITY terse
DO $$
DECLARE
	r record;
BEGIN
	SET LOCAL client_min_messages = warning;
	SELECT * INTO r FROM hwr_train('train_holes', 'train_b', options => tiny());
	RESET client_min_messages;
	RAISE NOTICE '% rows, % skipped', r.images + r.validation_images, r.skipped;
END $$;
\set VERBOSITY default
SET client_min_messages = warning;

--
-- Arguments
--
SELECT hwr_train(NULL);
\echo :SQLSTATE
SELECT hwr_train('train_words', NULL);
\echo :SQLSTATE
SELECT hwr_train('train_words', options => NULL);
\echo :SQLSTATE
SELECT hwr_train('train_words', wait => NULL);
\echo :SQLSTATE
SELECT hwr_train('train_nothing');
\echo :SQLSTATE
SELECT hwr_train('train_words', '');
\echo :SQLSTATE
SELECT hwr_train('train_words', repeat('x', 64));
\echo :SQLSTATE
SELECT hwr_train('train_words', options => '{"epoch": 3}');
\echo :SQLSTATE
SELECT hwr_train('train_words', options => '{"epochs": 0}');
\echo :SQLSTATE
SELECT hwr_train('train_words', options => '{"epochs": "many"}');
\echo :SQLSTATE
SELECT hwr_train('train_words', options => '[]');
\echo :SQLSTATE
SELECT hwr_train('train_words', options => '{"preset": "huge"}');
\echo :SQLSTATE
SELECT hwr_train('train_words', options => '{"architecture": "[1,32,96,1 Cr3,x,8"}');
\echo :SQLSTATE
SELECT hwr_train('train_words', options => tiny('{"validation": "train_nothing"}'));
\echo :SQLSTATE

--
-- Tables
--
CREATE TABLE train_no_image (label text);
CREATE TABLE train_no_label (image bytea);
CREATE TABLE train_two_images (a bytea, b bytea, label text);
CREATE TABLE train_two_labels (image bytea, a text, b varchar);
CREATE TABLE train_empty (image bytea, label text);
CREATE SEQUENCE train_sequence;
SELECT hwr_train('train_no_image');
\echo :SQLSTATE
SELECT hwr_train('train_no_label');
\echo :SQLSTATE
SELECT hwr_train('train_two_images');
\echo :SQLSTATE
SELECT hwr_train('train_two_labels');
\echo :SQLSTATE
SELECT hwr_train('train_two_images', image_column => 'b');
\echo :SQLSTATE
SELECT hwr_train('train_words', image_column => 'label');
\echo :SQLSTATE
SELECT hwr_train('train_words', label_column => 'nothing');
\echo :SQLSTATE
SELECT hwr_train('train_sequence');
\echo :SQLSTATE
SELECT hwr_train('train_words', options => tiny('{"validation": "train_no_label"}'));
\echo :SQLSTATE

-- rows: none, one, only unreadable ones, only labels that the network has no steps for
SELECT hwr_train('train_empty', 'train_c', options => tiny());
\echo :SQLSTATE
SELECT hwr_train('train_words', 'train_c', options => tiny('{"validation": "train_empty"}'));
\echo :SQLSTATE
INSERT INTO train_empty SELECT image, label FROM train_words LIMIT 1;
SELECT hwr_train('train_empty', 'train_c', options => tiny());
\echo :SQLSTATE
\set VERBOSITY terse
CREATE TABLE train_bad AS SELECT 'not an image'::bytea AS image, label FROM train_words LIMIT 3;
SELECT hwr_train('train_bad', 'train_c', options => tiny());
\echo :SQLSTATE
CREATE TABLE train_long AS SELECT image, repeat('long ', 20) AS label FROM train_words LIMIT 3;
SELECT hwr_train('train_long', 'train_c', options => tiny());
\echo :SQLSTATE
UPDATE train_holes SET image = '' WHERE id > 70;
SELECT hwr_train('train_holes', 'train_c', options => tiny());
\echo :SQLSTATE
\set VERBOSITY default
-- such a job is kept, with the error; there is no model
SELECT state, phase, training, sqlstate, message, version, skipped FROM hwr_job_details WHERE model = 'train_c' ORDER BY job;
SELECT count(*) FROM hwr.model WHERE name = 'train_c';

-- what another process cannot see, or would wait for
CREATE TEMP TABLE train_temporary AS SELECT * FROM train_words;
SELECT hwr_train('train_temporary');
\echo :SQLSTATE
SELECT hwr_train('train_words', options => tiny('{"validation": "train_temporary"}'));
\echo :SQLSTATE
BEGIN;
CREATE TABLE train_new AS SELECT * FROM train_words;
SELECT hwr_train('train_new');
\echo :SQLSTATE
ROLLBACK;
BEGIN;
DELETE FROM train_words WHERE id = 1;
SELECT hwr_train('train_words');
\echo :SQLSTATE
ROLLBACK;
BEGIN;
TRUNCATE train_words;
SELECT hwr_train('train_words');
\echo :SQLSTATE
ROLLBACK;
BEGIN;
LOCK TABLE train_words IN ACCESS EXCLUSIVE MODE;
SELECT hwr_train('train_words');
\echo :SQLSTATE
ROLLBACK;
BEGIN;
INSERT INTO train_part1 SELECT * FROM train_words WHERE id = 1;
SELECT hwr_train('train_parts');
\echo :SQLSTATE
ROLLBACK;
BEGIN;
LOCK TABLE train_last IN SHARE MODE;
SELECT hwr_train('train_words', options => tiny('{"validation": "train_last"}'));
\echo :SQLSTATE
ROLLBACK;
BEGIN;
SELECT hwr_activate_model('train_a', 1);
SELECT hwr_train('train_words');
\echo :SQLSTATE
ROLLBACK;
BEGIN READ ONLY;
SELECT hwr_train('train_words');
\echo :SQLSTATE
ROLLBACK;
-- reading it before does no harm, nor does a savepoint that was rolled back
BEGIN;
SAVEPOINT s;
DELETE FROM train_words;
ROLLBACK TO s;
SELECT count(*) FROM train_words;
SELECT version FROM hwr_train('train_words', 'train_b', options => tiny('{"epochs": 1}'));
ROLLBACK;
-- the worker's transactions are its own
SELECT last_version, active FROM hwr.model WHERE name = 'train_b';

--
-- Privileges
--
CREATE ROLE regress_hwr_train;
GRANT EXECUTE ON FUNCTION hwr_train, hwr_drop_model TO regress_hwr_train;
SET SESSION AUTHORIZATION regress_hwr_train;
SET client_min_messages = warning;
SELECT hwr_train('train_words', 'train_d', options => tiny());
\echo :SQLSTATE
RESET SESSION AUTHORIZATION;
GRANT SELECT (image) ON train_words TO regress_hwr_train;
SET SESSION AUTHORIZATION regress_hwr_train;
SELECT hwr_train('train_words', 'train_d', options => tiny());
\echo :SQLSTATE
RESET SESSION AUTHORIZATION;
GRANT SELECT (label) ON train_words TO regress_hwr_train;
ALTER TABLE train_words ENABLE ROW LEVEL SECURITY;
-- the session's user, role and settings reach the policy
CREATE POLICY train_half ON train_words
	USING (id <= current_setting('train.rows')::integer AND session_user = 'regress_hwr_train');
SET SESSION AUTHORIZATION regress_hwr_train;
SET train.rows = 40;
SELECT images + validation_images AS rows, version FROM hwr_train('train_words', 'train_d', options => tiny());
SELECT hwr_train('train_words', 'train_a', options => tiny());
\echo :SQLSTATE
SELECT count(*) FROM hwr.job;
\echo :SQLSTATE
-- jobs of others are not shown
SELECT state, model, owner, sqlstate, message FROM hwr_job_details ORDER BY job;
RESET SESSION AUTHORIZATION;
DELETE FROM train_words WHERE id > 90;
SELECT images + validation_images AS rows FROM hwr_train('train_words', 'train_b', options => tiny());

-- a language model of the labels goes into the model where it helps, goes on with a training from it, and can be left out
SELECT version FROM hwr_train('train_words', 'train_e', options => tiny('{"language_model": "labels", "validation_fraction": 0.3}'));
SELECT version FROM hwr_train('train_words', 'train_e', options => tiny('{"base": "train_e", "epochs": 1}') - 'architecture');
SELECT version FROM hwr_train('train_words', 'train_f', options => tiny('{"base": "train_e", "epochs": 1, "language_model": "none"}') - 'architecture');
SELECT version FROM hwr_train('train_words', 'train_f', options => tiny('{"language_model": "labels", "validation_fraction": 0}'));
-- the base's and one of the labels become one; of a base that has none, it is that of the labels
CREATE TABLE train_more AS SELECT id, image, label || 'xyz' AS label FROM train_words;
SELECT version FROM hwr_train('train_more', 'train_e', options => tiny('{"base": "train_e", "base_version": 1, "epochs": 1, "language_model": "both", "validation_fraction": 0.3}') - 'architecture');
SELECT version FROM hwr_train('train_words', 'train_f', options => tiny('{"base": "train_f", "base_version": 1, "epochs": 1, "language_model": "both", "validation_fraction": 0.3}') - 'architecture');
-- also of other letter cases, and where there is nothing to weigh it on or to build it from
CREATE TABLE train_unlabelled AS SELECT id, image, '' AS label FROM train_words;
SELECT version FROM hwr_train('train_more', 'train_e', options => tiny('{"base": "train_e", "base_version": 1, "epochs": 1, "language_model": "both", "case": "upper", "validation_fraction": 0.3}') - 'architecture');
SET client_min_messages = error;		-- the same images validate
SELECT version FROM hwr_train('train_more', 'train_e', options => tiny('{"base": "train_e", "base_version": 1, "epochs": 1, "language_model": "both", "validation": "train_unlabelled", "empty_labels": "learn"}') - 'architecture');
SELECT version FROM hwr_train('train_unlabelled', 'train_e', options => tiny('{"base": "train_e", "base_version": 1, "epochs": 1, "language_model": "both", "validation": "train_words", "empty_labels": "learn"}') - 'architecture');
SELECT version FROM hwr_train('train_unlabelled', 'train_e', options => tiny('{"base": "train_e", "base_version": 1, "epochs": 1, "language_model": "labels", "validation": "train_words", "empty_labels": "learn"}') - 'architecture');
SET client_min_messages = warning;
SELECT hwr_train('train_words', 'train_e', options => tiny('{"language_model": "both"}'));
SELECT b.bytes - a.bytes > 1000 AS more FROM hwr_model_details a, hwr_model_details b WHERE a.model = 'train_e' AND b.model = 'train_e' AND a.version = 2 AND b.version = 3;
SELECT model, version, options->>'language_model' AS language_model FROM hwr_model_details WHERE model IN ('train_e', 'train_f') ORDER BY model, version;
SELECT hwr_train('train_words', 'train_e', options => tiny('{"language_model": "mine"}'));
SELECT hwr_drop_model('train_e');
SELECT hwr_drop_model('train_f');
DROP TABLE train_more, train_unlabelled;

-- an empty label is left out, or says that there is nothing to read
CREATE TABLE train_blanks AS SELECT id, image, CASE WHEN id % 12 <> 0 THEN label ELSE '' END AS label FROM train_words WHERE id <= 80;
SELECT images + validation_images AS rows, skipped FROM hwr_train('train_blanks', 'train_e', options => tiny());
SELECT images + validation_images AS rows, skipped, train_loss > 0 AS train_loss
FROM hwr_train('train_blanks', 'train_e', options => tiny('{"empty_labels": "learn"}'));
UPDATE train_blanks SET label = ' ';
SELECT hwr_train('train_blanks', 'train_e', options => tiny('{"empty_labels": "learn"}'));
SELECT hwr_drop_model('train_e');
DROP TABLE train_blanks;

SELECT hwr_drop_model('train_a');
SELECT hwr_drop_model('train_b');
SELECT hwr_drop_model('train_d');
DROP TABLE train_parts, train_temporary, train_no_image, train_no_label, train_two_images, train_two_labels,
	train_empty, train_bad, train_long, train_holes, train_last;
DROP VIEW train_first, train_few, train_dense;
DROP TABLE train_words;
DROP SEQUENCE train_sequence;
DROP FUNCTION tiny, by_heart;
DROP OWNED BY regress_hwr_train;
DROP ROLE regress_hwr_train;
