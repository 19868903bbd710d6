--
-- Decoding: n-best readings, language models, lexicons, and the probability of a given text
--
SELECT hwr_import_model(stroke_model(), 'strokes');

-- The best reading is the label, and the text is the characters.
SELECT s.id, s.label, r.rank, r.text = s.label AS same,
	r.confidence BETWEEN 0 AND 1 AS confidence, r.log_probability <= 0 AS log_probability,
	r.text = coalesce((SELECT string_agg(c ->> 'char', '' ORDER BY i) FROM jsonb_array_elements(r.characters) WITH ORDINALITY e (c, i)), '') AS characters
	FROM strokes s, hwr_recognize_nbest(s.image, 1, 'strokes') r ORDER BY s.id;
SELECT s.id, c - 'confidence' AS place, (c ->> 'confidence')::numeric BETWEEN 0 AND 1 AS confidence
	FROM strokes s, hwr_recognize_nbest(s.image, 1, 'strokes') r, jsonb_array_elements(r.characters) c
	WHERE s.id IN (2, 3) ORDER BY s.id, (c ->> 'x0')::integer;

-- Ranks go up, probabilities down, texts differ, and all agrees with hwr_score.
SELECT s.id, count(*), count(DISTINCT text) AS texts, min(rank), max(rank),
	array_agg(text ORDER BY rank) = array_agg(text ORDER BY log_probability DESC, rank) AS sorted,
	sum(confidence) <= 1.000001 AS shares,
	bool_and(abs(confidence - exp(log_probability)) < 1e-6) AS probabilities,
	bool_and(abs(log_probability - hwr_score(image, text, 'strokes')) < 1e-6) AS scores
	FROM strokes s, hwr_recognize_nbest(s.image, 20, 'strokes') r GROUP BY s.id ORDER BY s.id;
SELECT rank, text FROM strokes, hwr_recognize_nbest(image, 3, 'strokes') WHERE id = 8 ORDER BY rank LIMIT 1;

-- No image, no rows.
SELECT * FROM hwr_recognize_nbest(NULL, 5, 'strokes');
SELECT count(*) FROM strokes, hwr_recognize_nbest(image, NULL, 'strokes', NULL, NULL, NULL, NULL, NULL, NULL, NULL) WHERE id = 1;

-- Lexicon: only its words are read, however unlikely, the best of them first.
SELECT rank, text FROM strokes, hwr_recognize_nbest(image, 5, 'strokes', lexicon => '{I,^_,_^,^,II,III,I^}') WHERE id = 2 LIMIT 2;
SELECT s.id, r.text FROM strokes s, hwr_recognize_nbest(s.image, 1, 'strokes', lexicon => ARRAY['iii', 'I^I_I', '_^_^_^', NULL]) r ORDER BY s.id;
SELECT count(*) FROM strokes, hwr_recognize_nbest(image, 5, 'strokes', lexicon => '{I,^_}') WHERE id = 2;
SELECT s.id, sum(r.confidence) BETWEEN 0.999999 AND 1.000001 AS shares
	FROM strokes s, hwr_recognize_nbest(s.image, 20, 'strokes', lexicon => (SELECT array_agg(label) FROM strokes)) r GROUP BY s.id ORDER BY s.id;
SELECT count(*) FILTER (WHERE r.text = s.label) AS same
	FROM strokes s, hwr_recognize_nbest(s.image, 1, 'strokes', lexicon => (SELECT array_agg(label) FROM strokes WHERE label <> '')) r;
-- The notice comes once a statement.
SELECT s.id, r.text FROM strokes s, hwr_recognize_nbest(s.image, 1, 'strokes', lexicon => '{I,^_,ABC,I x,""}') r WHERE s.id < 3 ORDER BY s.id;
SELECT * FROM strokes, hwr_recognize_nbest(image, 5, 'strokes', lexicon => '{}') WHERE id = 2;
SELECT text FROM strokes, hwr_recognize_nbest(image, 5, 'strokes', lexicon => ARRAY[repeat('I', 17)]) WHERE id = 5;
SELECT text FROM strokes, hwr_recognize_nbest(image, 1, 'strokes', lexicon => NULL) WHERE id = 2;
SELECT 1 FROM strokes, hwr_recognize_nbest(image, 1, 'strokes', lexicon => '{{I},{II}}') WHERE id = 2;

-- As a hint: what is outside is read at a price.
SELECT outside_penalty, text FROM strokes, unnest(ARRAY[0, 1, 1000, 'Infinity'::float8]) outside_penalty,
	hwr_recognize_nbest(image, 1, 'strokes', lexicon => '{I,_}', outside_penalty => outside_penalty) WHERE id = 2;
SELECT text FROM strokes, hwr_recognize_nbest(image, 1, 'strokes', lexicon => '{}', outside_penalty => 3) WHERE id = 2;

-- A lexicon of each row's own
SELECT s.id, r.text FROM strokes s, hwr_recognize_nbest(s.image, 1, 'strokes', lexicon => ARRAY['^', 'I' || s.id % 2, repeat('I', s.id)]) r
	WHERE s.id IN (4, 5, 6) ORDER BY s.id;

-- Allowed characters
SELECT s.id, r.text FROM strokes s, hwr_recognize_nbest(s.image, 1, 'strokes', allow => 'i^') r ORDER BY s.id;
SELECT r.text, r.confidence > exp(r.log_probability) AS given FROM strokes s, hwr_recognize_nbest(s.image, 1, 'strokes', allow => '^') r WHERE s.id = 3;
SELECT 1 FROM strokes, hwr_recognize_nbest(image, 1, 'strokes', allow => 'ABC') WHERE id = 1;
SELECT 1 FROM strokes, hwr_recognize_nbest(image, 1, 'strokes', allow => '') WHERE id = 1;

-- Ranges
SELECT hwr_recognize_nbest('x', 0, 'strokes');
SELECT hwr_recognize_nbest('x', 1025, 'strokes');
SELECT hwr_recognize_nbest('x', 1, 'strokes', beam => 0);
SELECT hwr_recognize_nbest('x', 1, 'strokes', lm_weight => -0.1);
SELECT hwr_recognize_nbest('x', 1, 'strokes', lm_weight => 'NaN');
SELECT hwr_recognize_nbest('x', 1, 'strokes', length_bonus => 'Infinity');
SELECT hwr_recognize_nbest('x', 1, 'strokes', outside_penalty => -1);
SELECT hwr_recognize_nbest('x', 1, 'strokes', outside_penalty => 'NaN');
SELECT hwr_recognize_nbest('x', 1, 'strokes');
SELECT hwr_recognize_nbest('x', 1, 'nobody');
SELECT hwr_recognize_nbest('x', 1, 'strokes', lm => 'nobody');
SELECT max(length(text)) > 3 AS longer FROM strokes, hwr_recognize_nbest(image, 1, 'strokes', length_bonus => 20) WHERE id = 2;

--
-- Probability of a text
--
SELECT id, hwr_score(image, label, 'strokes') > -0.5 AS likely, hwr_score(image, 'I_^', 'strokes') < -5 AS unlikely FROM strokes ORDER BY id;
SELECT hwr_score(image, 'i^ ', 'strokes') = hwr_score(image, 'I^', 'strokes') AS normalized,
	hwr_score(image, 'Ix', 'strokes') AS outside, hwr_score(image, repeat('I', 9), 'strokes') AS too_long,
	hwr_score(image, repeat('I', 100000), 'strokes') AS far_too_long, hwr_score(image, E'I\x01', 'strokes') AS control,
	hwr_score(image, NULL, 'strokes') AS no_label, hwr_score(NULL, 'I', 'strokes') AS no_image FROM strokes WHERE id = 1;
SELECT hwr_score('x', 'I', 'strokes');
-- Candidates ranked by what the ink says
SELECT s.id, (array_agg(c.label ORDER BY hwr_score(s.image, c.label, 'strokes') DESC))[1] = s.label AS found
	FROM strokes s, strokes c GROUP BY s.id ORDER BY s.id;
SELECT c.label FROM (SELECT image FROM strokes WHERE id = 3) s, strokes c ORDER BY hwr_score(s.image, c.label, 'strokes') DESC LIMIT 1;
-- The image kept from the last call does not pass a limit that is lower now.
DO $$
DECLARE
	ink bytea := (SELECT image || decode(repeat('00', 2000), 'hex') FROM strokes WHERE id = 3);
	score float8;
BEGIN
	FOR i IN 1 .. 2 LOOP
		score := hwr_score(ink, 'I^I_', 'strokes');
		RAISE NOTICE '%', score > -1;
		SET LOCAL hwr.max_image_bytes = 1;
	END LOOP;
EXCEPTION WHEN program_limit_exceeded THEN
	RAISE NOTICE '%', SQLERRM;
END $$;

--
-- Language models
--
SELECT texts_read, skipped, characters, ngrams, bytes > 100 AS bytes FROM hwr_train_lm('strokes', ARRAY['I^', 'I^', 'I^I^', NULL, '', '^^']);
SELECT name, owner = current_user AS mine, ngram, letter_case, texts, characters, ngrams, bytes > 100 AS bytes FROM hwr_lms;
SELECT hwr_lm_perplexity('strokes', '{I^,I^I^}') < hwr_lm_perplexity('strokes', '{_,II}') AS foreseen;
SELECT hwr_lm_perplexity('strokes', '{}') IS NULL AS of_nothing, hwr_lm_perplexity('strokes', NULL) IS NULL AS of_null;

-- From a table: its only text column or a named one, as regclass or by name
CREATE TABLE texts (id integer, written text, other varchar);
INSERT INTO texts VALUES (1, 'Anna', 'x'), (2, 'Ben', NULL), (3, NULL, 'y'), (4, '', '');
SELECT * FROM hwr_train_lm('table', 'texts');
SELECT texts_read, skipped, characters, ngrams FROM hwr_train_lm('table', 'texts', 'written');
SELECT texts_read, skipped, characters, ngrams FROM hwr_train_lm('table', 'texts'::regclass, label_column => 'other', ngram => 2);
SELECT texts_read, skipped, characters FROM hwr_train_lm('table', data => 'strokes');
SELECT name, ngram, texts FROM hwr_lms ORDER BY name;

-- Letter case: of the texts, and of the model's characters when it is used
SELECT characters FROM hwr_train_lm('table', '{aA,bB}'::text[], letter_case => 'upper');
SELECT hwr_lm_perplexity('table', '{aa}') = hwr_lm_perplexity('table', '{AA}') AS same;

-- What a language model does: the doubtful stroke of an image becomes what the texts have.
SELECT r.text FROM strokes s, hwr_recognize_nbest(s.image, 1, 'strokes', lm => 'strokes', lm_weight => 0) r WHERE s.id = 7;
SELECT hwr_train_lm('strokes', array_agg(repeat('_', n))) IS NOT NULL AS replaced FROM generate_series(1, 9) n;
SELECT s.id, r.text FROM strokes s, hwr_recognize_nbest(s.image, 1, 'strokes', lm => 'strokes', lm_weight => 40) r WHERE s.id IN (1, 4, 6) ORDER BY s.id;
SELECT s.id, r.text FROM strokes s, hwr_recognize_nbest(s.image, 1, 'strokes', lm => 'strokes', lm_weight => 40, lexicon => '{^^,^,I}') r WHERE s.id IN (1, 4, 6) ORDER BY s.id;
SELECT s.id, sum(r.confidence) <= 1.000001 AS shares FROM strokes s, hwr_recognize_nbest(s.image, 9, 'strokes', lm => 'strokes') r GROUP BY s.id ORDER BY s.id;

-- A call site that outlives a statement follows the models.
DO $$
DECLARE
	ink bytea := (SELECT image FROM strokes WHERE id = 1);
	readings text;
BEGIN
	FOR i IN 1 .. 3 LOOP
		PERFORM hwr_train_lm('strokes', ARRAY[substr('I_^', i, 1)]);
		SELECT string_agg(text, ' ') INTO readings FROM hwr_recognize_nbest(ink, 1, 'strokes', lm => 'strokes', lm_weight => 40);
		RAISE NOTICE '%', readings;
	END LOOP;
END $$;

-- Errors
SELECT hwr_train_lm(NULL, '{a}'::text[]);
SELECT hwr_train_lm('', '{a}'::text[]);
SELECT hwr_train_lm('bad', NULL::text[]);
SELECT hwr_train_lm('bad', NULL::regclass);
SELECT hwr_train_lm('bad', '{}'::text[]);
SELECT hwr_train_lm('bad', ARRAY[NULL, '', ' ']);
SELECT hwr_train_lm('bad', '{{a,b}}'::text[]);
SELECT hwr_train_lm('bad', '{a}'::text[], ngram => 0);
SELECT hwr_train_lm('bad', '{a}'::text[], ngram => 11);
SELECT hwr_train_lm('bad', '{a}'::text[], letter_case => 'title');
SELECT hwr_train_lm('bad', 'no_such_table');
SELECT hwr_train_lm('bad', 'texts', 'no_such_column');
SELECT hwr_train_lm('bad', 'texts', 'id');
SELECT hwr_lm_perplexity('bad', '{a}');
SELECT hwr_drop_lm('bad');
SELECT hwr_drop_lm(NULL);
BEGIN READ ONLY;
SELECT hwr_train_lm('bad', '{a}'::text[]);
ROLLBACK;
BEGIN READ ONLY;
SELECT hwr_drop_lm('strokes');
ROLLBACK;

-- Privileges: a language model is its owner's; the table is read as the caller.
CREATE ROLE regress_hwr_lm;
CREATE ROLE regress_hwr_lm_member;
GRANT EXECUTE ON FUNCTION hwr_train_lm(text, text[], text, integer), hwr_train_lm(text, regclass, name, text, integer),
	hwr_train_lm(text, text, text, text, integer), hwr_drop_lm TO regress_hwr_lm, regress_hwr_lm_member;
GRANT SELECT ON strokes TO regress_hwr_lm;
SET ROLE regress_hwr_lm;
SELECT count(*) FROM hwr_lms;
SELECT hwr_lm_perplexity('strokes', '{I}');
SELECT hwr_recognize_nbest(image, 1, 'strokes', lm => 'strokes') FROM strokes WHERE id = 1;
SELECT hwr_recognize_nbest(image, 1, 'strokes') FROM strokes WHERE id = 1;
SELECT hwr_score(image, 'I', 'strokes') FROM strokes WHERE id = 1;
SELECT hwr_train_lm('strokes', '{a}'::text[]);
SELECT hwr_drop_lm('strokes');
SELECT hwr_train_lm('mine', 'texts', 'written');
SELECT count(*) FROM hwr.lm;
SELECT texts_read FROM hwr_train_lm('mine', 'strokes');
SELECT name, owner FROM hwr_lms;
RESET ROLE;
ALTER TABLE strokes ENABLE ROW LEVEL SECURITY;
CREATE POLICY first_ones ON strokes USING (id < 3);
SET ROLE regress_hwr_lm;
SELECT texts_read FROM hwr_train_lm('mine', 'strokes');
RESET ROLE;
SELECT texts_read FROM hwr_train_lm('mine', 'strokes');	-- a superuser's: it stays theirs
SELECT name, owner FROM hwr_lms WHERE name = 'mine';
DROP POLICY first_ones ON strokes;
ALTER TABLE strokes DISABLE ROW LEVEL SECURITY;
GRANT regress_hwr_lm TO regress_hwr_lm_member;
SET ROLE regress_hwr_lm_member;
SELECT name FROM hwr_lms;
SELECT hwr_lm_perplexity('mine', '{I}') > 0 AS usable;
SELECT hwr_drop_lm('mine');
RESET ROLE;

-- Damaged
UPDATE hwr.lm SET id = DEFAULT, model = substr(model, 1, 40) WHERE name = 'strokes';
SELECT hwr_recognize_nbest(image, 1, 'strokes', lm => 'strokes') FROM strokes WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE

-- In parallel workers
BEGIN;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_leader_participation = off;
SET LOCAL max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT count(*) FROM strokes s, hwr_recognize_nbest(s.image, 1, 'strokes', lm => 'table', lm_weight => 0) r WHERE r.text = s.label;
SELECT count(*) FROM strokes s, hwr_recognize_nbest(s.image, 1, 'strokes', lm => 'table', lm_weight => 0) r WHERE r.text = s.label;
EXPLAIN (COSTS OFF) SELECT count(*) FROM strokes WHERE hwr_score(image, label, 'strokes') > -1;
SELECT count(*) FROM strokes WHERE hwr_score(image, label, 'strokes') > -1;
ROLLBACK;

SELECT hwr_drop_lm(name) FROM hwr_lms;
SELECT count(*) FROM hwr.lm;
DROP TABLE texts;
SELECT hwr_drop_model('strokes');
REVOKE SELECT ON strokes FROM regress_hwr_lm;
DROP OWNED BY regress_hwr_lm_member, regress_hwr_lm;
DROP ROLE regress_hwr_lm_member;
DROP ROLE regress_hwr_lm;
