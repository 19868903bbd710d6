--
-- Language models
--
SELECT texts_read, skipped, characters, ngrams, bytes > 100 AS bytes FROM hwr_train_lm_texts('strokes', ARRAY['I^', 'I^', 'I^I^', NULL, '', '^^']);
SELECT name, owner = current_user AS mine, ngram, letter_case, texts, characters, ngrams, bytes > 100 AS bytes FROM hwr_lms;
SELECT hwr_lm_perplexity('strokes', '{I^,I^I^}') < hwr_lm_perplexity('strokes', '{_,II}') AS foreseen;
SELECT hwr_lm_perplexity('strokes', '{}') IS NULL AS of_nothing, hwr_lm_perplexity('strokes', NULL) IS NULL AS of_null;

-- From a table: its only text column or a named one, as regclass or by name
CREATE TABLE texts (id integer, written text, other varchar);
INSERT INTO texts VALUES (1, 'Anna', 'x'), (2, 'Ben', NULL), (3, NULL, 'y'), (4, '', '');
SELECT * FROM hwr_train_lm('table', 'texts');
SELECT texts_read, skipped, characters, ngrams FROM hwr_train_lm('table', 'texts', 'written');
SELECT texts_read, skipped, characters, ngrams FROM hwr_train_lm('table', 'texts'::regclass, label_column => 'other', ngram => 2);
-- At most so many n-grams, and single characters always
SELECT ngrams FROM hwr_train_lm('table', 'texts', 'written', max_ngrams => 20);
SELECT ngrams FROM hwr_train_lm_texts('table', ARRAY['Anna', 'Ben'], max_ngrams => 1);
SELECT ngrams FROM hwr_train_lm_texts('table', ARRAY['Anna', 'Ben'], ngram => 10, max_ngrams => 1000000);
-- also where no text is as long as the n-grams may be
SELECT ngrams FROM hwr_train_lm_texts('table', ARRAY['xyz'], max_ngrams => 1);
SELECT hwr_lm_perplexity('table', ARRAY['xyz']) > 1 AS readable;
SELECT ngrams BETWEEN 12 AND 50 AS some FROM hwr_train_lm_texts('table', ARRAY(SELECT (i % 100)::text FROM generate_series(1, 1000) i), max_ngrams => 50);
SELECT ngrams FROM hwr_train_lm_texts('table', ARRAY['Anna', 'Ben'], max_ngrams => 0);
SELECT texts_read, skipped, characters FROM hwr_train_lm('table', data => 'strokes');
SELECT name, ngram, texts FROM hwr_lms ORDER BY name;

-- Letter case: of the texts, and of the model's characters when it is used
SELECT characters FROM hwr_train_lm_texts('table', '{aA,bB}'::text[], letter_case => 'upper');
SELECT hwr_lm_perplexity('table', '{aa}') = hwr_lm_perplexity('table', '{AA}') AS same;

-- What a language model does: the doubtful stroke of an image becomes what the texts have.
SELECT r.text FROM strokes s, hwr_recognize_nbest(s.image, 1, 'strokes', lm => 'strokes', lm_weight => 0) r WHERE s.id = 7;
SELECT hwr_train_lm_texts('strokes', array_agg(repeat('_', n))) IS NOT NULL AS replaced FROM generate_series(1, 9) n;
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
		PERFORM hwr_train_lm_texts('strokes', ARRAY[substr('I_^', i, 1)]);
		SELECT string_agg(text, ' ') INTO readings FROM hwr_recognize_nbest(ink, 1, 'strokes', lm => 'strokes', lm_weight => 40);
		RAISE NOTICE '%', readings;
	END LOOP;
END $$;

-- Errors
SELECT hwr_train_lm_texts(NULL, '{a}'::text[]);
SELECT hwr_train_lm_texts('', '{a}'::text[]);
SELECT hwr_train_lm_texts('bad', NULL::text[]);
SELECT hwr_train_lm('bad', NULL::regclass);
SELECT hwr_train_lm_texts('bad', '{}'::text[]);
SELECT hwr_train_lm_texts('bad', ARRAY[NULL, '', ' ']);
SELECT hwr_train_lm_texts('bad', '{{a,b}}'::text[]);
SELECT hwr_train_lm_texts('bad', '{a}'::text[], ngram => 0);
SELECT hwr_train_lm_texts('bad', '{a}'::text[], ngram => 11);
SELECT hwr_train_lm_texts('bad', '{a}'::text[], letter_case => 'title');
SELECT hwr_train_lm('bad', 'no_such_table');
SELECT hwr_train_lm('bad', 'texts', 'no_such_column');
SELECT hwr_train_lm('bad', 'texts', 'id');
SELECT hwr_lm_perplexity('bad', '{a}');
SELECT hwr_drop_lm('bad');
SELECT hwr_drop_lm(NULL);
BEGIN READ ONLY;
SELECT hwr_train_lm_texts('bad', '{a}'::text[]);
ROLLBACK;
BEGIN READ ONLY;
SELECT hwr_drop_lm('strokes');
ROLLBACK;

-- Privileges: a language model is its owner's; the table is read as the caller.
CREATE ROLE regress_hwr_lm;
CREATE ROLE regress_hwr_lm_member;
GRANT EXECUTE ON FUNCTION hwr_train_lm_texts(text, text[], text, integer, integer), hwr_train_lm(text, regclass, name, text, integer, integer), hwr_drop_lm TO regress_hwr_lm, regress_hwr_lm_member;
GRANT SELECT ON strokes TO regress_hwr_lm;
SET ROLE regress_hwr_lm;
SELECT count(*) FROM hwr_lms;
SELECT hwr_lm_perplexity('strokes', '{I}');
SELECT hwr_recognize_nbest(image, 1, 'strokes', lm => 'strokes') FROM strokes WHERE id = 1;
SELECT hwr_recognize_nbest(image, 1, 'strokes') FROM strokes WHERE id = 1;
SELECT hwr_score(image, 'I', 'strokes') FROM strokes WHERE id = 1;
SELECT hwr_train_lm_texts('strokes', '{a}'::text[]);
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
SET LOCAL hwr.batch = off;
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
