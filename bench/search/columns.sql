-- Whole numbers of labelled lines, each by itself and by the column that it stands in.
--
--	psql -v lines=held_out -v model=latin -f bench/search/columns.sql
--
-- lines: a table or view with columns image, label, source and page, in the order of the lines on their page.  Taken are the lines whose whole
-- label is a number, and all those of a page are one column, although most pages have several: their numbers follow one another.  Read
-- are they by the ink alone (hwr_text), with the model's language model (hwr_recognize), as numbers (hwr_field), and as numbers
-- of a column (hwr_column_field).  A reading is right if it is the label, full stops, "=" and "-" at the end apart.
\set ON_ERROR_STOP on
\pset footer off
SET jit = off;
CREATE TEMP TABLE n_lines AS
	SELECT id, source, page, truth, hwr_recognize(image, :'model') AS reading, hwr_posterior(image, :'model') AS p
	FROM (SELECT row_number() OVER () AS id, image, source, page, regexp_replace(label, '[-.= ]+$', '') AS truth FROM :lines) l WHERE truth ~ '^\d+$';
CREATE TEMP TABLE n_read AS
SELECT source, page, truth, regexp_replace(hwr_text(p), '[-.= ]+$', '') AS ink, regexp_replace(reading, '[-.= ]+$', '') AS reading, (hwr_field(p, 'integer')).value AS field, c
FROM (SELECT *, hwr_column_field(p, 'integer') OVER (PARTITION BY source, page ORDER BY id) AS c FROM n_lines) n;
SELECT coalesce(source, 'all') AS source, count(*) AS lines, count(DISTINCT page) AS pages, count(*) FILTER (WHERE ink <> truth) AS wrong_ink, count(*) FILTER (WHERE reading <> truth) AS wrong_reading,
	count(*) FILTER (WHERE field IS DISTINCT FROM truth) AS wrong_field, count(*) FILTER (WHERE (c).value IS DISTINCT FROM truth) AS wrong_in_column
FROM n_read GROUP BY ROLLUP (source) ORDER BY n_read.source;
-- Is the confidence the share of those that are right?
SELECT width_bucket((c).confidence, '{0.5,0.95}') AS confidence, count(*) AS lines, round(avg((c).confidence)::numeric, 2) AS mean, round(avg(((c).value = truth)::integer), 2) AS "right"
FROM n_read GROUP BY 1 ORDER BY 1;
