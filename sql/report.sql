--
-- Readings.  The model, the table, its column and its labels bear names that must not become markup.
--
SELECT hwr_import_model(stroke_model(), '<script>alert("model")</script>');
\set model '<script>alert("model")</script>'
CREATE TYPE writer AS ENUM ('<script>alert("writer")</script>', 'a&b');
CREATE TABLE "<b>rows</b>" (id integer PRIMARY KEY, label text, image bytea, "wri'ter<i>" writer);
INSERT INTO "<b>rows</b>" SELECT id, label, image, CASE WHEN id < 4 THEN '<script>alert("writer")</script>'::writer ELSE 'a&b' END FROM strokes WHERE id < 8;
INSERT INTO "<b>rows</b>" SELECT 8, '<script>alert(1)</script>', image, NULL FROM strokes WHERE id = 1;
INSERT INTO "<b>rows</b>" SELECT 9, $$"' onerror="alert(1)$$, image, NULL FROM strokes WHERE id = 3;
INSERT INTO "<b>rows</b>" SELECT 10, 'שלום', image, NULL FROM strokes WHERE id = 2;
INSERT INTO "<b>rows</b>" SELECT 11, NULL, image, NULL FROM strokes WHERE id = 5;
INSERT INTO "<b>rows</b>" VALUES (12, 'I', 'no image', NULL), (13, 'I', NULL, NULL);
INSERT INTO "<b>rows</b>" SELECT 14, 'I^', image, NULL FROM strokes WHERE id = 2;
INSERT INTO "<b>rows</b>" SELECT 15, '', image, NULL FROM strokes WHERE id = 2;

SELECT "row", key, label, guess, length, distance, words, word_edits, width, problem, confidence BETWEEN 0 AND 1 AS confidence, sharpness BETWEEN 0 AND 1 AS sharpness,
	loss >= 0 AS loss, margin >= -0.001 AS margin, image IS NOT NULL AS image, "by" FROM hwr_readings('"<b>rows</b>"', :'model', "by" => 'wri''ter<i>') ORDER BY 1;
SELECT key, c FROM hwr_readings('"<b>rows</b>"', :'model') r, jsonb_array_elements(r.characters) c WHERE key = '2' ORDER BY 1, 2;
SELECT key, e FROM hwr_readings('"<b>rows</b>"', :'model') r, jsonb_array_elements(r.edits) e WHERE key IN ('2', '14') ORDER BY 1, 2;

-- Aggregated, they are what hwr_evaluate measures.
SELECT e.images = r.images AS images, e.skipped = r.skipped AS skipped, abs(e.cer - r.cer) < 1e-4 AS cer, abs(e.wer - r.wer) < 1e-4 AS wer, abs(e.exact_match - r.exact) < 1e-4 AS exact
	FROM (SELECT count(distance) AS images, count(*) - count(distance) AS skipped, hwr_cer(label, guess) AS cer, hwr_wer(label, guess) AS wer, hwr_exact(label, guess) AS exact
		FROM hwr_readings('"<b>rows</b>"', :'model')) r, hwr_evaluate('"<b>rows</b>"', :'model') e;
SELECT count(*) FROM (SELECT (c).* FROM unnest((SELECT hwr_confusion_matrix(label, guess) FROM hwr_readings('"<b>rows</b>"', :'model'))) c
	EXCEPT SELECT truth, guess, count FROM hwr_confusions(:'model')) x;

-- What tells rows apart
CREATE TABLE keys (a integer, b text, image bytea, PRIMARY KEY (b, a));
INSERT INTO keys SELECT 7, 'x y', image FROM strokes WHERE id = 1;
CREATE VIEW keyless AS SELECT image FROM keys;
SELECT key, label, guess FROM hwr_readings('keys', :'model', label_column => 'b');
ALTER TABLE keys DROP CONSTRAINT keys_pkey;
SELECT key, label, guess FROM hwr_readings('keys', :'model');
SELECT key, label, guess FROM hwr_readings('keyless', :'model');
SELECT key, label, guess FROM hwr_readings('keys', :'model', "by" => 'nowhere');
SELECT key FROM hwr_readings(NULL, :'model');
SELECT key FROM hwr_readings('keys', :'model', 0);
SELECT key FROM hwr_readings('keys', 'nobody');

--
-- Plots show their rows, all of them, and nothing else.
--
CREATE FUNCTION marks(svg text, class text) RETURNS bigint LANGUAGE sql AS
	$$SELECT count(*) FROM regexp_matches(svg, format('<[a-z]+ class="m %s"', class), 'g')$$;
CREATE FUNCTION titles(svg text) RETURNS SETOF text LANGUAGE sql AS
	$$SELECT m[1] FROM regexp_matches(svg, '<title>([^<]*)</title>', 'g') m$$;
SELECT format('%s: %s', length, count) FROM hwr_lengths('"<b>rows</b>"')
	EXCEPT ALL SELECT * FROM titles(hwr_plot_lengths('"<b>rows</b>"'));
SELECT * FROM titles(hwr_plot_lengths('"<b>rows</b>"'))
	EXCEPT ALL SELECT format('%s: %s', length, count) FROM hwr_lengths('"<b>rows</b>"');
SELECT count(*) FROM (SELECT format('%s: %s', hwr.escape("character"), count) FROM hwr_characters('"<b>rows</b>"')
	EXCEPT ALL SELECT * FROM titles(hwr_plot_characters('"<b>rows</b>"'))) x;
-- what XML does not have is not in it
SELECT hwr.escape(U&'a\FFFE\FFFF\FFFD\D7FF\E000\+01FFFE' || E'\x01\x7f') = U&'a??\FFFD\D7FF\E000\+01FFFE??' AS escaped;
SELECT marks(hwr_plot_characters('"<b>rows</b>"'), 'f0') = count(*) AS characters FROM hwr_characters('"<b>rows</b>"');
SELECT sum(count) = (SELECT sum(char_length(label)) FROM "<b>rows</b>") AS characters FROM hwr_characters('"<b>rows</b>"');
SELECT count(*) FROM (SELECT format('%s read as %s: %s', coalesce(nullif(hwr.escape(truth), ''), 'nothing'), coalesce(nullif(hwr.escape(guess), ''), 'nothing'), count)
	FROM hwr_confusions(:'model') EXCEPT ALL SELECT * FROM titles(hwr_plot_confusions(:'model', size => 100))) x;
SELECT count(*) - (SELECT count(*) FROM hwr_confusions(:'model')) AS surplus FROM titles(hwr_plot_confusions(:'model', size => 100));
SELECT sum(images), count(*), bool_and(mean BETWEEN 0 AND 1) AS mean FROM hwr_reliability('"<b>rows</b>"', :'model');
SELECT marks(hwr_plot_reliability('"<b>rows</b>"', :'model'), 'p f[01]') = count(*) AS reliability FROM hwr_reliability('"<b>rows</b>"', :'model');
SELECT count(*) FROM regexp_matches(hwr_plot_samples('"<b>rows</b>"', :'model', samples => 5), '<image ', 'g');
SELECT hwr_plot_samples('"<b>rows</b>"', :'model') = hwr_plot_samples('"<b>rows</b>"', :'model') AS same_samples;
SELECT plot ~ '^<svg xmlns="http://www.w3.org/2000/svg" [^>]*role="img" aria-label="[^"<>]+">' AS begins, plot ~ '</svg>$' AS ends, plot ~ '<script|onerror="' AS injected
	FROM unnest(ARRAY[hwr_plot_lengths('"<b>rows</b>"'), hwr_plot_characters('"<b>rows</b>"'), hwr_plot_confusions(:'model'), hwr_plot_history(:'model'),
		hwr_plot_samples('"<b>rows</b>"', :'model', samples => 100), hwr_plot_reliability('"<b>rows</b>"', :'model')]) plot;

-- The history of a training
CREATE TABLE words (label text, image bytea);
INSERT INTO words SELECT label, image FROM strokes, generate_series(1, 8) WHERE label <> '';
SET client_min_messages = warning;
SELECT version, epochs FROM hwr_train('words', 'trained', options => '{"architecture": "[1,16,64,1 Cr3,3,4 Mp16,4 Lbx8", "epochs": 3, "threads": 1, "validation_fraction": 0.5}');
RESET client_min_messages;
SELECT marks(hwr_plot_history('trained'), 'f0') = count(train_loss) AS training, marks(hwr_plot_history('trained'), 'f1') = count(validation_loss) AS validation,
	marks(hwr_plot_history('trained', 1, 'errors'), 'f[012]') = count(cer) + count(wer) + count(exact_match) AS errors,
	marks(hwr_plot_history('trained', figure => 'learning_rate'), 'f0') = count(*) AS learning_rate,
	marks(hwr_plot_history('trained', figure => 'speed'), 'f0') = count(images_per_second) AS speed FROM hwr_history('trained');
SELECT hwr_plot_history('trained', 1, 'nonsense');
SELECT hwr_plot_history('nobody');
SELECT hwr_report('trained') LIKE '%The numbers, epoch by epoch%' AS history;

--
-- The report
--
CREATE TABLE pages AS
	SELECT 'data' AS kind, hwr_report(:'model', '"<b>rows</b>"', "by" => 'wri''ter<i>') AS page
	UNION ALL SELECT 'stored', hwr_report(:'model')
	UNION ALL SELECT 'unlabelled', hwr_report(:'model', 'keyless');
SELECT kind, array_agg(m[1] ORDER BY n) FROM pages, regexp_matches(page, '<section id="([a-z]+)">', 'g') WITH ORDINALITY m(m, n) GROUP BY kind ORDER BY kind;
-- No element or attribute but the page's own, and nothing to be fetched
SELECT kind, m[1] FROM pages, regexp_matches(page, '<(script|b|i)>[a-z]*(?:alert|rows|&lt;)', 'g') m;
SELECT kind, page ~* '<script|<[^>]* on[a-z]+=|javascript:|@import|url\(|<link|<iframe' AS injected, page ~ '(src|href)="(?!#|data:image/png;base64,)' AS fetches FROM pages ORDER BY kind;
SELECT kind, page LIKE '%&lt;SCRIPT&gt;ALERT(1)&lt;/SCRIPT&gt;%' AS label, page LIKE '%&quot;&#39; ONERROR=&quot;ALERT(1)%' AS quotes, page LIKE '%alert(&quot;model&quot;)%' AS model,
	page LIKE '%&lt;b&gt;rows&lt;/b&gt;%' AS data, page LIKE '%alert(&quot;writer&quot;)%' AS value, page LIKE '%wri&#39;ter&lt;i&gt;%' AS "column" FROM pages ORDER BY kind;
-- Elements are closed.
SELECT kind, t FROM pages, unnest('{html,head,body,main,section,figure,svg,table,tr,td,th,dl,dd,dt,ul,li,bdi,mark,ins,del,details,div,span,text,g,title}'::text[]) t
	WHERE (SELECT count(*) FROM regexp_matches(page, '<' || t || '[ >]', 'g')) <> (SELECT count(*) FROM regexp_matches(page, '</' || t || '>', 'g'));
-- Images have a text, charts a description.
SELECT kind, count(*) FILTER (WHERE m[1] !~ 'alt="[^"]+"' AND m[1] LIKE '<img%') AS silent_images, count(*) FILTER (WHERE m[1] !~ 'aria-label="[^"]+"' AND m[1] LIKE '<svg%') AS silent_charts
	FROM pages, regexp_matches(page, '(<(?:img|svg)[^>]*>)', 'g') m GROUP BY kind ORDER BY kind;
-- Every figure of the page is that of the rows.
SELECT f.figure, page LIKE '%<span class="figure">' || hwr.percent(f.value) || '</span>%' AS there
	FROM pages, (SELECT 'CER' AS figure, hwr_cer(label, guess) AS value FROM hwr_readings('"<b>rows</b>"', :'model') UNION ALL
		SELECT 'WER', hwr_wer(label, guess) FROM hwr_readings('"<b>rows</b>"', :'model') UNION ALL
		SELECT 'exact', hwr_exact(label, guess) FROM hwr_readings('"<b>rows</b>"', :'model')) f WHERE kind = 'data' ORDER BY 1;
SELECT f.figure, abs(f.value - CASE f.figure WHEN 'CER' THEN e.cer WHEN 'WER' THEN e.wer ELSE e.exact_match END) < 1e-4 AS equal, f.low <= f.value AND f.value <= f.high AS within
	FROM hwr.figures(hwr.read_all('"<b>rows</b>"', :'model', NULL, NULL, NULL)) f, hwr_evaluate('"<b>rows</b>"', :'model') e;
SELECT "group", images FROM hwr.cer_by((SELECT array_agg(ROW(r.*)::hwr.reading) FROM hwr_readings('"<b>rows</b>"', :'model', "by" => 'wri''ter<i>') r), 'by');
SELECT hwr.diff('abcd', 'xbcde'), hwr.diff('a<b', 'a&'), hwr.diff('ab', 'b'), hwr.diff('', ''), hwr.diff('שלום', 'שלם');
SELECT hwr.escape(E'<a href="x">\'&\'</a>\t\x01');
SELECT hwr.thumbnail('no image', 32), hwr.thumbnail(NULL, 32), substr(hwr.thumbnail(image, 32), 2, 3) FROM strokes WHERE id = 1;
SELECT hwr.thumbnail(image, 4) FROM strokes WHERE id = 1;
SELECT hwr_report('nobody');
SELECT hwr_report(:'model', 'strokes', version => 7);
SELECT hwr_report(:'model', 'strokes_pkey');

--
-- Comparison and review
--
SELECT hwr_import_model(stroke_model(), 'other');
SELECT hwr_import_model(stroke_model('{"alphabet": "IVW"}'), 'other');
CREATE TABLE truth AS SELECT id, label, image FROM strokes WHERE label <> '';
SELECT images, round(cer_a::numeric, 3) AS cer_a, round(cer_b::numeric, 3) AS cer_b, round(cer_difference::numeric, 3) AS difference, low <= cer_difference AND cer_difference <= high AS within,
	round(exact_a::numeric, 3) AS exact_a, round(exact_b::numeric, 3) AS exact_b, only_a_exact, only_b_exact, p_value, changed FROM hwr_compare('other', 1, :'model', 1, 'truth');
SELECT * FROM hwr_compare(:'model', NULL, :'model', 1, 'truth');
SELECT key, verdict, label, guess_a, guess_b, distance_a, distance_b FROM hwr_changes(:'model', 1, 'other', 2, 'truth');
-- in a moment, whatever the numbers
SELECT hwr.mcnemar(4000000000000000000, 4000000000000000001) AS huge;
SELECT hwr.mcnemar(-1, 5);
SELECT hwr.wilson(7, 5);
SET statement_timeout = '20s';
SELECT n, length(hwr.draw_lines('t', 'd', 'x', 'y', '{a}', array_fill(1::float8, ARRAY[cardinality(v)]), x, v, d % 2 = 1, m, 'm', d > 1)) < 20000 AS short
FROM (VALUES ('denormal', '{5e-324,1e-323,1.5e-323}'::float8[], '{1,2,3}'::float8[]), ('huge', '{-1e308,0,1e308}', '{1,2,3}'), ('largest', '{1.7e308,1.7e308}', '{1,2}'),
	('beyond whole numbers', '{9007199254740992,9007199254740993,9007199254740994}', '{9007199254740992,9007199254740993,9007199254740994}'),
	('close', '{1,1.0000000000000002}', '{1,1.0000000000000002}'), ('far', '{1e-300,1,1e300}', '{-1e300,0,1e300}'), ('no numbers', '{NaN,Infinity}', '{NaN,-Infinity}'),
	('negative', '{-5,-5e-324,-1e300}', '{-1e300,5e-324,0}')) c(n, v, x), generate_series(0, 3) d, (VALUES (NULL::float8), (1e308), (2)) mark(m)
GROUP BY 1, 2 ORDER BY 1;
SELECT n, length(hwr.draw_bars('t', 'd', 'x', 'y', '{a,b,c}', v, v, v)) < 20000 AS short
FROM (VALUES ('denormal', '{5e-324,1e-323,1.5e-323}'::float8[]), ('huge', '{-1e308,0,1e308}'), ('beyond whole numbers', '{9007199254740992,9007199254740993,9007199254740994}')) c(n, v);
-- thousands of charts of numbers from the edges
SELECT count(*) AS charts, max(length(svg)) < 30000 AS short, bool_or(svg ~ '"[^"]*(nan|inf)[^"]*"') AS nonsense
FROM (SELECT i, array_agg(e.v ORDER BY md5(i::text || n::text)) FILTER (WHERE md5(n::text || i::text) < 'a') AS v
	FROM generate_series(1, 2000) i, unnest('{0,1,-1,0.5,100,1e-320,5e-324,-5e-324,1e-300,-1e-300,1e300,-1e300,1e308,-1e308,9007199254740991,9007199254740993,NaN,Infinity,-Infinity,0.1,0.30000000000000004}'::float8[])
		WITH ORDINALITY e(v, n) GROUP BY i) r,
	LATERAL (SELECT array_agg(v[n] ORDER BY md5(n::text)) AS x, array_agg(1 + n % 3 ORDER BY n)::float8[] AS s FROM generate_subscripts(v, 1) n) t,
	LATERAL (VALUES (hwr.draw_lines('t', 'd', 'x', 'y', '{a,b}', s, x, v, i % 2 = 0, x[1], 'm', i % 3 = 0)), (hwr.draw_bars('t', 'd', 'x', 'y', v::text[], v, x, v)),
		(hwr.draw_reliability('t', 'd', 'x', 'y', '{a,b}', s, x, v, v, x, v)),
		(hwr.draw_matrix('t', 'd', 'r', 'c', v[1:6]::text[], v[1:6]::text[], (v[2:6] || v[1])::text[], x[1:6]))) c(svg);
SELECT hwr.draw_matrix('t', 'd', 'r', 'c', array_agg(i::text), array_agg(i::text), array_agg(i::text), array_agg(i::float8)) FROM generate_series(1, 40000) i;
SELECT hwr.draw_lines('t', 'd', 'x', 'y', '{a}', array_agg(1::float8), array_agg(i::float8), array_agg(i::float8)) FROM generate_series(1, 100001) i;
RESET statement_timeout;
SELECT hwr.mcnemar(0, 0) AS none, round(hwr.mcnemar(1, 6)::numeric, 6) AS few, round(hwr.mcnemar(10, 25)::numeric, 6) AS some, hwr.mcnemar(10000, 20000) < 1e-300 AS many;
SELECT key, reason, label, guess, doubt BETWEEN 0 AND 1 AS doubt FROM hwr_review('"<b>rows</b>"', :'model', 9);
SELECT key, reason, label, guess FROM hwr_review('keyless', :'model');

--
-- As the caller
--
CREATE ROLE regress_hwr_viewer;
SET ROLE regress_hwr_viewer;
SELECT key FROM hwr_readings('strokes', 'other');
SELECT hwr_report('other');
RESET ROLE;
DO $$ BEGIN EXECUTE (SELECT string_agg(format('GRANT SELECT ON LARGE OBJECT %s TO regress_hwr_viewer', weights), ';') FROM hwr_model_details WHERE model = 'other'); END $$;
SET ROLE regress_hwr_viewer;
SELECT key FROM hwr_readings('strokes', 'other');
SELECT hwr_plot_lengths('strokes');
SELECT hwr_report('other') LIKE '%</html>%' AS page;
RESET ROLE;
GRANT SELECT (label, image) ON strokes TO regress_hwr_viewer;
SET ROLE regress_hwr_viewer;
SELECT "row", key, guess FROM hwr_readings('strokes', 'other', 1) WHERE "row" = 1;
RESET ROLE;
-- A search_path of the caller's changes nothing.
CREATE SCHEMA trap;
CREATE FUNCTION trap.format(text, VARIADIC "any") RETURNS text LANGUAGE internal AS 'text_format_nv';
CREATE FUNCTION trap.count(text) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'trapped'; END$$;
CREATE FUNCTION trap.hwr_readings(regclass, text, integer, name, name, name) RETURNS SETOF hwr.reading LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'trapped'; END$$;
SET search_path = trap, public, pg_catalog;
SELECT hwr_report('other', 'strokes') LIKE '%</html>%' AS page;
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA trap CASCADE;
RESET client_min_messages;

REVOKE SELECT (label, image) ON strokes FROM regress_hwr_viewer;
SELECT hwr_drop_model(:'model');
SELECT hwr_drop_model('other');
SELECT hwr_drop_model('trained');
DROP ROLE regress_hwr_viewer;
DROP VIEW keyless;
DROP TABLE "<b>rows</b>", keys, words, pages, truth;
DROP TYPE writer;
DROP FUNCTION marks, titles;
