-- Which of many names stands in an image: hwr_match beside the nearest name to the reading.
--
--	psql -v images=names_test -v names=known_names -v model=names -f bench/search/match.sql
--
-- images: a table with columns image and label; names: one with a column name, the candidates.  Images whose label is not among
-- the candidates, folded, are left out.  Right is a candidate that is the label, folded; where several are equally
-- near, the share of right ones counts.  limit: images that are taken; brute: of them, how many are compared with a score of every candidate.
-- seen: a table with columns md5 and truth, of images that a label is wrong for: truth is what they show, NULL where that is no
-- candidate or cannot be told, and the image is left out.  Times are processor time of the session, which only a superuser can see.
-- Needs pg_trgm and fuzzystrmatch.
\set ON_ERROR_STOP on
\pset footer off
SET client_min_messages = warning;
SET jit = off;
\if :{?limit} \else \set limit 1000000 \endif
\if :{?brute} \else \set brute 3 \endif
\if :{?seen} \else
CREATE TEMP TABLE m_unseen (md5 text, truth text);
\set seen m_unseen
\endif
CREATE FUNCTION pg_temp.seconds() RETURNS float8 LANGUAGE sql VOLATILE AS
	$$ SELECT (f[12]::float8 + f[13]::float8) / 100 FROM string_to_array(regexp_replace(pg_read_file('/proc/self/stat'), '^.*\) ', ''), ' ') f $$;
CREATE TEMP TABLE m_times (what text, pairs bigint, seconds float8);

CREATE TEMP TABLE m_names AS SELECT hwr_fold(name) AS name FROM :names WHERE hwr_fold(name) <> '' GROUP BY hwr_fold(name);
CREATE INDEX ON m_names USING gist (name gist_trgm_ops);
CREATE UNIQUE INDEX ON m_names (name);
CREATE TEMP TABLE m_lines AS
	SELECT row_number() OVER (ORDER BY md5(image)) AS id, hwr_fold(label) AS label, CASE WHEN s.md5 IS NULL THEN hwr_fold(label) ELSE hwr_fold(s.truth) END AS truth,
		hwr_fold(hwr_recognize(image, :'model')) AS reading, hwr_posterior(image, :'model') AS p
	FROM (SELECT * FROM :images WHERE hwr_fold(label) IN (SELECT name FROM m_names) ORDER BY md5(image) LIMIT :limit) t LEFT JOIN :seen s ON s.md5 = md5(image);
ANALYZE m_names, m_lines;
SELECT count(*) AS images, (SELECT count(*) FROM m_names) AS candidates, count(*) FILTER (WHERE label <> reading) AS misread,
	count(*) FILTER (WHERE truth IS NULL) AS left_out, count(*) FILTER (WHERE truth <> label) AS labels_wrong FROM m_lines;

-- What hwr_match finds, both ways of giving it the names
SELECT pg_temp.seconds() AS began \gset
CREATE TEMP TABLE m_match AS SELECT l.id, m.candidate, m.probability FROM m_lines l, hwr_match(p, (SELECT array_agg(name) FROM m_names)) m;
INSERT INTO m_times SELECT 'hwr_match, the tree of names included', count(*) * (SELECT count(*) FROM m_names), pg_temp.seconds() - :began FROM m_match;
SELECT pg_temp.seconds() AS began \gset
CREATE TEMP TABLE m_query AS SELECT l.id, m.candidate FROM m_lines l, hwr_match_query(p, 'SELECT name FROM m_names') m;
INSERT INTO m_times SELECT 'hwr_match_query, likewise', count(*) * (SELECT count(*) FROM m_names), pg_temp.seconds() - :began FROM m_query;

-- Nearest to the reading; a reading that is a candidate is its own nearest.
CREATE TEMP TABLE m_unknown AS SELECT id, reading FROM m_lines WHERE reading NOT IN (SELECT name FROM m_names);
CREATE TEMP TABLE m_near (way text, id bigint, name text);
SELECT pg_temp.seconds() AS began \gset
INSERT INTO m_near SELECT 'edit distance', u.id, n.name FROM m_unknown u, LATERAL (
	SELECT name FROM (SELECT name, levenshtein(u.reading, name) AS d, min(levenshtein(u.reading, name)) OVER () AS least FROM m_names) d WHERE d = least) n;
INSERT INTO m_times SELECT 'levenshtein, twice', count(*) * (SELECT count(*) FROM m_names), pg_temp.seconds() - :began FROM m_unknown;
INSERT INTO m_near SELECT 'pg_trgm', u.id, n.name FROM m_unknown u, LATERAL (
	SELECT name FROM (SELECT name, name <-> u.reading AS d, min(name <-> u.reading) OVER () AS least FROM
		(SELECT name FROM m_names ORDER BY name <-> u.reading LIMIT 1000) f) d WHERE d = least) n;
INSERT INTO m_near SELECT way, id, reading FROM m_lines, (VALUES ('edit distance'), ('pg_trgm')) w (way) WHERE id NOT IN (SELECT id FROM m_unknown);

-- Some images by brute force: every candidate scored.  hwr_score wants the characters as they are, so names with a separator are left out.
SELECT pg_temp.seconds() AS began \gset
CREATE TEMP TABLE m_brute AS SELECT l.id, (SELECT name FROM m_names WHERE name !~ '[^a-z]' ORDER BY hwr_score(p, upper(name)) DESC LIMIT 1) AS name FROM m_lines l WHERE id <= :brute;
INSERT INTO m_times SELECT 'hwr_score of each', :brute * count(*), pg_temp.seconds() - :began FROM m_names WHERE name !~ '[^a-z]';
SELECT count(*) AS compared, count(*) FILTER (WHERE b.name = m.candidate) AS same FROM m_brute b, m_lines l,
	hwr_match(l.p, (SELECT array_agg(name) FROM m_names WHERE name !~ '[^a-z]')) m WHERE l.id = b.id;
SELECT count(*) AS compared, count(*) FILTER (WHERE q.candidate = m.candidate) AS same_by_query FROM m_query q JOIN m_match m USING (id);

SELECT what, round(seconds::numeric, 2) AS seconds, round((1e9 * seconds / pairs)::numeric, 1) AS ns_a_pair FROM m_times;
SELECT t.truths, count(*) AS images, sum((m.candidate <> t.truth)::integer) AS match_errors, round(sum(1 - e.edit), 1) AS edit_distance_errors, round(sum(1 - e.trgm), 1) AS pg_trgm_errors
FROM (SELECT id, 'labels' AS truths, label AS truth FROM m_lines UNION ALL SELECT id, 'as seen', truth FROM m_lines WHERE truth IS NOT NULL) t
	JOIN m_match m USING (id), LATERAL (SELECT avg((name = t.truth)::integer) FILTER (WHERE way = 'edit distance') AS edit,
		avg((name = t.truth)::integer) FILTER (WHERE way = 'pg_trgm') AS trgm FROM m_near n WHERE n.id = t.id) e
GROUP BY t.truths ORDER BY t.truths DESC;
