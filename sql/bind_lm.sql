--
-- hwr_bind_lm: a model with a language model inside, which all reading with it uses
--
SELECT hwr_import_model(stroke_model(), 'bound');
SELECT texts_read FROM hwr_train_lm_texts('bars', (SELECT array_agg(repeat('_', n)) FROM generate_series(1, 9) n));
SELECT id, hwr_recognize(image, 'bound') AS alone FROM strokes WHERE id IN (1, 4, 6) ORDER BY id;
SELECT hwr_bind_lm('bound', 'bars', 40);
SELECT version, active FROM hwr_models WHERE model = 'bound' ORDER BY version;
SELECT id, hwr_recognize(image, 'bound') AS reading FROM strokes WHERE id IN (1, 4, 6) ORDER BY id;

-- Everywhere alike: in arrays and batches, as the best of n, with its confidence; the version before is as it was.
SELECT hwr_recognize_batch(array_agg(image ORDER BY id), 'bound') = array_agg(hwr_recognize(image, 'bound') ORDER BY id) AS in_array,
	bool_and(hwr_recognize(image, 'bound') = (SELECT text FROM hwr_recognize_nbest(image, 1, 'bound'))) AS best,
	bool_and((SELECT r.confidence = n.confidence FROM hwr_read_batch(ARRAY[image], 'bound') r, hwr_recognize_nbest(image, 1, 'bound') n)) AS confidence,
	count(*)
	FROM strokes WHERE image IS NOT NULL;
SELECT bool_and(guess = hwr_recognize(image, 'bound')) AS readings, bool_and(confidence BETWEEN 0 AND 1) AS confidence
	FROM hwr_readings('strokes', 'bound') WHERE image IS NOT NULL AND guess IS NOT NULL;
SELECT id, hwr_recognize(image, 'bound', 1) AS alone FROM strokes WHERE id IN (1, 4, 6) ORDER BY id;

-- It is left out of a search with weight 0, with another language model, and where a lexicon or a pattern says what a text can be.
SELECT (SELECT text FROM hwr_recognize_nbest(image, 1, 'bound', lm_weight => 0)) AS weight,
	(SELECT text FROM hwr_recognize_nbest(image, 1, 'bound', lexicon => '{I,II,III}')) AS lexicon,
	(SELECT text FROM hwr_recognize_nbest(image, 1, 'bound', pattern => 'I+')) AS pattern
	FROM strokes WHERE id = 1;
-- The ink alone is scored.  What is kept has a share of it, if one wants.
SELECT hwr_score(image, 'I', 'bound') = hwr_score(image, 'I', 'bound', 1) AS score,
	hwr_text(hwr_posterior(image, 'bound', language => 0)) = hwr_recognize(image, 'bound', 1) AS ink,
	hwr_posterior(image, 'bound', language => 0) <> hwr_posterior(image, 'bound') AS different,
	hwr_text((hwr_posterior_batch(ARRAY[image], 'bound', language => 1))[1]) = hwr_recognize(image, 'bound') AS alone FROM strokes WHERE id = 1;
SELECT hwr_posterior(image, 'bound', language => 1.1) FROM strokes WHERE id = 1;

-- So it is in attached tables, whenever they are read, and in fields of forms.
CREATE TABLE bound_queue (id integer PRIMARY KEY, image bytea, text text, confidence double precision);
CREATE TABLE bound_now (LIKE bound_queue INCLUDING ALL);
SELECT count(hwr_attach(data, text_column => 'text', confidence_column => 'confidence', model => 'bound', mode => mode))
	FROM (VALUES ('bound_queue'::regclass, 'queue'), ('bound_now', 'now')) v (data, mode);
INSERT INTO bound_queue SELECT id, image FROM strokes WHERE id <= 3;
INSERT INTO bound_now SELECT id, image FROM strokes WHERE id <= 3;
CALL hwr_work('bound_queue');
SELECT data, count(*), bool_and(text = r.reading AND abs(a.confidence / r.probability - 1) < 1e-9) AS same
	FROM (SELECT 'queue' AS data, * FROM bound_queue UNION ALL SELECT 'now', * FROM bound_now) a,
	LATERAL (SELECT n.text AS reading, n.confidence AS probability FROM hwr_recognize_nbest(a.image, 1, 'bound') n) r GROUP BY data ORDER BY data;
SELECT hwr_detach('bound_queue'), hwr_detach('bound_now');
DROP TABLE bound_queue, bound_now;
\set scan `base64 -w 0 test/data/forms/scan.jpg`
\set blank `base64 -w 0 test/data/forms/registration.jpg`
CREATE TABLE bound_fields AS SELECT 'name' AS name, box '((54.9,131.8),(363.2,164.8))' AS area;
SELECT f.text = n.text AS text, abs(f.confidence / n.confidence - 1) < 1e-9 AS confidence
	FROM hwr_read_form(decode(:'scan', 'base64'), decode(:'blank', 'base64'), 'bound_fields', 'bound') f, hwr_recognize_nbest(f.image, 1, 'bound') n;
DROP TABLE bound_fields;

-- Weight, bonus and confidence are fitted on labelled images: the usual weights, or the confidence of readings with one that is given.
CREATE TABLE bound_labelled AS SELECT repeat('_', 8) AS label, image FROM strokes WHERE id IN (1, 4, 6);
INSERT INTO bound_labelled VALUES ('I', NULL), (NULL, '\x00'), ('I', 'no image');
SELECT version, images, skipped, lm_weight, length_bonus, cer_with < cer_without AS better FROM hwr_weigh_lm('bound_labelled', 'bound', lm_weight => 40);
SELECT bool_and(a.text = b.text) AS readings, bool_and(a.confidence < b.confidence) AS surer, bool_and(b.confidence <= 1) AS bounded
	FROM strokes, hwr_recognize_nbest(image, 1, 'bound', version => 2) a, hwr_recognize_nbest(image, 1, 'bound') b WHERE id IN (1, 4, 6);
SELECT bool_and(total <= 1) AS at_most_one FROM (SELECT sum(confidence) AS total FROM strokes, hwr_recognize_nbest(image, 20, 'bound') WHERE image IS NOT NULL GROUP BY id) s;
SELECT version, active FROM hwr_models WHERE model = 'bound' ORDER BY version;
SELECT version, images, skipped, lm_weight FROM hwr_weigh_lm('strokes', 'bound');
SELECT version, images FROM hwr_weigh_lm('bound_labelled', 'bound', lm_weight => 40, version => 2, activate => false);
SELECT version, active FROM hwr_models WHERE model = 'bound' ORDER BY version;

-- It goes along with an export, also in 16 bits, and can be taken out.
SELECT hwr_import_model(hwr_export_model('bound', half => true), 'bound_copy');
SELECT hwr_recognize(image, 'bound_copy') = hwr_recognize(image, 'bound') AS same,
	(SELECT confidence FROM hwr_recognize_nbest(image, 1, 'bound_copy')) = (SELECT confidence FROM hwr_recognize_nbest(image, 1, 'bound')) AS confidence
	FROM strokes WHERE id = 1;
SELECT hwr_bind_lm('bound_copy', NULL);
SELECT hwr_recognize(image, 'bound_copy') = hwr_recognize(image, 'bound', 1) AS same FROM strokes WHERE id = 1;

-- A chosen version stays; a language model that is gone is no loss.
SELECT hwr_activate_model('bound', 1);
SELECT hwr_bind_lm('bound', 'bars');
SELECT hwr_drop_lm('bars');
SELECT hwr_recognize(image, 'bound', 2) AS reading FROM strokes WHERE id = 1;

-- Errors
SELECT hwr_bind_lm('bound', 'bars');
SELECT hwr_bind_lm('lines', 'bars');
SELECT hwr_bind_lm('nothing', NULL);
SELECT hwr_bind_lm(NULL, NULL);
SELECT hwr_bind_lm('bound', NULL, version => 9);
SELECT hwr_bind_lm('bound', NULL, version => 0);
SELECT hwr_bind_lm('bound', NULL, -1);
SELECT hwr_bind_lm('bound', NULL, 'NaN');
SELECT hwr_bind_lm('bound', NULL, 1, 'Infinity');
SELECT hwr_weigh_lm('bound_labelled', 'bound', version => 1);
SELECT hwr_weigh_lm(NULL, 'bound');
SELECT hwr_weigh_lm('bound_labelled', NULL);
SELECT hwr_weigh_lm('bound_labelled', 'bound', version => 9);
SELECT hwr_weigh_lm('bound_labelled', 'bound', lm_weight => -1, version => 2);
DELETE FROM bound_labelled WHERE label IS NOT NULL;
SELECT hwr_weigh_lm('bound_labelled', 'bound', version => 2);
CREATE ROLE regress_hwr_binder;
GRANT EXECUTE ON FUNCTION hwr_bind_lm, hwr_weigh_lm TO regress_hwr_binder;
GRANT SELECT ON bound_labelled TO regress_hwr_binder;
SELECT hwr_grant_model('bound', 'regress_hwr_binder');
SELECT hwr_train_lm_texts('bars', '{_}') IS NOT NULL AS trained;
SET ROLE regress_hwr_binder;
SELECT hwr_bind_lm('bound', NULL);
SELECT hwr_bind_lm('names', 'bars');
SELECT hwr_weigh_lm('bound_labelled', 'bound');
RESET ROLE;
SELECT hwr_drop_lm('bars');
DROP TABLE bound_labelled;
SELECT hwr_drop_model('bound');
SELECT hwr_drop_model('bound_copy');
DROP OWNED BY regress_hwr_binder;
DROP ROLE regress_hwr_binder;
