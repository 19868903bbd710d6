-- The index beside a sequential scan, over many lines.
--
--	make build/search-lines
--	psql -d search -c 'CREATE TABLE lines (id bigint, ink hwr_posterior)'
--	psql -d search -At -c 'SELECT kept FROM kept' | build/search-lines 1000000 1 | psql -d search -c 'COPY lines FROM STDIN'
--	psql -d search -v queries=200 -f bench/search/index.sql
--
-- lines: ids from 1 on.  Builds the index, and looks for words that are drawn from the readings of lines drawn evenly, of three letters
-- or more.  Each is looked for by the index once to warm up and once to be measured; sequentially, three of them.  What is found is read:
-- its id is counted.  Times are processor time
-- of the session, as Linux counts it, which only a superuser can see, after a sleep that makes it count to the end.
\set ON_ERROR_STOP on
\pset footer off
SET jit = off;
SET max_parallel_workers_per_gather = 0;
\if :{?queries} \else \set queries 200 \endif
SET max_parallel_maintenance_workers = 0;
CREATE FUNCTION pg_temp.ms() RETURNS float8 LANGUAGE sql VOLATILE AS
	$$ SELECT pg_sleep(0.0002); SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::float8 / 1e6 $$;
SELECT pg_temp.ms() AS began \gset
CREATE INDEX lines_ink ON lines USING gin (ink);
SELECT round((pg_temp.ms() - :began)::numeric) AS ms_to_index;
VACUUM ANALYZE lines;
SELECT reltuples::bigint AS lines, pg_size_pretty(pg_table_size('lines')) AS "table", pg_size_pretty(pg_relation_size('lines_ink')) AS "index",
	round(pg_relation_size('lines_ink')::numeric / (SELECT avg(octet_length(ink::bytea)) * 1 FROM lines TABLESAMPLE system (1)) / reltuples::numeric, 2) AS share_of_posteriors
FROM pg_class WHERE oid = 'lines'::regclass;
CREATE TEMP TABLE i_words AS
	SELECT word FROM (SELECT DISTINCT ON (n) n, word FROM (SELECT n, regexp_split_to_table(hwr_fold(hwr_text(ink)), ' ') AS word
		FROM (SELECT n, 1 + abs(hashint8(n)::bigint) % (SELECT max(id) FROM lines) AS id FROM generate_series(1, :queries * 2) n) r JOIN lines USING (id)) w
		WHERE word ~ '^[a-z]{3,}$' ORDER BY n, md5(word || n)) d ORDER BY n LIMIT :queries;
CREATE TEMP TABLE i_times (way text, word text, ms float8, found bigint);
DO $$
DECLARE
	w text;
	way text;
	start float8;
	n bigint;
BEGIN
	FOREACH way IN ARRAY ARRAY['warm', 'index', 'scan'] LOOP
		PERFORM set_config('enable_seqscan', CASE way WHEN 'scan' THEN 'on' ELSE 'off' END, true), set_config('enable_bitmapscan', CASE way WHEN 'scan' THEN 'off' ELSE 'on' END, true);
		FOR w IN SELECT word FROM i_words LIMIT CASE way WHEN 'scan' THEN 3 END LOOP
			start := pg_temp.ms();
			EXECUTE format('SELECT count(id) FROM lines WHERE ink @~ %L', w) INTO n;
			INSERT INTO i_times VALUES (way, w, pg_temp.ms() - start, n);
		END LOOP;
	END LOOP;
END $$;
SELECT way, count(*) AS queries, round((percentile_cont(0.5) WITHIN GROUP (ORDER BY ms))::numeric, 2) AS median_ms,
	round((percentile_cont(0.9) WITHIN GROUP (ORDER BY ms))::numeric, 2) AS p90_ms, round((percentile_cont(0.95) WITHIN GROUP (ORDER BY ms))::numeric, 2) AS p95_ms,
	round(max(ms)::numeric, 2) AS max_ms, round(avg(found), 1) AS found, max(found) AS most FROM i_times GROUP BY way ORDER BY way;
SELECT word, round(ms::numeric, 1) AS ms, found FROM i_times WHERE way = 'index' ORDER BY i_times.ms DESC LIMIT 12;
SELECT count(*) AS compared, count(*) FILTER (WHERE i.found = s.found) AS same FROM i_times i JOIN i_times s USING (word) WHERE i.way = 'index' AND s.way = 'scan';
