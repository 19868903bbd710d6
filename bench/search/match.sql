-- Which of many names stands in an image: hwr_match beside the nearest name to the reading.
--
--	psql -v images=names_test -v names=known_names -v model=names -v limit=300 -f bench/search/match.sql
--
-- images: a table with columns image and label; names: one with a column name, the candidates.  Images whose label is not among
-- the candidates, folded, are left out.  Right is a candidate that is the label, folded; where several are equally
-- near, the share of right ones counts.  Needs pg_trgm and fuzzystrmatch.
\set ON_ERROR_STOP on
\pset footer off
SET client_min_messages = warning;
SET jit = off;
CREATE TEMP TABLE m_names AS SELECT hwr_fold(name) AS name FROM :names WHERE hwr_fold(name) <> '' GROUP BY hwr_fold(name);
CREATE TEMP TABLE m_lines AS
	SELECT row_number() OVER () AS id, hwr_fold(label) AS truth, hwr_fold(hwr_recognize(image, :'model')) AS reading, hwr_posterior(image, :'model') AS p
	FROM (SELECT * FROM :images WHERE hwr_fold(label) IN (SELECT name FROM m_names) ORDER BY md5(image) LIMIT :limit) t;
SELECT (SELECT count(*) FROM m_lines) AS images, (SELECT count(*) FROM m_names) AS candidates, (SELECT count(*) FILTER (WHERE truth <> reading) FROM m_lines) AS misread;

\timing on
CREATE TEMP TABLE m_match AS SELECT l.id, m.candidate = l.truth AS correct, m.probability
	FROM m_lines l, hwr_match(p, (SELECT array_agg(name) FROM m_names)) m;
CREATE TEMP TABLE m_edit AS SELECT l.id, n.share FROM m_lines l, LATERAL (
	SELECT avg((name = l.truth)::integer) AS share FROM (SELECT name, levenshtein(l.reading, name) AS d, min(levenshtein(l.reading, name)) OVER () AS least FROM m_names) d WHERE d = least) n;
CREATE TEMP TABLE m_trgm AS SELECT l.id, n.share FROM m_lines l, LATERAL (
	SELECT avg((name = l.truth)::integer) AS share FROM (SELECT name, similarity(l.reading, name) AS s, max(similarity(l.reading, name)) OVER () AS most FROM m_names) d WHERE s = most) n;
-- A few images by brute force: every candidate scored
CREATE TEMP TABLE m_brute AS SELECT l.id, (SELECT name FROM m_names ORDER BY hwr_score(p, upper(name)) DESC LIMIT 1) AS name FROM m_lines l WHERE id <= 3;
CREATE TEMP TABLE m_few AS SELECT l.id, m.candidate FROM m_lines l, hwr_match(p, (SELECT array_agg(name) FROM m_names)) m WHERE l.id <= 3;
\timing off
SELECT (SELECT count(*) FROM m_lines) - (SELECT count(*) FILTER (WHERE correct) FROM m_match) AS match_errors,
	(SELECT round(sum(1 - share), 1) FROM m_edit) AS edit_distance_errors, (SELECT round(sum(1 - share), 1) FROM m_trgm) AS pg_trgm_errors;
