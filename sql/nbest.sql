--
-- hwr_recognize_nbest: beam search, lexicons, allowed characters
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
SELECT s.id, sum(r.confidence) BETWEEN 0.5 AND 1.000001 AS shares
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
