--
-- Kept posteriors: as values, read, searched, indexed, matched
--
\pset null NULL
SELECT hwr_import_model(stroke_model(), 'search');

CREATE FUNCTION explained(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (COSTS off) ' || query;
END $$;

-- What was kept of images reads as they do.
SELECT id, hwr_text(p) = hwr_recognize(image, 'search') AS same, hwr_confidence(p) > 0.5 AS sure, (hwr_posterior_info(p)).steps,
	(hwr_posterior_info(p)).width, octet_length(p::bytea) < 100 AS small
	FROM strokes, hwr_posterior(image, 'search') p ORDER BY id;
SELECT id, string_agg("char", '' ORDER BY "position") AS text, bool_and(x0 < x1 AND x1 <= 64 AND confidence > 0.5) AS placed
	FROM strokes, hwr_posterior(image, 'search') p, hwr_places(p) GROUP BY id ORDER BY id;
SELECT hwr_posterior_batch(array_agg(image ORDER BY id), 'search') = array_agg(hwr_posterior(image, 'search') ORDER BY id) AS same FROM strokes;
SELECT hwr_posterior_batch(ARRAY[NULL, image], 'search') IS NULL AS none, (hwr_posterior_batch(ARRAY[NULL, image], 'search'))[1] IS NULL AS first
	FROM strokes WHERE id = 1;
SELECT hwr_posterior_batch('{}', 'search');
SELECT hwr_posterior(NULL, 'search') IS NULL AS none;
-- In batches behind plain SQL too
SELECT count(*) AS rows, count(*) FILTER (WHERE a.p = b.p) AS same FROM (SELECT id, hwr_posterior(image, 'search') AS p FROM strokes OFFSET 0) a
	JOIN (SELECT id, (hwr_posterior_batch(ARRAY[image], 'search'))[1] AS p FROM strokes) b USING (id);
SELECT line ~ 'HwrBatch' AS batched FROM (SELECT array_agg(l) AS lines FROM explained('SELECT hwr_posterior(image, ''search'') FROM strokes') l) e, LATERAL (SELECT array_to_string(lines, ' ') AS line) t;
SELECT hwr_posterior(image, 'nobody') FROM strokes WHERE id = 1;
-- A bad image is an error, or NULL and told, as for hwr_recognize.
SELECT hwr_posterior('not an image', 'search');
SELECT hwr_posterior_batch(ARRAY[image, 'not an image'], 'search') FROM strokes WHERE id = 1;
SET hwr.on_bad_image = 'null';
SELECT hwr_posterior('not an image', 'search') IS NULL AS none;
SELECT p[1] IS NULL AS first, p[2] IS NULL AS second, array_length(p, 1)
	FROM strokes, hwr_posterior_batch(ARRAY[image, 'not an image'], 'search') p WHERE id = 1;
RESET hwr.on_bad_image;
SELECT hwr_posterior(image, 'search', 0.6) FROM strokes WHERE id = 1;
SELECT hwr_posterior(image, 'search', 'NaN') FROM strokes WHERE id = 1;
SELECT left(outcome($$SELECT hwr_posterior('\x00', 'search')$$), 28) AS outcome;

-- A value of which one can say what is in it: the letters of two texts, the second one's with this probability where it differs;
-- a blank after each.
CREATE FUNCTION ink(best text, other text DEFAULT NULL, p float8 DEFAULT 0.4) RETURNS hwr_posterior LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	letters text[];
	b text := '';
	next integer := 0;
	x integer;
	y integer;
BEGIN
	other := coalesce(other, best);
	SELECT array_agg(c ORDER BY ascii(c)) INTO letters FROM (SELECT DISTINCT c FROM regexp_split_to_table(best || other, '') c) d;
	FOR i IN 1 .. cardinality(letters) LOOP
		x := ascii(letters[i]) - next;
		b := b || CASE WHEN x < 128 THEN lpad(to_hex(x), 2, '0') ELSE lpad(to_hex(x % 128 + 128), 2, '0') || lpad(to_hex(x / 128), 2, '0') END;
		next := ascii(letters[i]) + 1;
	END LOOP;
	FOR i IN 1 .. length(best) LOOP
		x := array_position(letters, substr(best, i, 1));
		y := array_position(letters, substr(other, i, 1));
		b := b || CASE WHEN x = y THEN '00' || lpad(to_hex(x), 2, '0')
			ELSE '01' || lpad(to_hex(x), 2, '0') || lpad(to_hex(16 * least(y, 15) + (SELECT count(*)::integer FROM unnest('{12,15,18,22,26,31,37,44,52,61,72,84,98,113,130}'::integer[]) l WHERE l < -16 * ln(p))), 2, '0') ||
				CASE WHEN y < 15 THEN '' ELSE lpad(to_hex(y - 15), 2, '0') END END || '80';
	END LOOP;
	x := 2 * length(best);
	RETURN ('\x02' || repeat('00', 9) || '60' || lpad(to_hex(cardinality(letters) + 2), 2, '0') || lpad(to_hex(x), 2, '0') ||
		lpad(to_hex(x), 2, '0') || lpad(to_hex(x), 2, '0') || lpad(to_hex(x), 2, '0') || lpad(to_hex(cardinality(letters)), 2, '0') || b)::hwr_posterior;
END $$;

SELECT ink('Anna');
SELECT hwr_text(ink('Anna')), round(hwr_confidence(ink('Anna', 'Amma'))::numeric, 1) AS confidence;
SELECT * FROM hwr_posterior_info(ink('Anna', 'Amma'));
SELECT "position", "char", round(confidence::numeric, 1) AS confidence, x0, x1 FROM hwr_places(ink('Anna', 'Amma'));

-- Text and binary input are checked alike.
SELECT outcome(format('SELECT %L::hwr_posterior', v)) FROM (VALUES ('Anna'), ('\x'), ('\x01'), ('\x0'), ('\x02'), (ink('Anna')::text || '80'),
	(rtrim(ink('Anna')::text, '80')), ('\x0200000000000000000060ff'), (repeat('\x02', 2))) t (v);
SELECT outcome(format('SELECT %L::bytea::hwr_posterior', b)) FROM (VALUES ('\x0303'), ('\x0404'), ('\x0505')) v (b);
-- A byte that is another one is noticed, whichever it is.
SELECT count(*) > 20 AS bytes, count(*) FILTER (WHERE outcome(format('SELECT %L::bytea::hwr_posterior', set_byte(b, i, (get_byte(b, i) + 1) % 256))) LIKE '22P03%') = count(*) AS refused
	FROM (SELECT hwr_posterior(image, 'search')::bytea AS b FROM strokes WHERE id = 1) s, generate_series(1, octet_length(b) - 1) i;
SELECT ink('Anna')::text::hwr_posterior = ink('Anna') AS same, ink('Anna')::bytea::hwr_posterior = ink('Anna') AS too;
CREATE TABLE lines (id integer, p hwr_posterior);
INSERT INTO lines VALUES (1, ink('Anna')), (2, ink('Anna')), (3, ink('Otto')), (4, NULL);
SELECT count(DISTINCT p::text) AS different, count(*) FILTER (WHERE p = ink('Otto')) AS otto, count(*) FILTER (WHERE p <> ink('Otto')) AS other FROM lines;
SET enable_sort = off;
SELECT count(*) FROM (SELECT p FROM lines GROUP BY p) d;
RESET enable_sort;
SELECT count(*) FROM lines a JOIN lines b ON a.p = b.p;

-- Scores, by one function for images and kept posteriors, whose parameters need no types
SELECT round(hwr_score(ink('Anna', 'Amma'), 'Amma')::numeric, 1) AS other, hwr_score(ink('Anna'), 'Anna') > -0.1 AS best,
	hwr_score(ink('Anna'), 'Annaannaannaanna') AS long, hwr_score(ink('Anna'), '') < -10 AS empty, hwr_score(ink('Anna'), 'Anne') < -4 AS floor,
	hwr_score(NULL::hwr_posterior, 'Anna') AS no_ink, hwr_score(ink('Anna'), NULL) AS no_text;
SELECT round(exp(hwr_score(image, label, 'search') - hwr_score(hwr_posterior(image, 'search'), label))::numeric, 1) AS ratio FROM strokes WHERE id < 4;
PREPARE untyped AS SELECT hwr_score($1, $2);
SELECT parameter_types FROM pg_prepared_statements WHERE name = 'untyped';
DEALLOCATE untyped;

-- Texts with a lexicon, a language model, allowed characters, of today
SELECT rank, text, round(confidence::numeric, 1) AS confidence, characters -> 0 ->> 'x1' AS x1 FROM hwr_nbest(ink('Marie', 'Maria'), 2);
SELECT id, (SELECT text FROM hwr_nbest(hwr_posterior(image, 'search'), 1)) = (SELECT text FROM hwr_recognize_nbest(image, 1, 'search')) AS same
	FROM strokes WHERE id < 4 ORDER BY id;
SELECT text FROM hwr_nbest(ink('Marie', 'Maria'), 3, lexicon => '{Maria,Marit,Otto}');
SELECT i, (SELECT text FROM hwr_nbest(p, 1, lexicon => '{Otto,MARIA,Zoé}')) FROM (VALUES (1, ink('Otta')), (2, ink('Zoe')), (3, ink('Marie', 'Maria'))) v (i, p);
SELECT rank, text FROM hwr_nbest(ink('Marie', 'Maria'), 2, allow => 'Mari');
SELECT texts_read FROM hwr_train_lm_texts('maria', ARRAY['Maria', 'Maria', 'Marta']);
SELECT text FROM hwr_nbest(ink('Marie', 'Maria'), 1, lm => 'maria', lm_weight => 2);
SELECT hwr_drop_lm('maria');
SELECT text, round(confidence::numeric, 1) AS confidence FROM hwr_nbest(ink('1O Mal', '10 Mai'), 2, pattern => '\d+ \w+');
SELECT text FROM hwr_nbest(ink('Otto'), 1, pattern => 'M[ae]ria?');
SELECT rank, text FROM hwr_recognize_nbest((SELECT image FROM strokes WHERE id = 3), 2, 'search', pattern => '(I.){2}');
-- A pattern is composed as labels are, its escapes are left alone.
SELECT text FROM hwr_nbest(ink('Zoé 1'), 1, pattern => E'Zo[e\u0301] \\d') UNION ALL SELECT text FROM hwr_nbest(ink('Zoé 1'), 1, pattern => E'Zo\\e\u0301 1');
SELECT text FROM hwr_nbest(ink('a1'), 1, pattern => E'a\\d\u0307?');
SELECT outcome(format('SELECT * FROM hwr_nbest(ink(''a''), pattern => %L)', p)) FROM (VALUES ('(a'), ('a**'), ('[b-a]'), ('x{200}'), ('')) v (p);
SELECT count(*) FROM hwr_nbest(NULL, 1);
SELECT * FROM hwr_nbest(ink('Marie'), 0);

-- Fields
SELECT best, kind, f.text, f.value, round(f.confidence::numeric, 1) AS confidence FROM (VALUES ('3 Aout 1914', '8 Aout 1914', 'date'), ('03/08/1914', '03/08/1974', 'date'),
	('1914-08-03', NULL, 'date'), ('1er mars 1900', NULL, 'date'), ('August 3rd, 1914', NULL, 'date'), ('31.02.1914', '30.01.1914', 'date'), ('30.02.1914', NULL, 'date'),
	('1O4', '104', 'integer'), ('12 345', '12.345', 'integer'), ('1.234,50 F', '1 234,50 F', 'amount'), ('12,5', NULL, 'amount'), ('75OO1', '75001', 'postcode'),
	('oui', 'Oui', 'yes_no'), ('nom', 'non', 'yes_no'), ('nein', NULL, 'yes_no')) v (best, other, kind), hwr_field(ink(best, other), kind) f;
SELECT f.value::date + 1 AS next_day FROM hwr_field(ink('3 Aout 1914'), 'date') f;
SELECT * FROM hwr_field(ink('a'), 'colour');

-- Fields that stand under one another: the numbers of a register, one misread, one of which nothing is right, one missing, one that is in no order
CREATE TABLE register (page integer, line integer, ink hwr_posterior);
INSERT INTO register VALUES (1, 1, ink('7101')), (1, 2, ink('7102')), (1, 3, ink('7803', '7103')), (1, 4, ink('7104')), (1, 5, NULL), (1, 6, ink('7106')),
	(1, 7, ink('a')), (1, 8, ink('7108')), (1, 9, ink('7109')), (1, 10, ink('7170', '7110')), (1, 11, ink('12')), (1, 12, ink('7111')), (2, 1, ink('7803', '7103'));
SELECT page, line, (hwr_field(ink, 'integer')).value AS alone, (f).text, (f).value, (f).confidence > 0.9 AS sure
	FROM (SELECT page, line, ink, hwr_column_field(ink, 'integer') OVER (PARTITION BY page ORDER BY line) AS f FROM register) r ORDER BY page, line;
SELECT line, (hwr_field(ink, 'date')).value AS alone, (hwr_column_field(ink, 'date') OVER (ORDER BY line)).value FROM (VALUES (1, ink('3 mai 1914')), (2, ink('4 mai 1914')),
	(3, ink('6 mai 1974', '6 mai 1914')), (4, ink('6 mai 1914')), (5, ink('31.02.1914', '11.05.1914')), (6, ink('12 mai 1914'))) v (line, ink) ORDER BY line;
SELECT hwr_column_field(ink, 'integer') OVER () FROM register WHERE false;
SELECT hwr_column_field(ink, 'amount') OVER () FROM register;
SELECT hwr_column_field(ink, 'colour') OVER () FROM register;
SELECT hwr_column_field(ink, NULL) OVER () FROM register;
SELECT hwr_column_field(ink, CASE line WHEN 1 THEN 'integer' ELSE 'date' END) OVER (ORDER BY line) FROM register;
SELECT hwr_column_field(ink, 'integer') FROM register;
-- numbers of more than 18 digits are read by themselves
SELECT i, (f).value, (f).confidence > 0.9 AS sure FROM (SELECT i, hwr_column_field(ink((999999999999999996 + i)::text), 'integer') OVER (ORDER BY i) AS f FROM generate_series(1, 6) i) v ORDER BY i;
-- numbers that the column leads to are written like their neighbours
SELECT i, (f).text, (f).value, (f).confidence > 0.9 AS sure FROM (SELECT i, hwr_column_field(CASE i WHEN 5 THEN ink('7778873', '0001105') ELSE ink(lpad((1100 + i)::text, 7, '0')) END, 'integer')
	OVER (ORDER BY i) AS f FROM generate_series(1, 8) i) v WHERE i BETWEEN 4 AND 6 ORDER BY i;
SELECT i, (f).text, (f).value, (f).confidence > 0.9 AS sure FROM (SELECT i, hwr_column_field(CASE i WHEN 5 THEN ink('9.778.873', '4.321.105') ELSE ink('4.321.' || 100 + i) END, 'integer')
	OVER (ORDER BY i) AS f FROM generate_series(1, 8) i) v WHERE i BETWEEN 4 AND 6 ORDER BY i;
-- years that are in no order are not drawn to their neighbours: the ink gives each ambiguous one 0.6
SELECT count(*), bool_and((f).confidence < 0.9) AS unsure FROM (SELECT year < 1860 OR i % 3 > 0 AS certain, hwr_column_field(x, 'integer') OVER (ORDER BY i) AS f
	FROM (SELECT i, year, CASE WHEN i % 3 = 0 THEN ink(year::text, '185' || year % 10) ELSE ink(year::text) END AS x FROM (SELECT i, 1850 + abs(hashint4(i)) % 50 AS year FROM generate_series(1, 90) i) y) z) v WHERE NOT certain;
DROP TABLE register;

-- What a column may hold, as a lexicon
CREATE TYPE hwr_mood AS ENUM ('sad', 'glad');
CREATE DOMAIN hwr_size AS text CHECK (VALUE IN ('small', 'it''s large'));
CREATE TABLE towns (name text PRIMARY KEY);
INSERT INTO towns VALUES ('Lyon'), ('Nantes');
CREATE TABLE filled (mood hwr_mood, town text REFERENCES towns, size hwr_size, state text CHECK (state IN ('new', 'old')), v varchar(9) CHECK (v = ANY ('{x,y}')), other text CHECK (other <> ''));
SELECT hwr_constraint('filled', 'mood'), hwr_constraint('filled', 'town'), hwr_constraint('filled', 'size'), hwr_constraint('filled', 'state');
SELECT hwr_constraint('filled', 'other');
SELECT hwr_constraint('filled', 'nothing');
SELECT text FROM hwr_nbest(ink('Lyom'), 1, lexicon => hwr_constraint('filled', 'town'));
-- Through domains; what another CHECK refuses is left out; values of any type, as the column shows them; any characters
CREATE DOMAIN hwr_letter AS text CHECK (VALUE IN ('a', 'b', 'c'));
CREATE DOMAIN hwr_some AS hwr_letter CHECK (VALUE <> 'b');
CREATE DOMAIN hwr_good AS hwr_mood CHECK (VALUE <> 'sad');
CREATE FUNCTION lower_own(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'run'; END $$;
CREATE FUNCTION mood_own(text) RETURNS hwr_mood LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'run'; END $$;
CREATE FUNCTION mood_own(hwr_mood) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'run'; END $$;
CREATE CAST (text AS hwr_mood) WITH FUNCTION mood_own(text) AS IMPLICIT;
CREATE CAST (hwr_mood AS text) WITH FUNCTION mood_own(hwr_mood) AS IMPLICIT;
CREATE TABLE moods (mood hwr_mood PRIMARY KEY);
INSERT INTO moods VALUES ('glad');
CREATE TABLE bound (letter hwr_some, mood hwr_good, two text CHECK (two IN ('p', 'q')) CHECK (two IN ('q', 'r')), n integer CHECK (n IN (1, 2, -3)), key hwr_mood REFERENCES moods, money numeric(5, 2) CHECK (money IN (1, 2.5)),
	fixed char(4) CHECK (fixed IN ('ab', 'cd')), one text CHECK (one = 'only' OR one IS NULL), "a ""name" varchar(9) CHECK ("a ""name" IN ('it''s', E'b\\s', 'c,d', '{e}', '"f"', 'NULL', '')),
	town text REFERENCES towns CHECK (town <> 'Nantes'), value text CHECK (value = ANY ('{x,y}') AND value <> 'x'), none text CHECK (none IS NULL),
	-- and what binds to no list, or calls functions of anyone's
	not_in text CHECK (NOT (not_in IN ('bad', 'worse'))), folded text CHECK (lower(folded) IN ('aa', 'bb') AND folded <> ALL (ARRAY['q'])), longer text CHECK (longer = 'a' OR length(longer) > 3),
	with_null text CHECK (with_null IN ('a', NULL)), own text CHECK (own IN ('a', lower_own('B'))), day date CHECK (day IN ('2020-01-01') AND day < current_date), beside text, CHECK (beside IN ('a') OR n > 0));
SELECT attname, outcome(format('SELECT hwr_constraint(''bound'', %L)', attname)) FROM pg_attribute WHERE attrelid = 'bound'::regclass AND attnum > 0 ORDER BY attnum;
SELECT attname, hwr_constraint('bound', attname) FROM pg_attribute WHERE attrelid = 'bound'::regclass AND attnum BETWEEN 1 AND 12 ORDER BY attnum;
-- A composite type, or the array or range of a domain, has checks of its own, which are not run
CREATE FUNCTION check_own(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'run'; END $$;
CREATE DOMAIN hwr_checked AS text;
CREATE TYPE hwr_pair AS (a hwr_checked, b integer);
CREATE TYPE hwr_span AS RANGE (SUBTYPE = hwr_checked);
CREATE TABLE parted (many hwr_checked[] PRIMARY KEY, pair hwr_pair UNIQUE, span hwr_span UNIQUE, plain text[] UNIQUE);
INSERT INTO parted VALUES ('{a}', '(a,1)', '[a,b]', '{a,b}');
CREATE TABLE parts (many hwr_checked[] REFERENCES parted CHECK (many IS NOT NULL), pair hwr_pair REFERENCES parted (pair) CHECK (pair IS NOT NULL), span hwr_span REFERENCES parted (span) CHECK (span IS NOT NULL),
	plain text[] REFERENCES parted (plain) CHECK (plain IS NOT NULL), free hwr_checked[] REFERENCES parted);
ALTER DOMAIN hwr_checked ADD CHECK (check_own(VALUE)) NOT VALID;
SELECT attname, outcome(format('SELECT hwr_constraint(''parts'', %L)', attname)) FROM pg_attribute WHERE attrelid = 'parts'::regclass AND attnum > 0 ORDER BY attnum;
SELECT hwr_constraint('parts', 'plain'), hwr_constraint('parts', 'free');
DROP TABLE parts, parted;
DROP TYPE hwr_pair, hwr_span;
DROP DOMAIN hwr_checked;
DROP FUNCTION check_own(text);
DROP TABLE bound, filled, towns, moods;
DROP CAST (text AS hwr_mood);
DROP CAST (hwr_mood AS text);
DROP FUNCTION lower_own(text), mood_own(text), mood_own(hwr_mood);
DROP DOMAIN hwr_good, hwr_some, hwr_letter;
DROP TYPE hwr_mood, hwr_size;

-- Words
SELECT word, whole, round(hwr_relevance(ink('le Marie Noel', 'la Marin Noel'), word, whole)::numeric, 1) AS p FROM (VALUES ('marie', true), ('MARIN', true),
	('mari', true), ('mari', false), ('mari*', true), ('mari?', true), ('*', true), ('no*l', true), ('marie noel', true), ('le-marie', true), ('la', true), ('m', false),
	('otto', true), ('Marie\*', true)) w (word, whole);
SELECT hwr_relevance(ink('Élève'), 'eleve') > 0.9 AS accents, hwr_relevance(ink('eleve'), 'ÉLÈVE') > 0.9 AS too,
	hwr_relevance(ink('Strasse'), 'straße') > 0.9 AS sharp, hwr_relevance(ink('l''eau'), 'eau') > 0.9 AS apostrophe;
SELECT outcome(format('SELECT hwr_relevance(ink(''a''), %L)', w)) FROM (VALUES (''), (' - '), ('a'), (repeat('a', 1000)), (repeat('a', 2000)), ('日本'), ('שלום'), (E'e\u0301'), ('??')) v (w);
SELECT hwr_relevance(ink('a'), 'a????????????????????b', false);
SELECT hwr_fold('  L''ÉLÈVE, d''Œuvres '), hwr_fold('');

-- Places, in pixels
SELECT x0, x1, round(probability::numeric, 1) AS p FROM hwr_spots(ink('de la de', 'do la de'), 'de');
SELECT x0, x1, round(probability::numeric, 1) AS p FROM hwr_spots(ink('Marie', 'Maria'), 'ar', false);
SELECT * FROM hwr_spots(ink('Marie'), 'otto');
SELECT * FROM hwr_spots(ink('Marie'), 'marie', bound => 0);

-- The words of a line
SELECT word, round(probability::numeric, 1) AS p, x0, x1 FROM hwr_words(ink('le Marie', 'la Marin'));
SELECT word FROM hwr_words(ink('le Marie', 'la Marin', 0.1), 0.5);

-- Queries
SELECT q, round(hwr_query_relevance(ink('le Marie Noel', 'la Marin Noel'), q::hwr_query)::numeric, 1) AS p FROM (VALUES ('marie'), ('marie & noel'), ('marie noel'),
	('marie | marin'), ('!marie'), ('noel & !marin'), ('"marie noel"'), ('"noel marie"'), ('(marie | marin) noel'), ('mar*')) v (q);
SELECT outcome(format('SELECT %L::hwr_query', q)) FROM (VALUES (''), ('a &'), ('(a'), ('a)'), ('"a'), ('| a'), ('a & -')) v (q);
SELECT hwr_plain_query('a "b" & c*'), round(hwr_query_relevance(ink('a b c'), hwr_plain_query('a "b" & c*'))::numeric, 1) AS p;
SELECT ink('Marie', 'Maria') @~ 'marie' AS found, ink('Marie', 'Maria') @~ 'maria' AS too, ink('Marie', 'Maria', 0.2) @~ 'maria' AS no;
SET hwr.search_threshold = 0.1;
SELECT ink('Marie', 'Maria', 0.2) @~ 'maria' AS now;
RESET hwr.search_threshold;
SET hwr.search_threshold = 2;
SELECT round((ink('Marie', 'Maria') <~> 'marie')::numeric, 1) AS far;

-- The index finds what a sequential scan finds: words of ten letters, read with doubts.
CREATE TABLE ledger AS SELECT i AS id, ink(a, b, 0.05 + (i % 9) * 0.05) AS p FROM generate_series(1, 3000) i,
	LATERAL (SELECT string_agg(substr('aeinorst lmd', ascii(substr(md5(i::text), k, 1)) % 12 + 1, 1), '' ORDER BY k) AS a,
					string_agg(substr('aeinorst lmd', ascii(substr(md5(i || 'x'), k, 1)) % 12 + 1, 1), '' ORDER BY k) AS b FROM generate_series(1, 14) k) t;
CREATE INDEX ledger_p ON ledger USING gin (p);
CREATE INDEX ledger_low ON ledger USING gin (p hwr_posterior_ops (bound = 0.01)) WHERE id <= 1500;
CREATE INDEX ON ledger USING gin (p hwr_posterior_ops (bound = 2));
ANALYZE ledger;
CREATE FUNCTION differences(query text, threshold float8) RETURNS TABLE (hits bigint, lost bigint, added bigint, index_used boolean) LANGUAGE plpgsql AS $$
DECLARE
	by_index integer[];
	by_scan integer[];
	line text;
BEGIN
	PERFORM set_config('hwr.search_threshold', threshold::text, true);
	PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('enable_seqscan', 'on', true);
	EXECUTE format('SELECT array_agg(id) FROM ledger WHERE p @~ %L', query) INTO by_scan;
	PERFORM set_config('enable_bitmapscan', 'on', true), set_config('enable_seqscan', 'off', true);
	EXECUTE format('SELECT array_agg(id) FROM ledger WHERE p @~ %L', query) INTO by_index;
	index_used := false;
	FOR line IN EXECUTE format('EXPLAIN (COSTS off) SELECT id FROM ledger WHERE p @~ %L', query) LOOP
		index_used := index_used OR line LIKE '%ledger_p%';
	END LOOP;
	hits := coalesce(cardinality(by_scan), 0);
	SELECT count(*) INTO lost FROM unnest(by_scan) i WHERE i <> ALL (coalesce(by_index, '{}'));
	SELECT count(*) INTO added FROM unnest(by_index) i WHERE i <> ALL (coalesce(by_scan, '{}'));
	RETURN NEXT;
END $$;
SELECT count(*) AS queries, sum(lost) AS lost, sum(added) AS added, bool_and(index_used) AS index_used, sum(hits) > 500 AS found
	FROM (VALUES ('de'), ('en'), ('in'), ('la'), ('mat'), ('a'), ('ten'), ('i*'), ('*st*'), ('e?'), ('*a*'), ('!de'), ('de | la'), ('de & a'), ('"a de"'), ('in !de'),
		('ort*'), ('*nat'), ('m*'), ('xyz'), ('t'), ('(de | en) & (la | in)')) q (query), (VALUES (0.02), (0.05), (0.1), (0.3), (0.7)) t (threshold), LATERAL differences(query, threshold);
-- Also for any query and any threshold that the index's levels part
SELECT count(*) AS queries, sum(lost) AS lost, sum(added) AS added, bool_and(index_used) AS index_used
	FROM (VALUES (repeat('a', 1000)), ('日本'), ('שלום'), (E'e\u0301n'), ('??'), ('*'), ('?'), ('de | 日本'), ('!de & !la'), ('la !(en | a)')) q (query), (VALUES (0.1), (0.3), (0.6)) t (threshold),
	LATERAL differences(query, threshold);
SELECT count(*) AS queries, sum(lost) AS lost, sum(added) AS added, sum(hits) > 500 AS found FROM (VALUES ('a'), ('l'), ('de'), ('st'), ('a | e'), ('l !a')) q (query),
	(VALUES (0.15), (0.2), (0.25), (0.5), (0.55), (0.9), (0.97)) t (threshold), LATERAL differences(query, threshold);
-- The index mostly tells without a look at the line.
CREATE FUNCTION looked_at(query text, threshold float8) RETURNS TABLE (hits bigint, looks bigint) LANGUAGE plpgsql AS $$
DECLARE
	counted CONSTANT text := 'SELECT coalesce(sum(calls), 0) FROM pg_stat_xact_user_functions WHERE funcname = ''hwr_finds''';
	before bigint;
BEGIN
	PERFORM set_config('hwr.search_threshold', threshold::text, true), set_config('track_functions', 'all', true);
	PERFORM set_config('enable_bitmapscan', 'on', true), set_config('enable_seqscan', 'off', true);
	EXECUTE counted INTO before;
	EXECUTE format('SELECT count(*) FROM ledger WHERE p @~ %L', query) INTO hits;
	EXECUTE counted INTO looks;
	looks := looks - before;
	RETURN NEXT;
END $$;
SELECT sum(hits) > 200 AS found, sum(looks) * 8 < sum(hits) AS few
	FROM (VALUES ('a'), ('de'), ('a | e'), ('a & e'), ('l !a')) q (query), (VALUES (0.3), (0.5)) t (threshold), LATERAL looked_at(query, threshold);
-- Words of twelve letters and more, of which only lines are looked at that may have them
SELECT count(*) AS queries, sum(lost) AS lost, sum(added) AS added, bool_and(index_used) AS index_used, sum(hits) > 10 AS found, sum(looks) < 100 AS few
	FROM (SELECT word FROM ledger, regexp_split_to_table(hwr_text(p), ' ') word WHERE length(word) >= 12 AND id % 9 = 0 ORDER BY id, word LIMIT 8) q, (VALUES (0.2), (0.3), (0.5)) t (threshold),
	LATERAL differences(word, threshold) d, LATERAL (SELECT looks FROM looked_at(word, threshold)) l;
INSERT INTO ledger SELECT id + 3000, p FROM ledger WHERE id <= 200;
DELETE FROM ledger WHERE id % 7 = 0;
VACUUM ledger;
SELECT sum(lost) AS lost, sum(added) AS added FROM (VALUES ('de'), ('a'), ('en | la')) q (query), differences(query, 0.3);
REINDEX INDEX ledger_p;
SELECT sum(lost) AS lost, sum(added) AS added FROM (VALUES ('de'), ('a'), ('en | la')) q (query), differences(query, 0.3);

-- The planner takes it where there are many lines, and not where there are few.
CREATE TABLE few AS SELECT * FROM ledger LIMIT 100;
CREATE INDEX ON few USING gin (p);
ANALYZE few;
EXPLAIN (COSTS off) SELECT id FROM few WHERE p @~ 'mat';
CREATE TABLE many AS SELECT p FROM ledger, generate_series(1, 10);
CREATE INDEX ON many USING gin (p);
ANALYZE many;
EXPLAIN (COSTS off) SELECT p FROM many WHERE p @~ 'mat';

-- Candidates
SELECT rank, candidate, "index", round(probability::numeric, 1) AS p, round(outside::numeric, 1) AS outside
	FROM hwr_match(ink('Marie', 'Maria'), ARRAY['Otto', 'MARIA', 'Márie', 'Marie', NULL, ''], 3);
SELECT rank, candidate, "index" FROM hwr_match(ink('Marie', 'Maria'), '[5:6]={Maria,Marie}', 1);
SELECT * FROM hwr_match(ink('Marie'), '{}');
SELECT * FROM hwr_match(ink('Marie'), '{Marie}', 0);
SELECT * FROM hwr_match(ink('Marie'), '{{Marie}}');
-- Rows of a query: with keys, all that are the same folded, and per line those of its town
CREATE TABLE customers (id integer, name text, town text);
INSERT INTO customers VALUES (1, 'Otto', 'Lyon'), (2, 'MARIA', 'Lyon'), (3, 'Márie', 'Nantes'), (4, 'Marie', 'Lyon'), (5, NULL, 'Lyon'), (6, '', 'Lyon'), (7, 'Maria', 'Nantes');
SELECT rank, candidate, key, round(probability::numeric, 1) AS p, round(outside::numeric, 1) AS outside
	FROM hwr_match_query(ink('Marie', 'Maria'), 'SELECT name, id FROM customers ORDER BY id', 3);
SELECT f.id, m.candidate, m.key FROM (VALUES (1, 'Lyon'), (2, 'Nantes'), (3, 'Lyon'), (4, 'Brest')) f (id, town),
	hwr_match_query(ink('Otto ', 'Marie'), format('SELECT name FROM customers WHERE town = %L', town)) m ORDER BY f.id;
SELECT count(*) AS names, bool_and(a.candidate = b.candidate AND abs(a.log_probability - b.log_probability) < 1e-9 AND abs(a.outside - b.outside) < 1e-9) AS same
	FROM (SELECT string_agg(substr('aeinorst', ascii(substr(md5(i::text), k, 1)) % 8 + 1, 1), '' ORDER BY k) AS name FROM generate_series(1, 20) i, generate_series(1, 5) k GROUP BY i) n,
	hwr_match(ink(name, reverse(name)), (SELECT array_agg(name ORDER BY id) FROM customers)) a, LATERAL (SELECT * FROM hwr_match_query(ink(name, reverse(name)), 'SELECT name FROM customers ORDER BY id') LIMIT 1) b;
SELECT outcome(format('SELECT * FROM hwr_match_query(ink(''Marie''), %L)', q)) FROM (VALUES ('DELETE FROM customers'), ('DELETE FROM customers RETURNING name'), ('SELECT FROM customers'),
	('SELECT nothing FROM customers'), ('SELECT 1; SELECT 2'), ('')) v (q);
CREATE ROLE hwr_searcher;
SET ROLE hwr_searcher;
SELECT hwr_match_query('\x0200000000000000000060030101010101610001', 'SELECT name FROM customers');
RESET ROLE;
DROP ROLE hwr_searcher;
DROP TABLE customers;

DROP TABLE lines, ledger, few, many;
DROP FUNCTION ink, differences, explained;
SELECT hwr_drop_model('search');
