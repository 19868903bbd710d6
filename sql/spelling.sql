--
-- Models whose classes are not all single characters: what they read and learn, and what cannot be done with them
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS hwr;
RESET client_min_messages;

-- The strokes I, ^ and _ as classes 1 to 3, of which the first is h and the others stand for what texts says
CREATE FUNCTION spelt_model(texts text, metadata jsonb DEFAULT '{}') RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
	SELECT stroke_model(jsonb_build_object('format_version', '2', 'case', 'keep', 'alphabet', U&'h\+0F0000\+0F0001',
										   'spellings', '{"plane": 15, "texts": ' || texts || '}') || metadata);
$$;

-- Classes of several characters: ch, and an x with a macron, which Unicode has no character for
CREATE FUNCTION spelt_many(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT replace(replace(replace($1, 'I', 'h'), '^', 'ch'), '_', U&'x\0304') $$;
SELECT hwr_import_model(spelt_model('{"ch": [2], "x\u0304": [3]}'), 'spelt');
CREATE TABLE spelt_strokes AS SELECT id, spelt_many(label) AS label, image FROM strokes;
SELECT alphabet, spellings FROM hwr_model_details WHERE model = 'spelt';

SELECT count(*), bool_and(hwr_recognize(image, 'spelt') = label) AS scalar, bool_and(hwr_score(image, label, 'spelt') > -0.5) FILTER (WHERE label <> '') AS score,
	bool_and(hwr_score(image, 'hh' || label, 'spelt') < -5) AS other, bool_and(hwr_score(image, 'x' || label, 'spelt') = '-Infinity') AS foreign FROM spelt_strokes;
SELECT hwr_recognize_batch(array_agg(image ORDER BY id), 'spelt') = array_agg(label ORDER BY id) AS batch FROM spelt_strokes;
SELECT bool_and(r.confidence > 0.6) AS confidence FROM spelt_strokes s, hwr_read_batch(ARRAY[s.image], 'spelt') r WHERE label <> '';
SELECT bool_and(n.text = s.label) AS nbest, bool_and(l.text = s.label) AS lexicon, bool_and(a.text = s.label) AS allowed
	FROM spelt_strokes s, hwr_recognize_nbest(s.image, 1, 'spelt') n,
	LATERAL (SELECT text FROM hwr_recognize_nbest(s.image, 1, 'spelt', lexicon => (SELECT array_agg(label) FROM spelt_strokes WHERE label <> ''))) l,
	LATERAL (SELECT text FROM hwr_recognize_nbest(s.image, 1, 'spelt', allow => U&'chx\0304')) a WHERE s.label <> '';
-- c is allowed with h alone
SELECT id, n.text FROM spelt_strokes s, hwr_recognize_nbest(s.image, 1, 'spelt', allow => 'h') n WHERE id IN (1, 3) ORDER BY id;
SELECT text FROM spelt_strokes s, hwr_recognize_nbest(s.image, 1, 'spelt', allow => 'c') n WHERE id = 3;
-- Characters of one class are at the same place.
SELECT c->>'char' AS char, (c->>'x0')::integer AS x0, (c->>'x1')::integer AS x1
	FROM spelt_strokes s, hwr_recognize_nbest(s.image, 1, 'spelt') n, jsonb_array_elements(n.characters) WITH ORDINALITY AS c (c, ordinality) WHERE s.id = 3 ORDER BY ordinality;
SELECT images, skipped, cer, exact_match FROM hwr_evaluate('spelt_strokes', 'spelt');
SELECT key, reason, label, guess FROM hwr_review('spelt_strokes', 'spelt', 1, label_column => 'label');

-- A kept posterior says the same.
CREATE TABLE spelt_kept AS SELECT id, label, hwr_posterior(image, 'spelt') AS posterior FROM spelt_strokes;
SELECT bool_and(hwr_text(posterior) = label) AS text, bool_and(hwr_confidence(posterior) > 0.6) AS confidence, bool_and(posterior = posterior::bytea::hwr_posterior) AS same
	FROM spelt_kept WHERE label <> '';
SELECT id, position, "char", x0, x1 FROM spelt_kept, hwr_places(posterior) WHERE id = 2 ORDER BY position;
SELECT id, (hwr_posterior_info(posterior)).characters FROM spelt_kept WHERE id = 3;
-- It is not searched, as that is by characters.
SELECT outcome(format($$SELECT %s FROM spelt_kept$$, f)) AS outcome FROM unnest(ARRAY['hwr_score(posterior, label)', '(hwr_nbest(posterior)).text', '(hwr_field(posterior, ''date'')).text', 'hwr_column_field(posterior, ''date'') OVER ()',
	'hwr_relevance(posterior, ''ch'')', 'posterior @~ ''ch''::hwr_query', '(hwr_spots(posterior, ''ch'')).x0', '(hwr_words(posterior)).word', '(hwr_match(posterior, ARRAY[''ch''])).rank']) f;
CREATE INDEX ON spelt_kept USING gin (posterior);
\echo :SQLSTATE
-- Another byte is noticed, and with a checksum that is right again it makes a value or none.
CREATE FUNCTION spelt_seal(value bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	crc integer := 65535;
	x integer;
BEGIN
	FOR i IN 0 .. octet_length(value) - 1 LOOP
		CONTINUE WHEN i IN (1, 2);
		x := (crc >> 8) # get_byte(value, i);
		x := x # (x >> 4);
		crc := ((crc << 8) # (x << 12) # (x << 5) # x) & 65535;
	END LOOP;
	RETURN set_byte(set_byte(value, 1, crc & 255), 2, crc >> 8);
END $$;
SELECT get_byte(posterior::bytea, 0) AS format, spelt_seal(posterior::bytea) = posterior::bytea AS sealed FROM spelt_kept WHERE id = 2;
SELECT sealed, outcome(format('SELECT hwr_text(%L::bytea::hwr_posterior)', CASE WHEN sealed THEN spelt_seal(b) ELSE b END)) AS outcome, count(*) > 0
	FROM spelt_kept, generate_series(3, octet_length(posterior::bytea) - 1) n, set_byte(posterior::bytea, n, (get_byte(posterior::bytea, n) + 17) % 256) b,
	unnest(ARRAY[false, true]) sealed WHERE id = 2 GROUP BY 1, 2 ORDER BY 1, 2;

-- Several classes for a character; a class without the others that it belongs to is nothing.
CREATE FUNCTION spelt_pairs(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT replace(replace(replace(replace(replace($1, '^_', U&'\00DF'), '_I', U&'\00E4'), 'I', 'h'), '^', ''), '_', '') $$;
SELECT hwr_import_model(spelt_model(U&'{"\00DF": [2, 3], "\00E4": [3, 1]}'), 'spelt_pairs');
SELECT hwr_recognize(image, 'spelt_pairs') AS text, hwr_recognize(image, 'spelt_pairs') = spelt_pairs(label) AS same, n.text = spelt_pairs(label) AS nbest,
	hwr_text(hwr_posterior(image, 'spelt_pairs')) = spelt_pairs(label) AS kept FROM strokes, hwr_recognize_nbest(image, 1, 'spelt_pairs') n ORDER BY id;
SELECT c->>'char' AS char, (c->>'x0')::integer AS x0, (c->>'x1')::integer AS x1
	FROM strokes s, hwr_recognize_nbest(s.image, 1, 'spelt_pairs') n, jsonb_array_elements(n.characters) WITH ORDINALITY AS c (c, ordinality) WHERE s.id = 2;
SELECT count(*) > 1 AS several, count(*) = count(DISTINCT text) AS distinct, sum(confidence) BETWEEN 0.99 AND 1.000001 AS shares
	FROM strokes s, hwr_recognize_nbest(s.image, 30, 'spelt_pairs') WHERE id = 4;
SELECT id, n.text FROM strokes s, hwr_recognize_nbest(s.image, 1, 'spelt_pairs', allow => U&'h\00DF') n WHERE id IN (2, 7) ORDER BY id;
SELECT outcome($$SELECT hwr_recognize_nbest(image, 1, 'spelt_pairs', allow => U&'\00E4') FROM strokes$$);
SELECT hwr_score(image, U&'\00DF', 'spelt_pairs') > -0.5 AS score FROM strokes WHERE id = 2;

-- An export has the spellings, and older programs are told by the format's version.
SELECT hwr_import_model(hwr_export_model('spelt'), 'spelt_again'), hwr_import_model(hwr_export_model('spelt_pairs', half => true), 'spelt_half');
SELECT a.hash = b.hash AS same, a.spellings = b.spellings AS spellings FROM hwr_model_details a, hwr_model_details b WHERE a.model = 'spelt' AND b.model = 'spelt_again';
SELECT bool_and(hwr_recognize(image, 'spelt_half') = spelt_pairs(label)) AS half FROM strokes;
SELECT position(convert_to('{"plane":15,"texts":{"ch":[2],', 'UTF8') IN hwr_export_model('spelt', format => 'onnx')) > 0 AS onnx;

-- It learns labels as it reads them; new characters join.
SET client_min_messages = warning;
CREATE TABLE spelt_train AS SELECT label, image FROM spelt_strokes, generate_series(1, 2) WHERE label <> '';
SELECT version FROM hwr_train('spelt_train', 'spelt_tuned', options => '{"base": "spelt", "alphabet": "keep", "epochs": 1, "validation_fraction": 0, "threads": 1, "learning_rate": 0.000001, "augment": 0}');
SELECT bool_and(hwr_recognize(image, 'spelt_tuned') = label) AS tuned FROM spelt_strokes;
SELECT alphabet, spellings FROM hwr_model_details WHERE model = 'spelt_tuned';
INSERT INTO spelt_train SELECT 'chB', image FROM spelt_strokes WHERE id = 7;
SELECT version FROM hwr_train('spelt_train', 'spelt_tuned', options => '{"base": "spelt", "epochs": 1, "validation_fraction": 0, "threads": 1, "learning_rate": 0.000001, "augment": 0}');
SELECT alphabet, spellings FROM hwr_model_details WHERE model = 'spelt_tuned' AND version = 2;
SELECT bool_and(hwr_recognize(image, 'spelt_tuned') = label) AS tuned FROM spelt_strokes;
SELECT skipped AS foreign FROM hwr_train('spelt_train', 'spelt_tuned', options => '{"base": "spelt", "alphabet": "keep", "epochs": 1, "validation_fraction": 0, "threads": 1, "learning_rate": 0.000001, "augment": 0}');
-- With a language model of its labels, which is of its classes
CREATE TABLE spelt_validation AS SELECT label, image FROM spelt_strokes WHERE label <> '';
SELECT version FROM hwr_train('spelt_train', 'spelt_lm', options => '{"validation": "spelt_validation", "base": "spelt", "epochs": 1, "language_model": "labels", "threads": 1, "learning_rate": 0.000001, "augment": 0}');
SELECT bool_and(hwr_recognize(image, 'spelt_lm') = label) AS read FROM spelt_strokes;
-- Anew, each character is a class.
SELECT version FROM hwr_train('spelt_train', 'spelt_new', options => '{"base": "spelt", "alphabet": "new", "epochs": 1, "validation_fraction": 0, "threads": 1}');
SELECT alphabet = U&'Bchx\0304' AS characters, spellings FROM hwr_model_details WHERE model = 'spelt_new';
RESET client_min_messages;

-- Models that spell alike read together.
SELECT hwr_import_model(spelt_model('{"ch": [2], "x\u0304": [3]}', '{"result": "{\"cer\": 1}"}'), 'spelt_twin');
SELECT hwr_make_ensemble('spelt_both', ARRAY['spelt', 'spelt_twin']);
SELECT bool_and(hwr_recognize(image, 'spelt_both') = label) AS both FROM spelt_strokes;
SELECT hwr_make_ensemble('spelt_mixed', ARRAY['spelt', 'spelt_pairs']);
\echo :SQLSTATE

-- What is by characters, and says so
SELECT text FROM spelt_strokes, hwr_recognize_nbest(image, 1, 'spelt', pattern => 'h+') WHERE id = 1;
\echo :SQLSTATE
SELECT texts_read FROM hwr_train_lm_texts('spelt_lm', (SELECT array_agg(label) FROM spelt_strokes WHERE label <> ''));
SELECT outcome($$SELECT hwr_recognize_nbest(image, 1, 'spelt', lm => 'spelt_lm') FROM spelt_strokes$$), outcome($$SELECT hwr_bind_lm('spelt', 'spelt_lm')$$);

-- Files that do not fit
SELECT outcome(format('SELECT hwr_import_model(%L::bytea, ''spelt_bad'')', spelt_model(texts))) AS outcome FROM unnest(ARRAY['[]', '{"ch": []}', '{"ch": [4]}', '{"ch": [1]}', '{"h": [2]}',
	'{"ch": [2], "ph": [2]}', '{"ch": [2], "ph": [2, 3]}', '{"": [2]}', '{"ch": [2], "ch": [3]}']) texts;
SELECT hwr_import_model(spelt_model('{"ch": [2], "ph": [2, 3]}'), 'spelt_bad');
\echo :SQLSTATE

-- Codecs of kraken's: the texts of the same network with other codecs
\set file `base64 -w 0 < test/data/kraken/default.safetensors`
CREATE TABLE spelt_kraken (file bytea);
INSERT INTO spelt_kraken VALUES (decode(:'file', 'base64'));
CREATE FUNCTION spelt_edit(old text, new text) RETURNS bytea LANGUAGE plpgsql STABLE AS $$
DECLARE
	file bytea := (SELECT f.file FROM spelt_kraken f);
	size integer := get_byte(file, 0) + 256 * get_byte(file, 1);
	header bytea := convert_to(replace(convert_from(substr(file, 9, size), 'UTF8'), old, new), 'UTF8');
	length text := lpad(to_hex(octet_length(header)), 4, '0');
BEGIN
	RETURN decode(right(length, 2) || left(length, 2) || '000000000000', 'hex') || header || substr(file, 9 + size);
END $$;
SELECT hwr_import_model(file, 'spelt_kraken') FROM spelt_kraken;
-- A label for several characters; two labels, the same ones, for a character; both
SELECT hwr_import_model(spelt_edit('\"p\": [3]', '\"sch\": [3]'), 'spelt_kraken_many'), hwr_import_model(spelt_edit('\"p\": [3]', '\"p\": [3, 3]'), 'spelt_kraken_pairs'),
	hwr_import_model(spelt_edit('\"p\": [3]', '\"st\": [3, 3]'), 'spelt_kraken_both');
SELECT model, alphabet, spellings, card->'source' AS source FROM hwr_model_details WHERE model LIKE 'spelt_kraken%' ORDER BY model;
SELECT count(*) FILTER (WHERE text LIKE '%p%') > 0 AS some,
	bool_and(hwr_recognize(image, 'spelt_kraken_many') = replace(text, 'p', 'sch')) AS many,
	bool_and(hwr_recognize(image, 'spelt_kraken_pairs') = replace(replace(replace(text, 'pp', '+'), 'p', ''), '+', 'p')) AS pairs,
	bool_and(hwr_recognize(image, 'spelt_kraken_both') = replace(replace(text, 'pp', 'st'), 'p', '')) AS both
	FROM (SELECT image, hwr_recognize(image, 'spelt_kraken') AS text FROM strokes) s;
-- Labels that cannot be told apart
SELECT hwr_import_model(spelt_edit('\"p\": [3]', '\"sch\": [3], \"p\": [3, 3]'), 'spelt_bad');
\echo :SQLSTATE
SELECT hwr_import_model(spelt_edit('\"p\": [3]', '\"sch\": [3, 9]'), 'spelt_bad');
SELECT hwr_import_model(spelt_edit('\"p\": [3]', '\"sch\": []'), 'spelt_bad');

SELECT count(hwr_drop_model(model)) FROM (SELECT DISTINCT model FROM hwr_models WHERE model LIKE 'spelt%') m;
SELECT hwr_drop_lm('spelt_lm');
DROP TABLE spelt_strokes, spelt_kept, spelt_train, spelt_validation, spelt_kraken;
DROP FUNCTION spelt_model, spelt_many, spelt_pairs, spelt_edit, spelt_seal;
