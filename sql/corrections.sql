--
-- Corrections of attached tables: what is kept, who sees it, what is learned from it; versions that are tried; drift
--
SET client_min_messages = warning;
SET statement_timeout = '120s';
\set SHOW_CONTEXT never
CREATE ROLE regress_hwr_clerk;
CREATE ROLE regress_hwr_other;
SELECT hwr_import_model(stroke_model(), 'pipe');
SELECT hwr_grant_model('pipe', 'public');
CREATE TABLE corrected (id integer PRIMARY KEY, source integer, image bytea, text text, confidence real);
GRANT SELECT, UPDATE (text) ON corrected TO regress_hwr_clerk;
-- Where no table is attached, that is said, too.
SELECT count(*) AS attachments FROM hwr_attachments;
SELECT count(*) FROM hwr_compare('corrected');
SELECT count(*) FROM hwr_review_next('corrected');
SELECT hwr_attach('corrected', confidence_column => 'confidence', model => 'pipe') > 0 AS attached;
INSERT INTO corrected SELECT id + 100 * i, id, image FROM strokes, generate_series(0, 9) i;
CALL hwr_work();
SELECT count(*), count(*) FILTER (WHERE c.text = s.label) AS right FROM corrected c JOIN strokes s ON s.id = c.source;

-- By whom, what it was, what it is; twice; set to what it was; confirmed
SET ROLE regress_hwr_clerk;
UPDATE corrected SET text = 'I^' WHERE id = 1;
UPDATE corrected SET text = 'I_' WHERE id = 1;
SELECT hwr_confirm('corrected', '{2}');
SELECT hwr_confirm('corrected', '{99999}');
SELECT hwr_confirm('corrected', '{1,2}');
SELECT hwr_confirm('corrected', ARRAY[NULL]);
SELECT data, key, label, reading, was, who, model, version, confidence BETWEEN 0 AND 1 AS sure FROM hwr_corrections ORDER BY id;
SELECT waiting, corrected FROM hwr_queue;
SELECT count(*) FROM hwr_failures;
RESET ROLE;
UPDATE corrected SET text = text;
UPDATE corrected SET text = 'I' WHERE id = 101;
SELECT key, label, reading, was, who = current_user AS mine FROM hwr_corrections ORDER BY id;
SET ROLE regress_hwr_clerk;
SELECT count(*) FROM hwr_corrections;
SET ROLE regress_hwr_other;
SELECT count(*) FROM hwr_corrections;
SELECT count(*) FROM hwr_attachments;
SELECT hwr_confirm('corrected', '{2}');
SELECT hwr.confirm_row((SELECT max(attachment) FROM hwr.own_rows), '{2}');
SELECT hwr.confirm_row(a, '{2}') FROM generate_series(1, 0) a;
RESET ROLE;
SELECT attachment FROM hwr_attachments \gset
SET ROLE regress_hwr_other;
\set VERBOSITY terse
-- who may see nothing of the table is told the number that he has named
SELECT call, replace(outcome(format('SELECT hwr.' || call, :attachment)), ' ' || :attachment, ' N') FROM unnest(ARRAY['confirm_row(%s, ''{2}'')', 'undo_correction(%s, ''{2}'')',
	'pause_attachment(%s, true)', 'delete_attachment(%s, true)', 'queue_rows(%s, ''all'')', 'set_trial(%s, ''pipe'', NULL, 0.5, true)', 'set_baseline(%s, false)']) call;
SELECT hwr_attach('corrected');
SELECT hwr.store_attachment('corrected', 'image', 'text', NULL, '{id}', 'pipe', 'queue', 'none', 1, 1, '1 s', NULL, 'wait', 5);
CALL hwr_work();
CALL hwr_work('corrected');
SET ROLE regress_hwr_clerk;
SELECT hwr_pause('corrected');
CALL hwr_work('corrected');
\set VERBOSITY default
RESET ROLE;
-- policies hold for who confirms, and for who looks
ALTER TABLE corrected ENABLE ROW LEVEL SECURITY;
CREATE POLICY part ON corrected TO regress_hwr_clerk USING (id > 100);
SET ROLE regress_hwr_clerk;
SELECT hwr_confirm('corrected', '{2}'), hwr_confirm('corrected', '{102}');
SELECT key FROM hwr_corrections ORDER BY id;
RESET ROLE;
ALTER TABLE corrected DISABLE ROW LEVEL SECURITY;
-- an image that has changed since makes a correction worthless; a row that is gone takes its own along
UPDATE corrected SET image = (SELECT image FROM strokes WHERE id = 5) WHERE id = 101;
DELETE FROM corrected WHERE id = 102;
SELECT key FROM hwr_corrections ORDER BY id;

-- Taken back: one's own newest one, as if it had not been made
CREATE VIEW taken_back AS SELECT c.text = s.label AS right, r.corrected, r.model, (SELECT count(*) FROM hwr.correction x WHERE x.key = '{5}') AS corrections
	FROM corrected c JOIN strokes s ON s.id = c.source LEFT JOIN hwr.read_row r ON r.key = '{5}' WHERE c.id = 5;
GRANT SELECT ON taken_back TO PUBLIC;
SET ROLE regress_hwr_clerk;
SELECT hwr_undo_correction('corrected', '{5}');
UPDATE corrected SET text = 'X' WHERE id = 5;
SELECT * FROM taken_back;
SELECT hwr_undo_correction('corrected', '{5}');
SELECT * FROM taken_back;
SELECT hwr_confirm('corrected', '{5}'), hwr_undo_correction('corrected', '{5}');
SELECT * FROM taken_back;
UPDATE corrected SET text = 'X' WHERE id = 5;
UPDATE corrected SET text = 'Y' WHERE id = 5;
SELECT hwr_undo_correction('corrected', '{5}');
SELECT text, corrected, corrections FROM taken_back, corrected WHERE id = 5;
RESET ROLE;
SELECT hwr_undo_correction('corrected', '{5}');		-- another's
SET ROLE regress_hwr_other;
SELECT hwr_undo_correction('corrected', '{5}');
SELECT replace(outcome(format('SELECT hwr.undo_correction(%s, ''{5}'')', :attachment)), ' ' || :attachment, ' N');
SET ROLE regress_hwr_clerk;
SELECT hwr_undo_correction('corrected', '{5}');
SELECT * FROM taken_back;
UPDATE corrected SET text = NULL WHERE id = 5;
UPDATE corrected SET text = 'BEFORE IT IS READ' WHERE id = 5;
SELECT hwr_undo_correction('corrected', '{5}');
RESET ROLE;
CALL hwr_work();
SELECT * FROM taken_back;
DROP VIEW taken_back;
-- a trigger that takes back another one meanwhile
CREATE FUNCTION take_back() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.hwr_undo_correction('public.corrected', '{7}'); RETURN NULL; END $$;
UPDATE corrected SET text = 'X' WHERE id IN (6, 7);
CREATE TRIGGER first AFTER UPDATE ON corrected FOR EACH ROW WHEN (NEW.id = 6) EXECUTE FUNCTION take_back();
SELECT hwr_undo_correction('corrected', '{6}');
SELECT count(*) FROM hwr.correction WHERE key IN ('{6}', '{7}');
DROP TRIGGER first ON corrected;
DROP FUNCTION take_back();
-- a table that is gone when its turn comes
SELECT hwr.lock_table(4294967295::regclass);

-- What to look at next
SELECT count(*) > 0 AS some, bool_and(teaches >= 0) AS positive FROM hwr_review_next('corrected');
SELECT count(*) FROM hwr_review_next('corrected', 3);
SELECT count(*) FROM hwr_review_next('corrected', 1000, rank_by => 'doubt') r WHERE r.key IN ('{1}', '{2}');
SELECT bool_and(r.confidence <= n) AS ordered FROM (SELECT confidence, lead(confidence) OVER (ORDER BY o) AS n
	FROM hwr_review_next('corrected', 1000, rank_by => 'doubt') WITH ORDINALITY r (key, text, confidence, model, version, other, teaches, reason, image, o)) r WHERE n IS NOT NULL;
SELECT hwr_review_next('corrected', rank_by => 'chance');

-- Learning: nothing to learn from; a version that is not better is not activated, and that is said
SELECT job FROM hwr_improve('nobody');
SELECT hwr_improve('pipe', options => NULL);
UPDATE corrected SET text = text || '^' WHERE id BETWEEN 200 AND 999;
UPDATE corrected SET text = s.label FROM strokes s WHERE s.id = source AND corrected.id BETWEEN 200 AND 999;
SELECT count(*) > 10 AS many, bool_or(held_out) AS some, bool_and(held_out) AS all FROM hwr_corrections;
SELECT count(*) FROM hwr_improvement;
SELECT version, activated, corrections > 0 AS corrections, held_out > 0 AS held_out, former_rows, cer <= 1 AS cer, verdict LIKE '%version 2 is not activated: CER % against % of version 1 on the same % images%' AS verdict
	FROM hwr_improve('pipe', options => '{"epochs": 1, "threads": 1}');
SELECT training, state, options->>'base' AS base FROM hwr_job_details ORDER BY job DESC LIMIT 1;
-- what its validation images look like, which drift is measured against
SELECT (v.features->>'n')::bigint = j.validation_images AS of_validation, (SELECT sum(n::bigint) FROM jsonb_array_elements_text(v.features->'confidence') n) = j.validation_images AS all_counted,
	ARRAY(SELECT k FROM jsonb_object_keys(v.features) k ORDER BY k) AS features
	FROM hwr.version v JOIN hwr.model m ON m.id = v.model_id JOIN hwr_job_details j ON j.job = v.job WHERE m.name = 'pipe' AND v.version = 2;
SELECT version, activated, former_rows > 0 AS former FROM hwr_improve('pipe', 'strokes', options => '{"epochs": 1, "threads": 1}', "rows" => 5);
SELECT count(*) FROM hwr_improvement;

-- One that is better is activated: of a model that takes upper strokes for lower ones, which corrections tell.  A byte behind an image's end makes it another one.
SELECT hwr_import_model(stroke_model(data => '\x0000000000008040000080c000008040000000000000804000008040000080c0000000000000c0c0000000c0000000c0'), 'mirrored');
CREATE TABLE taught (id integer PRIMARY KEY, source integer, image bytea, text text);
SELECT hwr_attach('taught', model => 'mirrored', reread => 'all') > 0 AS attached;
INSERT INTO taught SELECT id + 10 * i, id, image || int4send(i) FROM strokes, generate_series(1, 40) i;
CALL hwr_work('taught');
SELECT count(*) FILTER (WHERE t.text <> s.label) > 100 AS wrong FROM taught t JOIN strokes s ON s.id = t.source;
UPDATE taught t SET text = s.label FROM strokes s WHERE s.id = t.source AND t.id % 20 < 10;
SELECT version, activated, cer < cer_before AS better, verdict ~ 'version 2 is activated: CER .* against .* of version 1' AS verdict
	FROM hwr_improve('mirrored', options => '{"epochs": 40, "batch_size": 8, "patience": 0, "learning_rate": 0.1, "threads": 1, "augment": 0}');
SELECT waiting > 0 AS waiting, waiting = again AS again FROM hwr_queue WHERE data = 'taught'::regclass;
CALL hwr_work('taught');
SELECT count(*) FILTER (WHERE t.text <> s.label) * 10 < count(*) AS right FROM taught t JOIN strokes s ON s.id = t.source WHERE t.id % 20 >= 10;
SELECT hwr_detach('taught', forget => true);
DROP TABLE taught;
SELECT hwr_drop_model('mirrored');

-- A version that is tried: in the shadow, then in the place of the other, on a share that stays the same
SELECT hwr_import_model(stroke_model('{"alphabet": "abc"}'), 'tried');
SELECT hwr_try('corrected', 'nobody');
SELECT hwr_try('corrected', 'tried', 7);
SELECT hwr_try('corrected', 'tried', share => 0);
SELECT hwr_try_end('corrected');
SELECT hwr_try('corrected', 'tried', share => 0.5) > 0 AS tried;
TRUNCATE corrected;
INSERT INTO corrected SELECT id + 100 * i, id, image FROM strokes, generate_series(0, 59) i;
CALL hwr_work();
SELECT count(*) = (SELECT count(*) FROM corrected) AS all_read, count(*) FILTER (WHERE arm = 'a') = count(*) AS all_a FROM hwr.read_row;
SELECT count(*) BETWEEN 0.4 * n AND 0.6 * n AS half, bool_and(s.text = translate(c.text, 'I^_', 'abc')) AS shadows
	FROM hwr.shadow s JOIN corrected c ON ARRAY[c.id::text] = s.key, (SELECT count(*) AS n FROM corrected) n GROUP BY n;
SELECT bool_or(reason = 'versions disagree') AS disagree FROM hwr_review_next('corrected', 50);
SELECT labelled_a, labelled_b, cer_a, look, p_value, verdict FROM hwr_compare('corrected');
UPDATE corrected SET text = 'I' WHERE id <= 100 AND text <> 'I';
SELECT count(hwr_confirm('corrected', ARRAY[id::text])) > 50 AS confirmed FROM corrected WHERE id > 100;
SELECT shadow, model_b, version_b, labelled_a = labelled_b AS pairs, cer_a < cer_b AS better, exact_b, only_b_exact, p_value < bound AS sure, verdict FROM hwr_compare('corrected');
SELECT hwr_try('corrected', 'tried', 1, 0.5, shadow => false) > 0 AS tried;
SELECT count(*) FROM hwr_trials WHERE ended IS NULL;
UPDATE corrected SET text = NULL;
CALL hwr_work();
SELECT arm, model, version, count(*) > 50 AS many, bool_and(c.text ~ CASE arm WHEN 'a' THEN '^[I^_]*$' ELSE '^[abc]*$' END) AS written
	FROM hwr.read_row r JOIN corrected c ON ARRAY[c.id::text] = r.key GROUP BY 1, 2, 3 ORDER BY 1;
UPDATE corrected c SET text = CASE WHEN c.text = s.label THEN s.label ELSE s.label END FROM strokes s WHERE s.id = source;
SELECT count(hwr_confirm('corrected', ARRAY[id::text])) > 50 AS confirmed FROM corrected WHERE text ~ '^[I^_]*$';
SELECT shadow, labelled_a > 50 AS a, labelled_b > 50 AS b, cer_a < cer_b AS better, p_value < bound AS sure, verdict FROM hwr_compare('corrected');
SELECT hwr_try_end('corrected');
SELECT hwr_try('corrected', 'lines');

-- One that is gone, or finds lines by now: the rows are read without it
CREATE VIEW tried AS SELECT count(c.text) AS read, bool_and(c.text ~ '^[I^_]*$') AS by_the_other, count(r.trial) AS trial, count(s.text) AS shadows
	FROM corrected c LEFT JOIN hwr.read_row r ON r.key = ARRAY[c.id::text] LEFT JOIN hwr.shadow s ON s.key = r.key AND s.trial = (SELECT max(trial) FROM hwr_trials) WHERE c.id <= 8;
SELECT hwr_try('corrected', 'tried', share => 1) > 0 AS tried;
SELECT hwr_drop_model('tried');
UPDATE corrected SET text = NULL WHERE id <= 8;
CALL hwr_work();
SELECT * FROM tried;
SELECT problem FROM hwr_trials WHERE ended IS NULL;
SELECT regexp_replace(problem, '\d+', 'N') FROM hwr_queue;
SELECT problem, sqlstate FROM hwr_attachments;
SELECT hwr_import_model(stroke_model('{"alphabet": "abc"}'), 'tried');
UPDATE corrected SET text = NULL WHERE id <= 8;
CALL hwr_work();
SELECT * FROM tried;
SELECT problem FROM hwr_trials WHERE ended IS NULL;
SELECT hwr_try('corrected', 'tried', 1, share => 1, shadow => false) > 0 AS tried;
SELECT hwr_drop_model('tried', 1);
UPDATE corrected SET text = NULL WHERE id <= 8;
CALL hwr_work();
SELECT * FROM tried;
SELECT problem FROM hwr_trials WHERE ended IS NULL;
SELECT hwr_import_model(stroke_model('{"alphabet": "abc"}'), 'tried');
SELECT hwr_try('corrected', 'tried', share => 1, shadow => false) > 0 AS tried;
SELECT hwr_import_model(hwr_export_model('lines'), 'tried', activate => true);
UPDATE corrected SET text = NULL WHERE id <= 8;
CALL hwr_work();
SELECT * FROM tried;
SELECT problem FROM hwr_trials WHERE ended IS NULL;
SELECT hwr_try_end('corrected');
SELECT problem FROM hwr_queue;
DROP VIEW tried;
SELECT abs(hwr.normal_p(1.959964) - 0.05) < 1e-6 AS p, hwr.normal_p(0) BETWEEN 0.999999 AND 1.000001 AS one;

-- Drift
SELECT * FROM hwr.psi('{50,50}', '{500,500}');
SELECT psi > 0.2 AND psi > bound AS drifted FROM hwr.psi('{90,10}', '{500,500}');
SELECT hwr.features_add('{"n": 1, "confidence": [1, 0], "length": [1], "ink": [1], "width": [1], "blank": [1, 0], "characters": {"a": 1}}',
	'{"n": 2, "confidence": [1, 1], "length": [2], "ink": [2], "width": [2], "blank": [1, 1], "characters": {"a": 1, "b": 2}}');
SELECT feature, psi > bound AS drifted FROM hwr.drift('{"confidence": [1, 99], "length": [100], "ink": [100], "width": [100], "blank": [100, 0], "characters": {"x": 300}}',
	'{"confidence": [500, 500], "length": [1000], "ink": [1000], "width": [1000], "blank": [1000, 0], "characters": {"a": 1000, "b": 1000}}') ORDER BY 1;
UPDATE hwr.attachment SET "window" = 100, drift = NULL, baseline = NULL;
DELETE FROM hwr.drift_window;
DELETE FROM hwr.batch;
TRUNCATE corrected;
SELECT hwr_set_baseline('corrected');
INSERT INTO corrected SELECT row_number() OVER (), id, image FROM (SELECT id, image FROM strokes, generate_series(1, 100) i ORDER BY md5(id::text || i)) s;
CALL hwr_work();
SELECT count(*) > 3 AS windows, bool_or(drifted) AS drifted, min(baseline) LIKE 'its first %' AS baseline FROM hwr_drift_windows;
INSERT INTO corrected SELECT 2000 + i, id, image FROM strokes, generate_series(1, 150) i WHERE id = 1;
CALL hwr_work();
SELECT feature, drifted FROM hwr_drift ORDER BY 1;
SELECT drift FROM hwr.attachment;
SELECT hwr_set_baseline('corrected') > 0 AS set;
SELECT drift IS NULL AS none FROM hwr.attachment;
SELECT hwr_set_baseline('corrected', false);
-- windows are not kept for ever
INSERT INTO hwr.drift_window (attachment, began, ended, rows, features, baseline) SELECT attachment, now(), now(), 1, '{}', 'former' FROM hwr_attachments, generate_series(1, 1100);
INSERT INTO corrected SELECT 3000 + i, id, image FROM strokes, generate_series(1, 150) i WHERE id = 1;
CALL hwr_work();
SELECT count(*) FROM hwr.drift_window;

SELECT hwr_detach('corrected', forget => true);
DROP TABLE corrected;
SELECT hwr_drop_model('tried');
SELECT hwr_drop_model('pipe');
DROP ROLE regress_hwr_clerk, regress_hwr_other;
