--
-- compare.sql
--	  Two versions on the same rows.
--

CREATE FUNCTION hwr.compared(model_a text, version_a integer, model_b text, version_b integer, data regclass, image_column name, label_column name,
							 OUT "row" bigint, OUT key text, OUT label text, OUT guess_a text, OUT guess_b text, OUT distance_a integer, OUT distance_b integer,
							 OUT length integer, OUT confidence_a double precision, OUT confidence_b double precision) RETURNS SETOF record
	LANGUAGE sql SET search_path = pg_catalog, pg_temp SET synchronize_seqscans = off AS $$
	-- Labels are mapped to each model's case, so each is compared in its own.
	SELECT a."row", a.key, a.label, a.guess, b.guess, a.distance, b.distance, a.length, a.confidence, b.confidence
	  FROM @extschema@.hwr_readings($5, $1, $2, $6, $7) a
		   JOIN @extschema@.hwr_readings($5, $3, $4, $6, $7) b ON coalesce(a.key, 'row ' || a."row") = coalesce(b.key, 'row ' || b."row")
	 WHERE a.distance IS NOT NULL AND b.distance IS NOT NULL;
$$;
COMMENT ON FUNCTION hwr.compared(text, integer, text, integer, regclass, name, name) IS 'the rows of a table as two versions read them';

CREATE FUNCTION hwr_compare(model_a text, version_a integer, model_b text, version_b integer, data regclass,
							image_column name DEFAULT NULL, label_column name DEFAULT NULL,
							OUT images bigint, OUT cer_a double precision, OUT cer_b double precision, OUT cer_difference double precision,
							OUT low double precision, OUT high double precision, OUT exact_a double precision, OUT exact_b double precision,
							OUT only_a_exact bigint, OUT only_b_exact bigint, OUT p_value real, OUT changed bigint) RETURNS record
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT s.images, hwr.shown(s.edits_a / s.characters), hwr.shown(s.edits_b / s.characters), hwr.shown((s.edits_b - s.edits_a) / s.characters),
		   hwr.shown(s.interval[1]), hwr.shown(s.interval[2]), hwr.shown(s.exact_a), hwr.shown(s.exact_b), s.only_a, s.only_b,
		   hwr.mcnemar(s.only_a, s.only_b)::real, s.changed
	  FROM (SELECT count(*) AS images, sum(c.distance_a)::double precision AS edits_a, sum(c.distance_b)::double precision AS edits_b,
				   nullif(sum(c.length), 0)::double precision AS characters,
				   hwr.bootstrap(array_agg((c.distance_b - c.distance_a)::double precision ORDER BY c."row"), array_agg(c.length::double precision ORDER BY c."row")) AS interval,
				   avg((c.distance_a = 0)::integer)::double precision AS exact_a, avg((c.distance_b = 0)::integer)::double precision AS exact_b,
				   count(*) FILTER (WHERE c.distance_a = 0 AND c.distance_b > 0) AS only_a, count(*) FILTER (WHERE c.distance_b = 0 AND c.distance_a > 0) AS only_b,
				   count(*) FILTER (WHERE c.guess_a IS DISTINCT FROM c.guess_b) AS changed
			  FROM hwr.compared($1, $2, $3, $4, $5, $6, $7) c) s;
$$;
COMMENT ON FUNCTION hwr_compare(text, integer, text, integer, regclass, name, name) IS
'two versions on the same rows: CER of each, their difference (b less a) with its 95 % bootstrap interval, exact matches, and the p value of McNemar''s exact test on them';

CREATE FUNCTION hwr_changes(model_a text, version_a integer, model_b text, version_b integer, data regclass,
							image_column name DEFAULT NULL, label_column name DEFAULT NULL,
							OUT "row" bigint, OUT key text, OUT verdict text, OUT label text, OUT guess_a text, OUT guess_b text,
							OUT distance_a integer, OUT distance_b integer, OUT confidence_a double precision, OUT confidence_b double precision) RETURNS SETOF record
	LANGUAGE sql ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
	SELECT c."row", c.key, CASE WHEN c.distance_b < c.distance_a THEN 'better' WHEN c.distance_b > c.distance_a THEN 'worse' ELSE 'other' END,
		   c.label, c.guess_a, c.guess_b, c.distance_a, c.distance_b, c.confidence_a, c.confidence_b
	  FROM hwr.compared($1, $2, $3, $4, $5, $6, $7) c
	 WHERE c.guess_a IS DISTINCT FROM c.guess_b
	 ORDER BY c.distance_a - c.distance_b, c."row";
$$;
COMMENT ON FUNCTION hwr_changes(text, integer, text, integer, regclass, name, name) IS
'the rows that two versions read differently, those that became worse first';
