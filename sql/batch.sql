--
-- Batches behind plain SQL
--
-- Only a session that has loaded the library plans with it.
LOAD 'hwr';
SET hwr.batch = auto;
SELECT hwr_import_model(stroke_model(), name) FROM unnest('{strokes,other}'::text[]) name;
CREATE TABLE fields AS
	SELECT n * 10 + id AS id, label, CASE WHEN (n * 10 + id) % 7 > 0 THEN image END AS image, n AS form, '{"a": 1}'::jsonb AS about, now() AS entered
		FROM strokes, generate_series(0, 5) n ORDER BY n, id;
CREATE INDEX ON fields (id);
ANALYZE fields;
SET enable_bitmapscan = off;
SET enable_nestloop = off;
SET max_parallel_workers_per_gather = 0;

-- Where images are read in batches
EXPLAIN (COSTS OFF, VERBOSE) SELECT id, hwr_recognize(image, 'strokes') FROM fields;
EXPLAIN (COSTS OFF) SELECT upper(hwr_recognize(image, 'strokes')) || '!', hwr_score(image, label, 'strokes') FROM fields WHERE label LIKE 'I%' AND id % 2 = 0;
EXPLAIN (COSTS OFF) SELECT id FROM fields WHERE hwr_recognize(image, 'strokes') = label AND id > 10;
EXPLAIN (COSTS OFF) SELECT id, hwr_recognize(image, 'strokes') FROM fields WHERE id = 12;
EXPLAIN (COSTS OFF) SELECT f.id, hwr_recognize(f.image, 'strokes'), s.id FROM fields f JOIN strokes s ON s.id = f.form;
EXPLAIN (COSTS OFF) SELECT hwr_recognize(image, 'strokes') FROM fields ORDER BY label, id LIMIT 3;
EXPLAIN (COSTS OFF) SELECT id FROM fields ORDER BY hwr_recognize(image, 'strokes');
EXPLAIN (COSTS OFF) SELECT count(hwr_recognize(image, 'strokes')) FROM fields;
EXPLAIN (COSTS OFF) SELECT form, count(hwr_recognize(image, 'strokes')) FROM fields GROUP BY form;
EXPLAIN (COSTS OFF) SELECT hwr_recognize(image, 'strokes') FROM fields UNION ALL SELECT hwr_recognize(image, 'strokes') FROM strokes;
EXPLAIN (COSTS OFF) SELECT hwr_recognize(image, 'strokes') FROM (SELECT * FROM fields ORDER BY id LIMIT 7) f WHERE id > 10;
EXPLAIN (COSTS OFF) SELECT s.id, (SELECT string_agg(hwr_recognize(image, 'strokes'), ' ') FROM fields f WHERE f.form = s.id) FROM strokes s;
EXPLAIN (COSTS OFF) INSERT INTO strokes SELECT id, hwr_recognize(image, 'strokes'), image FROM fields;
EXPLAIN (COSTS OFF) CREATE TABLE readings AS SELECT id, hwr_recognize(image, 'strokes') FROM fields;
EXPLAIN (COSTS OFF) DECLARE c CURSOR FOR SELECT id, hwr_recognize(image, 'strokes') FROM fields ORDER BY label LIMIT 10;
EXPLAIN (COSTS OFF) DECLARE c CURSOR FOR SELECT id, hwr_recognize(image, 'strokes') FROM fields;
EXPLAIN (COSTS OFF) SELECT id, hwr_recognize(image, 'strokes') FROM fields WHERE entered > now() - interval '1 day';
EXPLAIN (COSTS OFF) SELECT nextval(NULL::regclass), hwr_recognize(image, 'strokes') FROM fields;
EXPLAIN (COSTS OFF) SELECT hwr_recognize(image, 'strokes', 1) FROM fields;
EXPLAIN (COSTS OFF) SELECT hwr_score(image, label, 'strokes', 1) FROM fields;
EXPLAIN (COSTS OFF) SELECT hwr_posterior(image, 'strokes') FROM fields;

-- Where they are not: a child that must not run ahead, because it is volatile, may fail on a row, or locks rows,
EXPLAIN (COSTS OFF) SELECT hwr_recognize(image, 'strokes') FROM fields WHERE random() < 2;
EXPLAIN (COSTS OFF) SELECT hwr_recognize(image, 'strokes') FROM fields WHERE 10 / form > 1;
EXPLAIN (COSTS OFF) SELECT hwr_recognize(image, 'strokes'), n FROM (SELECT image, 1 / form AS n FROM fields OFFSET 0) f;
EXPLAIN (COSTS OFF) SELECT hwr_recognize(image, 'strokes') FROM fields FOR UPDATE;
EXPLAIN (COSTS OFF) UPDATE fields SET label = hwr_recognize(image, 'strokes');
EXPLAIN (COSTS OFF) DELETE FROM fields WHERE hwr_recognize(image, 'strokes') <> label;
EXPLAIN (COSTS OFF) WITH gone AS (DELETE FROM strokes RETURNING id) SELECT hwr_recognize(image, 'strokes') FROM fields;
-- a call that is not sure to be made, or of another image than a column,
EXPLAIN (COSTS OFF) SELECT CASE WHEN form = 1 THEN hwr_recognize(image, 'strokes') END FROM fields;
EXPLAIN (COSTS OFF) SELECT coalesce(label, hwr_recognize(image, 'strokes')) FROM fields;
EXPLAIN (COSTS OFF) SELECT form = 1 AND hwr_recognize(image, 'strokes') = 'I' FROM fields;
EXPLAIN (COSTS OFF) SELECT form = 1 OR hwr_recognize(image, 'strokes') = 'I' FROM fields;
EXPLAIN (COSTS OFF) SELECT count(hwr_recognize(image, 'strokes')) FILTER (WHERE form = 1) FROM fields;
EXPLAIN (COSTS OFF) SELECT hwr_recognize(image || '', 'strokes') FROM fields;
EXPLAIN (COSTS OFF) SELECT hwr_recognize(image, 'strokes'), generate_series(1, 2) FROM fields;
-- a cursor that moves freely, and a setting
EXPLAIN (COSTS OFF) DECLARE c SCROLL CURSOR FOR SELECT id, hwr_recognize(image, 'strokes') FROM fields ORDER BY label LIMIT 10;
SET hwr.batch = off;
EXPLAIN (COSTS OFF) SELECT id, hwr_recognize(image, 'strokes') FROM fields;
SET hwr.batch = maybe;
SELECT value, set_config('hwr.batch', value, false) FROM unnest('{on,true,yes,1,off,false,no,0,auto}'::text[]) value;

RESET enable_nestloop;

-- The same rows in the same order.  Shows what was different.
CREATE FUNCTION rows_of(statement text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	result text[] := '{}';
	line record;
BEGIN
	FOR line IN EXECUTE statement LOOP
		result := result || line::text;
	END LOOP;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN ARRAY[SQLSTATE, SQLERRM];
END $$;
CREATE FUNCTION same(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	auto text[];
	off text[];
BEGIN
	PERFORM set_config('hwr.batch', 'off', true);
	off := rows_of(statement);
	PERFORM set_config('hwr.batch', 'auto', true);
	auto := rows_of(statement);
	IF auto = off THEN
		RETURN 'same, ' || CASE WHEN off[1] ~ '^\d{5}$' THEN 'SQLSTATE ' || off[1] ELSE cardinality(off) || ' rows' END;
	END IF;
	RETURN format('%s differs: %s and %s', statement, off, auto);
END $$;
SELECT same(statement) FROM (VALUES
	('SELECT id, label, hwr_recognize(image, ''strokes'') FROM fields'),
	('SELECT id, image IS NULL, hwr_recognize(image, ''strokes'') FROM fields WHERE label LIKE ''I%'' ORDER BY id DESC'),
	('SELECT id FROM fields WHERE hwr_recognize(image, ''strokes'') LIKE ''_I%'''),
	('SELECT id FROM fields WHERE hwr_recognize(image, ''strokes'') IS NULL AND id > 20'),
	('SELECT f.id, s.id, hwr_recognize(s.image, ''strokes''), hwr_recognize(f.image, ''other'') FROM fields f, strokes s WHERE f.form = s.id ORDER BY 1, 2'),
	('SELECT f.id, s.id FROM fields f LEFT JOIN strokes s ON s.id = f.form AND s.id > 2 WHERE hwr_recognize(s.image, ''strokes'') IS DISTINCT FROM ''I'' ORDER BY 1, 2'),
	('SELECT form, string_agg(hwr_recognize(image, ''strokes''), '','' ORDER BY id), count(DISTINCT hwr_recognize(image, ''strokes'')) FROM fields GROUP BY form ORDER BY form'),
	('SELECT hwr_recognize(image, ''strokes''), count(*) FROM fields GROUP BY 1 ORDER BY 1'),
	('SELECT max(hwr_recognize(image, ''strokes'')) OVER (ORDER BY id), id FROM fields'),
	('SELECT id, rank() OVER (ORDER BY hwr_recognize(image, ''strokes''), id) FROM fields ORDER BY id'),
	('SELECT DISTINCT hwr_recognize(image, ''strokes'') FROM fields ORDER BY 1'),
	('SELECT hwr_recognize(image, ''strokes'') FROM fields WHERE id < 30 EXCEPT ALL SELECT hwr_recognize(image, ''other'') FROM strokes ORDER BY 1'),
	('SELECT s.id, ARRAY(SELECT hwr_recognize(image, ''strokes'') FROM fields f WHERE f.form = s.id ORDER BY id) FROM strokes s ORDER BY id'),
	('SELECT s.id, (SELECT hwr_recognize(image, ''strokes'') FROM fields f WHERE f.id = s.id + 10) FROM strokes s ORDER BY id'),
	('SELECT s.id, l.* FROM strokes s, LATERAL (SELECT id, hwr_recognize(image, ''strokes'') FROM fields f WHERE f.form = s.id ORDER BY id LIMIT s.id) l ORDER BY 1, 2'),
	('WITH r AS MATERIALIZED (SELECT id, hwr_recognize(image, ''strokes'') AS t FROM fields) SELECT a.id, b.id FROM r a JOIN r b ON a.t = b.t AND a.id < b.id ORDER BY 1, 2'),
	('SELECT id, hwr_recognize(image, CASE WHEN id % 2 = 0 THEN ''strokes'' ELSE ''other'' END) FROM fields'),
	('SELECT hwr_recognize(image, ''strokes''), hwr_recognize(image, ''other''), hwr_score(image, label, ''strokes'') FROM fields'),
	('SELECT hwr_recognize(image, ''strokes'', 1), hwr_score(image, label, ''strokes'', 1), hwr_recognize(image, ''strokes'') FROM fields'),
	('SELECT hwr_recognize(image, ''strokes'', 2) FROM fields'),
	('SELECT hwr_text(hwr_posterior(image, ''strokes'')) FROM fields'),
	('SELECT f, hwr_recognize(f.image, ''strokes'') FROM fields f WHERE f.id < 9'),
	('SELECT ctid, tableoid::regclass, hwr_recognize(image, ''strokes'') FROM fields'),
	('SELECT hwr_recognize(image, ''strokes'') FROM fields LIMIT 0'),
	('SELECT hwr_recognize(image, ''strokes'') FROM fields LIMIT 9 OFFSET 3'),
	('SELECT hwr_recognize(image, ''strokes'') FROM fields ORDER BY form FETCH FIRST 3 ROWS WITH TIES'),
	('SELECT * FROM (SELECT hwr_recognize(image, ''strokes'') AS t FROM fields OFFSET 0) f WHERE t LIKE ''I%'' LIMIT 3'),
	('SELECT hwr_recognize(image, ''strokes'') FROM (VALUES (1), (2)) v (n), strokes TABLESAMPLE bernoulli (100)'),
	('SELECT hwr_recognize(image, ''nobody'') FROM fields'),
	('SELECT 1 / (id - 12), hwr_recognize(image, ''strokes'') FROM fields'),
	('SELECT hwr_recognize(image, ''strokes''), 1 / (id - 12) FROM fields')) v (statement);

-- What runs ahead must not be noticed.  mark counts the rows that were begun, also those before an error.
CREATE SEQUENCE marks;
CREATE FUNCTION mark(i integer) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('marks'); RETURN i; END $$;
CREATE FUNCTION marked_rows_of(statement text, batch text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	result text[];
BEGIN
	PERFORM set_config('hwr.batch', batch, true), setval('marks', 1);
	result := rows_of(statement);
	RETURN (nextval('marks') - 2)::text || result;
END $$;
CREATE FUNCTION same_marks(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	-- in this order, so that a plan that is kept is one with batches
	auto text[] := marked_rows_of(statement, 'auto');
	off text[] := marked_rows_of(statement, 'off');
BEGIN
	IF auto = off THEN
		RETURN format('same, %s begun, ', off[1]) ||
			CASE WHEN off[2] ~ '^[0-9A-Z]{5}$' THEN 'SQLSTATE ' || off[2] ELSE cardinality(off) - 1 || ' rows' END;
	END IF;
	RETURN format('%s differs: %s and %s', statement, off, auto);
END $$;
CREATE FUNCTION failing_compare(a integer, b integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RAISE data_exception; END $$;
CREATE OPERATOR <~ (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4lt);
CREATE OPERATOR ~> (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4gt);
CREATE OPERATOR CLASS failing_ops FOR TYPE integer USING btree AS OPERATOR 1 <~, OPERATOR 3 =, OPERATOR 5 ~>, FUNCTION 1 failing_compare(integer, integer);
CREATE FUNCTION all_fields() RETURNS SETOF fields LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN QUERY SELECT * FROM fields ORDER BY id; END $$;
CREATE TABLE one AS SELECT 1 AS x;
CREATE TABLE zeros AS SELECT i, CASE WHEN i = 2 THEN 0 ELSE 1 END AS x FROM generate_series(1, 3) i;
CREATE TABLE limits AS SELECT * FROM (VALUES (2), (5), (3)) g (g);
CREATE TABLE two AS SELECT * FROM (VALUES (1), (2)) v (a);
CREATE TABLE collated (id integer, image bytea, a text COLLATE "C", b text COLLATE "POSIX");
INSERT INTO collated SELECT id, image, label, label FROM fields;
ANALYZE one, zeros, limits, two, collated;
SET plan_cache_mode = force_generic_plan;
PREPARE divided(integer) AS SELECT mark(id), hwr_recognize(image, 'strokes') FROM fields WHERE id < 5 OR form = 10 / $1;
SELECT same_marks(statement) FROM (VALUES
	-- a limit that changes, with a sort below
	('SELECT g.g, s.* FROM limits g, LATERAL (SELECT two.a, count(s.id) AS n FROM two LEFT JOIN (SELECT id, hwr_recognize(image, ''strokes'') AS t FROM fields WHERE image IS NOT NULL ORDER BY label LIMIT g.g) s ON s.t IS NOT NULL WHERE two.a = 1 GROUP BY two.a) s'),
	-- a function's rows are all there, but their filter is evaluated one by one
	('SELECT mark(id), hwr_recognize(image, ''strokes'') FROM all_fields() WHERE 100 / (id - 6) IS NOT NULL AND hwr_recognize(image, ''strokes'') IS NOT NULL LIMIT 5'),
	('SELECT mark(id), hwr_recognize(image, ''strokes'') FROM all_fields() WHERE 100 / (id - 6) IS NOT NULL'),
	('SELECT id, currval(''marks''), hwr_recognize(image, ''strokes'') FROM all_fields() WHERE nextval(''marks'') > 0'),
	-- what has no column in it, but is not evaluated for the first row
	('EXECUTE divided(0)'),
	('SELECT mark(id), hwr_recognize(image, ''strokes'') FROM fields WHERE CASE WHEN id < 5 THEN true ELSE label ~ ''('' END'),
	('SELECT mark(id), hwr_recognize(image, ''strokes'') FROM fields WHERE (CASE WHEN id > 4 THEN label END ~ ''('') IS NULL'),
	('SELECT mark(id), hwr_recognize(image, ''strokes'') FROM collated WHERE id < 5 OR a = b'),
	('SELECT mark(id), hwr_recognize(image, ''strokes'') FROM fields WHERE id < 5 OR id = (SELECT 1 / (x - 1) FROM one) LIMIT 100'),
	-- a subquery that gives two values, a LIMIT that is none
	('SELECT mark(id), hwr_recognize(image, ''strokes'') FROM fields WHERE id < 5 OR id = (SELECT i FROM zeros)'),
	('SELECT mark(id), hwr_recognize(image, ''strokes'') FROM fields WHERE id < 5 OR id = (SELECT z.i FROM zeros z WHERE z.i < fields.id)'),
	('SELECT mark(id), hwr_recognize(image, ''strokes'') FROM (SELECT 5 - id AS n, * FROM fields ORDER BY id) f LEFT JOIN LATERAL (SELECT x FROM one LIMIT f.n) l ON true'),
	-- what reads all before its first row, but starts late
	('SELECT mark(id), hwr_recognize(image, ''strokes'') FROM (SELECT id, image, form FROM fields WHERE id < 5 UNION ALL (SELECT id, image, 1 / (id - 7) FROM fields ORDER BY 3)) q JOIN (VALUES (0), (1), (2)) v (g) ON v.g = q.form'),
	('SELECT mark(id), hwr_recognize(image, ''strokes'') FROM fields WHERE id < 5 OR id IN (SELECT sum(1 / x) FROM zeros GROUP BY ())'),
	-- and by texts of which their collations leave open how they compare, or by an order of a user's
	('SELECT mark(id), hwr_recognize(image, ''strokes'') FROM (SELECT id, image FROM collated WHERE id < 13 UNION ALL (SELECT id, image FROM (SELECT id, image, coalesce(a, b) AS x FROM collated WHERE id > 30 OFFSET 0) c ORDER BY x LIMIT 100) OFFSET 0) q'),
	('SELECT mark(id), hwr_recognize(image, ''strokes'') FROM (SELECT id, image FROM collated WHERE id < 13 UNION ALL (SELECT id, image FROM collated WHERE id > 54 ORDER BY id USING <~ LIMIT 100) OFFSET 0) q')) v (statement);
DEALLOCATE divided;
RESET plan_cache_mode;
BEGIN;
SET LOCAL enable_material = off;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SELECT same_marks('SELECT mark(id), last_value, hwr_recognize(image, ''strokes'') FROM fields LEFT JOIN marks ON true');
SELECT same_marks('SELECT mark(f.id), hwr_recognize(f.image, ''strokes'') FROM fields f LEFT JOIN LATERAL (SELECT y FROM (SELECT 1 / x AS y FROM zeros ORDER BY 1 OFFSET 0) z WHERE f.id > 4 OFFSET 0) q ON true');
ROLLBACK;
BEGIN;
SET LOCAL enable_hashagg = off;
SELECT same_marks('SELECT mark(id), hwr_recognize(image, ''strokes'') FROM (SELECT id, max(coalesce(a, b)) AS x, image FROM (SELECT CASE WHEN id < 30 THEN id ELSE 30 END AS id, a, b, CASE WHEN id < 30 THEN image END AS image FROM collated WHERE image IS NOT NULL) c GROUP BY id, image OFFSET 0) q WHERE x IS NOT NULL');
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SET LOCAL plan_cache_mode = force_generic_plan;
SET LOCAL enable_nestloop = on;
PREPARE counted(integer) AS SELECT mark(id), hwr_recognize(image, 'strokes'), n FROM (SELECT id, image, CASE WHEN id < 14 THEN 0 ELSE 40 END AS most FROM fields WHERE image IS NOT NULL ORDER BY id OFFSET 0) c,
	LATERAL (SELECT count(*) AS n FROM fields f WHERE f.id < c.most AND f.form < 1 / $1 OFFSET 0) l;
SELECT same_marks('EXECUTE counted(0)');
DEALLOCATE counted;
ROLLBACK;
-- what is certain to be done before the first row may be anything
EXPLAIN (COSTS OFF) SELECT hwr_recognize(image, 'strokes') FROM all_fields() WHERE id > 6;
EXPLAIN (COSTS OFF) SELECT hwr_recognize(image, 'strokes') FROM fields WHERE id = (SELECT 1 / x FROM one);
EXPLAIN (COSTS OFF) SELECT hwr_recognize(image, 'strokes') FROM (SELECT image, 1 / id AS n FROM fields ORDER BY 2) f;
EXPLAIN (COSTS OFF) SELECT hwr_recognize(f.image, 'strokes') FROM fields f JOIN (SELECT 1 / i AS i FROM zeros OFFSET 0) z ON z.i = f.form;
EXPLAIN (COSTS OFF) SELECT hwr_recognize(image, 'strokes'), n FROM (SELECT image, count(*) AS n FROM fields GROUP BY image) f;
-- but for groups that go to disk
EXPLAIN (COSTS OFF) SELECT hwr_recognize(image, 'strokes'), n FROM (SELECT image, count(1 / id) AS n FROM fields GROUP BY image) f;

-- Settings and the role may change while a statement runs: by its own functions,
CREATE FUNCTION rows_at_once(statement text, batch text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	result text[];
BEGIN
	PERFORM set_config('hwr.batch', batch, true), set_config('regress.x', '1', false);
	EXECUTE 'CREATE TEMP TABLE got AS ' || statement;
	result := array_agg(got::text ORDER BY ctid) FROM got;
	DROP TABLE got;
	RETURN result;
END $$;
CREATE FUNCTION same_at_once(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	auto text[] := rows_at_once(statement, 'auto');
	off text[] := rows_at_once(statement, 'off');
BEGIN
	RETURN CASE WHEN auto = off THEN 'same, ' || cardinality(off) || ' rows' ELSE format('%s differs: %s and %s', statement, off, auto) END;
END $$;
CREATE FUNCTION lazily() RETURNS SETOF integer LANGUAGE sql AS $$
	SELECT id FROM fields WHERE id % 3 = current_setting('regress.x')::integer AND hwr_recognize(image, 'strokes') IS DISTINCT FROM '';
$$;
CREATE FUNCTION change(state text, id integer) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN set_config('regress.x', ((id + 1) % 3)::text, false); END $$;
CREATE AGGREGATE changes(integer) (SFUNC = change, STYPE = text);
CREATE DOMAIN changing AS text CHECK (set_config('regress.x', VALUE, false) <> '');
CREATE TYPE changing_row AS (x changing);
CREATE FUNCTION in_a_loop() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line record;
	result text := '';
BEGIN
	FOR line IN SELECT id FROM fields, two WHERE id % 3 = current_setting('regress.x')::integer AND hwr_recognize(image, 'strokes') IS DISTINCT FROM '' LOOP
		PERFORM set_config('regress.x', ((line.id + 1) % 3)::text, false);
		result := result || line.id || ' ';
	END LOOP;
	RETURN result;
END $$;
SELECT same_at_once(statement) FROM (VALUES
	('SELECT id, t, set_config(''regress.x'', ((id + 1) % 3)::text, false) FROM (SELECT id, hwr_recognize(image, ''strokes'') AS t FROM fields WHERE id % 3 = current_setting(''regress.x'')::integer OFFSET 0) s'),
	('WITH s AS MATERIALIZED (SELECT id, hwr_recognize(image, ''strokes'') AS t FROM fields WHERE id % 3 = current_setting(''regress.x'')::integer) SELECT id, t, set_config(''regress.x'', ((id + 1) % 3)::text, false) FROM s'),
	('SELECT id, set_config(''regress.x'', ((id + 1) % 3)::text, false) FROM (SELECT lazily() AS id OFFSET 0) l'),
	('SELECT in_a_loop()'),
	('SELECT (SELECT string_agg(id || set_config(''regress.x'', ((id + 1) % 3)::text, false), '','') FROM (SELECT id, hwr_recognize(image, ''strokes'') AS t FROM fields WHERE id % 3 = current_setting(''regress.x'')::integer OFFSET 0) s WHERE t IS DISTINCT FROM '''')'),
	('SELECT id, t, changes(id) OVER (ROWS UNBOUNDED PRECEDING) FROM (SELECT id, hwr_recognize(image, ''strokes'') AS t FROM fields WHERE id % 3 = current_setting(''regress.x'')::integer OFFSET 0) s'),
	('SELECT id, t, jsonb_populate_record(NULL::changing_row, jsonb_build_object(''x'', (id + 1) % 3)) FROM (SELECT id, hwr_recognize(image, ''strokes'') AS t FROM fields WHERE id % 3 = current_setting(''regress.x'')::integer OFFSET 0) s'),
	('SELECT id, t, concat(''{'', (id + 1) % 3, ''}'')::changing[] FROM (SELECT id, hwr_recognize(image, ''strokes'') AS t FROM fields WHERE id % 3 = current_setting(''regress.x'')::integer OFFSET 0) s'),
	('SELECT id, hwr_recognize(image, ''strokes'') FROM fields WHERE id % 3 = current_setting(''regress.x'')::integer')) v (statement);
CREATE TABLE kept (id serial, of integer, t text);
SET regress.x = 1;
EXPLAIN (COSTS OFF) INSERT INTO kept (of, t) SELECT id, hwr_recognize(image, 'strokes') FROM fields WHERE id % 3 = current_setting('regress.x')::integer;
EXPLAIN (COSTS OFF) INSERT INTO kept (of, t) SELECT id, hwr_recognize(image, 'strokes') FROM fields WHERE id % 3 = current_setting('regress.x')::integer RETURNING set_config('regress.x', '2', false);
INSERT INTO kept (of, t) SELECT id, hwr_recognize(image, 'strokes') FROM fields WHERE id % 3 = current_setting('regress.x')::integer RETURNING of, set_config('regress.x', '2', false);
ALTER TABLE kept ADD CHECK (set_config('regress.x', '2', false) <> '');
EXPLAIN (COSTS OFF) INSERT INTO kept (of, t) SELECT id, hwr_recognize(image, 'strokes') FROM fields WHERE id % 3 = current_setting('regress.x')::integer;
-- or between two calls for its rows.
CREATE TABLE times AS SELECT id, image, '2024-01-01 23:30+00'::timestamptz AS t, '2024-01-02'::date AS d FROM fields;
CREATE FUNCTION rows_after(change text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	SET LOCAL TimeZone = 'UTC';
	EXECUTE 'DECLARE c NO SCROLL CURSOR FOR SELECT id, hwr_recognize(image, ''strokes'') FROM times WHERE t < d';
	EXECUTE 'FETCH 4 FROM c';
	EXECUTE change;
	EXECUTE 'FETCH ALL FROM c';
	GET DIAGNOSTICS n = ROW_COUNT;
	EXECUTE 'CLOSE c';
	RETURN n;
END $$;
SELECT rows_after('SET LOCAL TimeZone = ''Europe/Berlin''');
SELECT rows_after('SET LOCAL TimeZone = ''UTC''');
SELECT hwr_stat_reset();
SELECT count(hwr_recognize(image, 'strokes')) FROM times WHERE t < d;
SELECT images / batches > 4 AS batched FROM hwr_stat WHERE model = 'strokes';
DROP FUNCTION mark, marked_rows_of, same_marks, all_fields, rows_at_once, same_at_once, lazily, in_a_loop, rows_after;
DROP AGGREGATE changes(integer);
DROP FUNCTION change;
DROP TYPE changing_row;
DROP DOMAIN changing;
DROP OPERATOR FAMILY failing_ops USING btree;
DROP OPERATOR <~ (integer, integer), ~> (integer, integer);
DROP FUNCTION failing_compare;
DROP TABLE one, zeros, limits, two, collated, kept, times;
DROP SEQUENCE marks;

-- Where the error comes.  note says which rows were begun.
CREATE FUNCTION note(id integer) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'row %', id; RETURN id; END $$;
CREATE TABLE faulty AS SELECT id, CASE WHEN id = 6 THEN 'no image' ELSE image END AS image, form FROM fields WHERE id < 19 ORDER BY id;
SELECT note(id), hwr_recognize(image, 'strokes') FROM faulty;
SELECT hwr_recognize(image, 'strokes'), note(id) FROM faulty;
SELECT note(id) FROM faulty WHERE hwr_recognize(image, 'strokes') <> '_';
SELECT count(hwr_recognize(image, 'strokes')), max(note(id)) FROM faulty;
-- not at all where the row is not wanted
SELECT note(id), hwr_recognize(image, 'strokes') FROM faulty LIMIT 5;
SELECT note(id) FROM (SELECT id, hwr_recognize(image, 'strokes') AS t FROM faulty OFFSET 0) f WHERE t LIKE 'I%' LIMIT 3;
-- nor does a filter fail before it would have
SELECT note(id), hwr_recognize(image, 'strokes') FROM faulty WHERE 1 / (id - 8) > -1;
INSERT INTO strokes SELECT 100 + note(id), hwr_recognize(image, 'strokes'), image FROM faulty;

-- No more images are read than wanted.
SELECT hwr_stat_reset();
CREATE VIEW counts AS SELECT calls, images, batches, errors FROM hwr_stat WHERE model = 'strokes';
SELECT hwr_recognize(image, 'strokes') FROM fields LIMIT 1;
TABLE counts;
SELECT hwr_stat_reset();
SELECT hwr_recognize(image, 'strokes') FROM strokes LIMIT 2 OFFSET 3;
TABLE counts;
SELECT hwr_stat_reset();
PREPARE few(integer) AS SELECT hwr_recognize(image, 'strokes') FROM fields ORDER BY id LIMIT $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE few(3);
TABLE counts;
EXPLAIN (COSTS OFF, ANALYZE, TIMING OFF, SUMMARY OFF) EXECUTE few(5);
RESET plan_cache_mode;
DEALLOCATE few;
-- a faulty image is an error once it is asked for
SELECT hwr_stat_reset();
SELECT id, hwr_recognize(image, 'strokes') FROM faulty LIMIT 5;
TABLE counts;
-- all of them in batches of 1, 2, 4, 8, 16
SELECT hwr_stat_reset();
SELECT count(hwr_recognize(image, 'strokes')) FROM strokes, generate_series(1, 5);
TABLE counts;
EXPLAIN (COSTS OFF, ANALYZE, TIMING OFF, SUMMARY OFF) SELECT hwr_recognize(image, 'strokes') FROM fields;
-- one image for many rows is read once a batch at most
SELECT hwr_stat_reset();
SELECT count(hwr_score(f.image, s.label, 'strokes')) FROM (SELECT * FROM fields WHERE id = 1) f, strokes s, generate_series(1, 10);
SELECT images <= 2 AS few FROM counts;
-- where most calls are not made, reading ahead ends
SELECT hwr_stat_reset();
CREATE FUNCTION model_of(id integer) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN CASE WHEN id < 3 THEN 'strokes' ELSE 'other' END; END $$;
SELECT count(hwr_recognize(image, model_of(id))) FROM fields, generate_series(1, 10);
SELECT images < 50 AS few FROM counts;
DROP FUNCTION model_of;
-- a version is read by itself
SELECT hwr_stat_reset();
SELECT count(hwr_recognize(image, 'strokes', 1)), count(hwr_score(image, '', 'strokes', 1)) FROM strokes;
TABLE counts;
-- what is read in vain counts to the end
EXPLAIN (COSTS OFF, ANALYZE, TIMING OFF, SUMMARY OFF) SELECT id FROM strokes WHERE hwr_recognize(image, 'strokes') > '' LIMIT 5;
-- and is no more than 16 images and a fifth, wherever the statement ends and however many models it asks for
CREATE TABLE many AS SELECT n * 10 + id AS id, image || int4send(n) AS image FROM strokes, generate_series(0, 7) n WHERE id <= 8 ORDER BY n, id;
SELECT hwr_import_model(stroke_model(), name) FROM unnest('{third,fourth}'::text[]) name;
CREATE FUNCTION read_ahead(statement text, OUT gathers bigint, OUT images bigint, OUT unused bigint) LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, FORMAT json) ' || statement INTO plan;
	gathers := (SELECT count(*) FROM regexp_matches(plan::text, '"Node Type": "Gather', 'g'));
	images := (SELECT sum(m[1]::bigint) FROM regexp_matches(plan::text, '"Images Read Ahead": (\d+)', 'g') m);
	unused := (SELECT sum(m[1]::bigint) FROM regexp_matches(plan::text, '"Unused Readings": (\d+)', 'g') m);
END $$;
SELECT min(images) > 0 AS ahead, max(images) > 60 AS many, max(unused) > 5 AS unused, count(*) FILTER (WHERE unused > 16 + images / 5) AS too_many
	FROM generate_series(2, 64) n, read_ahead(format('SELECT id, hwr_recognize(image, %L),
		CASE WHEN id < 3 THEN hwr_recognize(image, %L) WHEN id < 5 THEN hwr_recognize(image, %L) WHEN id < 15 THEN hwr_recognize(image, %L) END
		FROM many WHERE hwr_recognize(image, %1$L) >= %6$L LIMIT %7$s', 'strokes', 'other', 'third', 'fourth', 'x', '', n));
-- all that are asked for are read ahead, whichever models
SELECT images, unused FROM read_ahead('SELECT hwr_recognize(image, ''strokes''), hwr_recognize(image, ''other''), hwr_recognize(image, ''third''), hwr_recognize(image, ''fourth'') FROM many');
DROP TABLE many;
-- what other statements ask for while a cursor is open is not the cursor's to read
SELECT hwr_stat_reset();
BEGIN;
DECLARE c NO SCROLL CURSOR FOR SELECT id, hwr_recognize(image, 'strokes') FROM strokes WHERE id <= 8;
FETCH c;
SELECT hwr_recognize(image, 'other') FROM strokes WHERE id = 1;
MOVE ALL IN c;
COMMIT;
SELECT model, calls, images FROM hwr_stat WHERE calls > 0 ORDER BY model;

-- Cursors go back too.
CREATE FUNCTION walk(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line record;
	result text := '';
	step text;
BEGIN
	EXECUTE 'DECLARE walker CURSOR FOR ' || statement;
	FOREACH step IN ARRAY '{NEXT,NEXT,NEXT,PRIOR,PRIOR,PRIOR,PRIOR,NEXT,NEXT,FORWARD 9,PRIOR,PRIOR,NEXT,LAST,PRIOR,NEXT,NEXT,NEXT,PRIOR,BACKWARD 5,NEXT,FIRST,NEXT,ABSOLUTE 20,PRIOR,NEXT,RELATIVE -3,NEXT}'::text[] LOOP
		EXECUTE 'FETCH ' || step || ' FROM walker' INTO line;
		result := result || coalesce(line::text, '-');
	END LOOP;
	EXECUTE 'CLOSE walker';
	RETURN result;
END $$;
CREATE FUNCTION same_walk(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	auto text;
	off text;
BEGIN
	PERFORM set_config('hwr.batch', 'off', true);
	off := walk(statement);
	PERFORM set_config('hwr.batch', 'auto', true);
	auto := walk(statement);
	RETURN auto = off;
END $$;
SELECT same_walk('SELECT id, hwr_recognize(image, ''strokes'') FROM fields ORDER BY id LIMIT 30');
SELECT same_walk('SELECT id, hwr_recognize(image, ''strokes'') FROM (SELECT * FROM fields ORDER BY id LIMIT 30) f');
SELECT same_walk('SELECT id, hwr_recognize(image, ''strokes'') FROM fields');
SELECT same_walk('SELECT id FROM (SELECT * FROM fields ORDER BY form, id OFFSET 3) f WHERE hwr_recognize(image, ''strokes'') LIKE ''I%''');
DROP FUNCTION walk, same_walk;
BEGIN;
DECLARE c CURSOR FOR SELECT id, hwr_recognize(image, 'strokes') FROM fields;
FETCH 2 FROM c;
UPDATE fields SET label = 'updated' WHERE CURRENT OF c;
FETCH 5 FROM c;
DELETE FROM fields WHERE CURRENT OF c;
FETCH PRIOR FROM c;
UPDATE fields SET label = 'updated' WHERE CURRENT OF c;
SELECT id FROM fields WHERE label = 'updated' ORDER BY id;
SELECT count(*) FROM fields WHERE id = 7;
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM fields WHERE hwr_recognize(image, 'strokes') LIKE '_I%';
FETCH 4 FROM c;
UPDATE fields SET label = 'updated' WHERE CURRENT OF c;
SELECT id FROM fields WHERE label = 'updated';
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT id, hwr_recognize(image, 'strokes') FROM (SELECT * FROM fields OFFSET 0) f;
FETCH 3 FROM c;
UPDATE fields SET label = 'updated' WHERE CURRENT OF c;
SELECT id FROM fields WHERE label = 'updated';
ROLLBACK;

-- What changes while a cursor is open counts for the next row.
BEGIN;
DECLARE c NO SCROLL CURSOR FOR SELECT id, hwr_recognize(image, 'strokes') FROM fields ORDER BY id LIMIT 50;
FETCH 12 FROM c;
SAVEPOINT s;
SET LOCAL hwr.max_image_pixels = 10;
FETCH c;
ROLLBACK TO s;
ROLLBACK;
CREATE ROLE regress_hwr_batch;
GRANT SELECT ON fields TO regress_hwr_batch;
BEGIN;
DECLARE c NO SCROLL CURSOR FOR SELECT id, hwr_recognize(image, 'strokes') FROM fields ORDER BY id LIMIT 50;
FETCH 3 FROM c;
SET LOCAL ROLE regress_hwr_batch;
FETCH c;
ROLLBACK;

-- A prepared statement reads with the model that is active, and follows the setting.
PREPARE all_of AS SELECT string_agg(hwr_recognize(image, 'strokes'), ' ' ORDER BY id) FROM strokes WHERE id < 100;
SET plan_cache_mode = force_generic_plan;
EXECUTE all_of;
SELECT hwr_import_model(stroke_model('{"alphabet": "ABC"}'), 'strokes');
EXECUTE all_of;
SELECT hwr_activate_model('strokes', 1);
EXECUTE all_of;
SELECT hwr_stat_reset();
SET hwr.batch = off;
EXECUTE all_of;
SELECT images = batches AS single FROM counts WHERE images > 0;
SET hwr.batch = auto;
RESET plan_cache_mode;
DEALLOCATE all_of;

-- Writing what was read
CREATE TABLE readings AS SELECT id, hwr_recognize(image, 'strokes') AS t FROM fields;
INSERT INTO readings SELECT id + 1000, hwr_recognize(image, 'strokes') FROM fields;
SELECT count(*), count(t) FROM readings;
COPY (SELECT id, hwr_recognize(image, 'strokes') FROM fields WHERE id < 4) TO STDOUT;
DROP TABLE readings;

-- In parallel workers
BEGIN;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT id, hwr_recognize(image, 'strokes') FROM fields;
EXPLAIN (COSTS OFF) SELECT count(hwr_recognize(image, 'strokes')) FROM fields;
SELECT count(hwr_recognize(image, 'strokes')), count(image) FROM fields;
SELECT same('SELECT id, hwr_recognize(image, ''strokes'') FROM fields ORDER BY id');
-- what workers read is in EXPLAIN, also where the leader ends before them or asks them again
SET LOCAL parallel_leader_participation = off;
ALTER TABLE fields SET (parallel_workers = 2);
SELECT gathers, images > 0 AS counted FROM read_ahead('SELECT count(hwr_recognize(image, ''strokes'')) FROM fields');
SELECT gathers, images > 0 AS counted FROM read_ahead('SELECT id, hwr_recognize(image, ''strokes'') FROM fields LIMIT 30');
SELECT gathers, images > 0 AS counted FROM read_ahead('SELECT s.id, f.* FROM strokes s, LATERAL (SELECT count(hwr_recognize(image, ''strokes'')) FROM fields OFFSET s.id * 0) f');
ROLLBACK;

-- Partitions
CREATE TABLE parts (LIKE fields) PARTITION BY RANGE (id);
CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (30);
CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (30) TO (100);
INSERT INTO parts SELECT * FROM fields;
EXPLAIN (COSTS OFF) SELECT id, hwr_recognize(image, 'strokes') FROM parts;
SELECT same('SELECT id, hwr_recognize(image, ''strokes'') FROM parts');
BEGIN;
DECLARE c CURSOR FOR SELECT id, hwr_recognize(image, 'strokes') FROM parts WHERE form > 1;
FETCH 12 FROM c;
UPDATE parts SET label = 'updated' WHERE CURRENT OF c;
SELECT id FROM parts WHERE label = 'updated';
ROLLBACK;
DROP TABLE parts;

-- Row-level security
ALTER TABLE fields ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON fields USING (form = 1 OR current_user <> 'regress_hwr_batch');
SELECT hwr_grant_model('strokes', 'regress_hwr_batch');
SET ROLE regress_hwr_batch;
EXPLAIN (COSTS OFF) SELECT id, hwr_recognize(image, 'strokes') FROM fields;
SELECT id, hwr_recognize(image, 'strokes') FROM fields;
RESET ROLE;
CREATE ROLE regress_hwr_batch_other;
GRANT SELECT ON fields TO regress_hwr_batch_other;
SELECT hwr_grant_model('strokes', 'regress_hwr_batch_other');
SET ROLE regress_hwr_batch_other;
SELECT count(CASE WHEN id = 2 THEN set_config('role', 'regress_hwr_batch', false) ELSE '' END), count(t) FROM (SELECT id, hwr_recognize(image, 'strokes') AS t FROM fields OFFSET 0) f;
SET ROLE regress_hwr_batch_other;
SET hwr.batch = off;
SELECT count(CASE WHEN id = 2 THEN set_config('role', 'regress_hwr_batch', false) ELSE '' END), count(t) FROM (SELECT id, hwr_recognize(image, 'strokes') AS t FROM fields OFFSET 0) f;
SET hwr.batch = auto;
RESET ROLE;
DROP OWNED BY regress_hwr_batch, regress_hwr_batch_other;
DROP ROLE regress_hwr_batch, regress_hwr_batch_other;

-- A plan of many levels is looked through once, not 2^levels times.
DO $$
BEGIN
	EXECUTE 'SELECT hwr_fold(x) FROM ' || repeat('(SELECT x FROM ', 40) || '(VALUES (''A''), (''B'')) v (x)' || repeat(' OFFSET 0) s', 40);
END $$;

RESET enable_bitmapscan;
RESET max_parallel_workers_per_gather;
DROP VIEW counts;
DROP TABLE fields, faulty;
DROP FUNCTION note, same, rows_of, read_ahead;
SELECT hwr_drop_model(name) FROM unnest('{strokes,other,third,fourth}'::text[]) name;
