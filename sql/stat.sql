--
-- What recognition has done: hwr_stat, EXPLAIN
--
SET hwr.batch = off;
SELECT hwr_import_model(stroke_model(), name) FROM unnest('{counted,strokes}'::text[]) name;
CREATE VIEW counts AS SELECT model, version, calls, images, batches, service_images, errors FROM hwr_stat WHERE model = 'counted';

-- A call, a batch and an image each
SELECT count(hwr_recognize(image, 'counted')) FROM strokes;
TABLE counts;
SELECT prepare_time > 0 AS prepare, queue_time, network_time > 0 AS network, decode_time > 0 AS decode, since <= now() AS since, scope, database = current_database() AS here
	FROM hwr_stat WHERE model = 'counted';

-- NULL is not a call; an array is one, in batches of 16.
SELECT hwr_recognize(NULL::bytea, 'counted');
SELECT cardinality(hwr_recognize_batch(array_agg(image), 'counted')) FROM strokes, generate_series(1, 3);
TABLE counts;

-- So is a table.
SELECT hwr_stat_reset();
SELECT images FROM hwr_evaluate('strokes', 'counted');
TABLE counts;

-- What is rolled back was done, and what failed is counted.
SELECT hwr_stat_reset();
BEGIN;
SELECT hwr_recognize(image, 'counted') FROM strokes WHERE id = 1;
ROLLBACK;
SELECT hwr_recognize('no image'::bytea, 'counted');
TABLE counts;

-- Another version has figures of its own; a name that is new too.
SELECT hwr_import_model(stroke_model(), 'counted');
SELECT hwr_recognize(image, 'counted') FROM strokes WHERE id = 1;
TABLE counts ORDER BY version;

-- EXPLAIN
CREATE FUNCTION explain(statement text, options text DEFAULT 'ANALYZE, VERBOSE, COSTS off, TIMING off, SUMMARY off') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE format('EXPLAIN (%s) %s', options, statement) LOOP
		RETURN NEXT line;
	END LOOP;
END $$;
SELECT line FROM explain($$SELECT hwr_recognize(image, 'counted') FROM strokes$$) line WHERE line ~ 'Handwriting';
SELECT line FROM explain($$SELECT hwr_recognize_batch(array_agg(image), 'counted'), hwr_score((array_agg(image))[1], 'I', 'strokes') FROM strokes$$) line WHERE line ~ 'Handwriting';
SELECT regexp_replace(line, '\d+\.\d{3}', 'N', 'g') FROM explain($$SELECT hwr_recognize(image, 'counted') FROM strokes$$, 'ANALYZE, VERBOSE') line WHERE line ~ 'Handwriting';
SELECT string_agg(line, '')::jsonb -> 1 FROM explain($$SELECT hwr_recognize(image, 'counted') FROM strokes$$, 'ANALYZE, VERBOSE, TIMING off, FORMAT json') line;
-- not without images, VERBOSE or ANALYZE, and not what an earlier statement did
SELECT line FROM explain($$SELECT label FROM strokes$$) line WHERE line ~ 'Handwriting';
SELECT line FROM explain($$SELECT hwr_recognize(image, 'counted') FROM strokes$$, 'ANALYZE') line WHERE line ~ 'Handwriting';
SELECT line FROM explain($$SELECT hwr_recognize(image, 'counted') FROM strokes$$, 'VERBOSE') line WHERE line ~ 'Handwriting';
-- an EXPLAIN that fails leaves nothing behind
\set VERBOSITY terse
SELECT explain($$SELECT hwr_recognize('no image'::bytea, 'counted')$$);
\set VERBOSITY default
SELECT line FROM explain($$SELECT hwr_recognize(image, 'counted') FROM strokes WHERE id = 1$$) line WHERE line ~ 'Handwriting';

-- Resetting is for whom it is granted to.
CREATE ROLE regress_hwr_stat;
SET ROLE regress_hwr_stat;
SELECT hwr_stat_reset();
RESET ROLE;
GRANT EXECUTE ON FUNCTION hwr_stat_reset TO regress_hwr_stat;
SET ROLE regress_hwr_stat;
SELECT hwr_stat_reset();
RESET ROLE;
SELECT count(*) FROM hwr_stat;

DROP OWNED BY regress_hwr_stat;
DROP ROLE regress_hwr_stat;
DROP FUNCTION explain;
DROP VIEW counts;
SELECT hwr_drop_model(name) FROM unnest('{counted,strokes}'::text[]) name;
