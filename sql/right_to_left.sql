--
-- Letters that are written from right to left: the network reads their ink from left to right, the text has them in its own order
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS hwr;
-- The strokes as alef, bet and gimel
CREATE FUNCTION hebrew(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT reverse(translate($1, 'I^_', U&'\05D0\05D1\05D2')) $$;
SELECT hwr_import_model(stroke_model('{"alphabet": "\u05d0\u05d1\u05d2"}'), 'hebrew');
CREATE TABLE hebrew_strokes AS SELECT id, hebrew(label) AS label, image FROM strokes;

SELECT count(*), bool_and(hwr_recognize(image, 'hebrew') = label) AS scalar, bool_and(hwr_score(image, label, 'hebrew') > -0.5) FILTER (WHERE label <> '') AS score,
	bool_and(hwr_score(image, reverse(label), 'hebrew') < -5) FILTER (WHERE reverse(label) <> label) AS reversed FROM hebrew_strokes;
SELECT hwr_recognize_batch(array_agg(image ORDER BY id), 'hebrew') = array_agg(label ORDER BY id) AS batch FROM hebrew_strokes;
-- Best readings, with what may be there; characters and places in the order of the text
SELECT bool_and(n.text = s.label) AS nbest, bool_and(l.text = s.label) AS lexicon, bool_and(a.text = s.label) AS allowed
	FROM hebrew_strokes s, hwr_recognize_nbest(s.image, 1, 'hebrew') n,
	LATERAL (SELECT text FROM hwr_recognize_nbest(s.image, 1, 'hebrew', lexicon => (SELECT array_agg(label) FROM hebrew_strokes))) l,
	LATERAL (SELECT text FROM hwr_recognize_nbest(s.image, 1, 'hebrew', allow => hebrew('I^_'))) a WHERE s.label <> '';
SELECT string_agg(c->>'char', '' ORDER BY ordinality) = label AS characters, array_agg((c->>'x0')::integer ORDER BY ordinality) AS x0
	FROM hebrew_strokes s, hwr_recognize_nbest(s.image, 1, 'hebrew') n, jsonb_array_elements(n.characters) WITH ORDINALITY AS c (c, ordinality) WHERE s.id = 3 GROUP BY label;
SELECT bool_and(r.confidence > 0.6) AS confidence FROM hebrew_strokes s, hwr_read_batch(ARRAY[s.image], 'hebrew') r WHERE label <> '';
-- Measured as what it is
SELECT images, cer, exact_match FROM hwr_evaluate('hebrew_strokes', 'hebrew');

-- A kept posterior says the same, and is found by its words.
CREATE TABLE hebrew_kept AS SELECT id, label, hwr_posterior(image, 'hebrew') AS posterior FROM hebrew_strokes;
SELECT bool_and(hwr_text(posterior) = label) AS text, bool_and(hwr_score(posterior, label) > -0.5) AS score,
	bool_and(hwr_confidence(posterior) > 0.6) AS confidence, bool_and(n.text = label) AS nbest
	FROM hebrew_kept, hwr_nbest(posterior, 1) n WHERE label <> '';
SELECT id, hwr_relevance(posterior, label) > 0.5 AS there, hwr_relevance(posterior, hebrew('I^'), false) > 0.5 AS part, posterior @~ hebrew('I^I_')::hwr_query AS third
	FROM hebrew_kept WHERE label <> '' ORDER BY id;
SELECT id FROM hebrew_kept WHERE posterior @~ (hebrew('^I_') || '*')::hwr_query ORDER BY id;	-- what begins so stands on the right
SELECT id, string_agg("char", '' ORDER BY position) = label AS places, min(x0) < max(x0) AS apart FROM hebrew_kept, hwr_places(posterior) WHERE id = 3 GROUP BY id, label;
SELECT id, w.word = label AS word FROM hebrew_kept, hwr_words(posterior, 0.3) w WHERE id IN (2, 3) ORDER BY id;
SELECT id, (SELECT m."index" FROM hwr_match(posterior, ARRAY[hebrew('I'), hebrew('^_'), hebrew('I^I_')], 1) m) AS candidate FROM hebrew_kept WHERE id IN (1, 2, 3) ORDER BY id;

-- A language model has its texts in the order of the ink, too.
SELECT texts_read FROM hwr_train_lm_texts('hebrew', (SELECT array_agg(label) FROM hebrew_strokes, generate_series(1, 5) WHERE label <> ''));
SELECT bool_and(n.text = label) AS lm FROM hebrew_strokes s, hwr_recognize_nbest(s.image, 1, 'hebrew', lm => 'hebrew', lm_weight => 0.5) n WHERE label <> '';
SELECT hwr_lm_perplexity('hebrew', ARRAY[hebrew('I_I^_I^')]) < hwr_lm_perplexity('hebrew', ARRAY[reverse(hebrew('I_I^_I^'))]) AS foreseen;
SELECT hwr_drop_lm('hebrew');

-- It learns labels so: with a base that reads them, validation has no errors. A bracket has the ink of its mirror image.
CREATE TABLE hebrew_train AS SELECT id, CASE id WHEN 1 THEN '(' || label ELSE label END AS label, image FROM hebrew_strokes WHERE label <> '';
SELECT version FROM hwr_train('hebrew_train', 'hebrew_tuned', options => '{"base": "hebrew", "alphabet": "union", "epochs": 1, "validation_fraction": 0, "threads": 1, "learning_rate": 0.000001, "augment": 0}');
SELECT alphabet = ')' || hebrew('_^I') AS alphabet FROM hwr_model_details WHERE model = 'hebrew_tuned';
SELECT bool_and(hwr_recognize(image, 'hebrew_tuned') = label) AS learnt FROM hebrew_strokes;

SELECT hwr_drop_model(m) FROM unnest('{hebrew,hebrew_tuned}'::text[]) m;
DROP TABLE hebrew_strokes, hebrew_kept, hebrew_train;
DROP FUNCTION hebrew;
RESET client_min_messages;
