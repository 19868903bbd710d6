-- Dates, numbers and amounts of labelled lines, read with and without saying what they are.
--
--	psql -v lines=held_out -v model=latin -f bench/search/fields.sql
--
-- lines: a table with columns image and label.  Taken are the lines whose whole label is a date of the kind "date"; whole numbers; amounts
-- with two decimals, which registers write with a space, a point or a comma; and the headings "An 1830 mois de Juillet".  Read are
-- they by the ink alone (hwr_text), with the model's language model (hwr_recognize), and as what they are.  A reading is
-- right if it is the label, full stops, "=" and "-" at the end apart; the value if it is the label's.
\set ON_ERROR_STOP on
\pset footer off
SET jit = off;
\set month '(janvier|février|mars|avril|mai|juin|juillet|ao[uû]t|septembre|octobre|novembre|décembre|7bre|8bre|9bre|10bre)'
CREATE TEMP TABLE f_lines AS
	SELECT row_number() OVER () AS id, what, label, regexp_replace(label, '[-.= ]+$', '') AS truth, hwr_recognize(image, :'model') AS reading, hwr_posterior(image, :'model') AS p
	FROM (SELECT image, label, CASE WHEN regexp_replace(label, '[-.= ]+$', '') ~ '^\d+$' THEN 'integer'
			WHEN regexp_replace(label, '[-.= ]+$', '') ~ '^\d+[ .,]\d\d$' THEN 'amount'
			WHEN label ~* ('^\d{1,2}(er)? ' || :'month' || ' \d{4}\.?$') OR label ~ '^\d{1,2}[-/.]\d{1,2}[-/.]\d{4}\.?$' THEN 'date'
			WHEN label ~* ('^An \d{4},? mois (de |d'')' || :'month' || '[.= ]*$') THEN 'heading' END AS what FROM :lines) l
	WHERE what IS NOT NULL;
CREATE TEMP TABLE f_read AS
SELECT id, what, truth, hwr_text(p) AS ink, reading, CASE WHEN what = 'heading' THEN (SELECT text FROM hwr_nbest(p, 1,
			pattern => '(?i)An 1[89]\d\d,? mois (de |d'')' || :'month' || '[.= ]?'))
		WHEN what = 'amount' THEN (SELECT text FROM hwr_nbest(p, 1, pattern => '\d{1,4}[ .,]\d\d')) ELSE f.text END AS field, f.value
	FROM f_lines, hwr_field(p, CASE what WHEN 'heading' THEN 'date' ELSE what END) f;
SELECT what, count(*) AS lines,
	count(*) FILTER (WHERE regexp_replace(ink, '[-.= ]+$', '') <> truth) AS wrong_ink,
	count(*) FILTER (WHERE regexp_replace(reading, '[-.= ]+$', '') <> truth) AS wrong_reading,
	count(*) FILTER (WHERE regexp_replace(coalesce(field, ''), '[-.= ]+$', '') <> truth) AS wrong_field,
	count(*) FILTER (WHERE lower(regexp_replace(coalesce(field, ''), '[-.= ]+$', '')) <> lower(truth)) AS wrong_field_any_case
FROM f_read GROUP BY what ORDER BY what;
-- Numbers apart from how they are written
SELECT what, count(*) AS lines, count(*) FILTER (WHERE regexp_replace(ink, '\D', '', 'g') <> regexp_replace(truth, '\D', '', 'g')) AS wrong_ink,
	count(*) FILTER (WHERE regexp_replace(reading, '\D', '', 'g') <> regexp_replace(truth, '\D', '', 'g')) AS wrong_reading,
	count(*) FILTER (WHERE regexp_replace(coalesce(field, ''), '\D', '', 'g') <> regexp_replace(truth, '\D', '', 'g')) AS wrong_field
FROM f_read WHERE what IN ('integer', 'amount') GROUP BY what ORDER BY what;
