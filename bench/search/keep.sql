-- What a model says about labelled lines, kept in several ways, for evaluate.sql.
--
--	psql -v lines=held_out -v kept=kept -v model=latin -v limit=800 -f bench/search/keep.sql
--
-- lines: a table with columns image, label and source; the first by the MD5 of their images are taken.  Makes the table that
-- kept names: reading is what hwr_recognize gives, with the language model inside the model if it has one; dense has nearly
-- all that the network says; ink is by the ink alone, kept is what one gets, and small takes less room.
\set ON_ERROR_STOP on
\if :{?limit} \else \set limit 1000000 \endif
SET jit = off;
CREATE TABLE :kept AS
	SELECT row_number() OVER () AS id, source, label, hwr_recognize(image, :'model') AS reading,
		hwr_posterior(image, :'model', 0.0000002, 0) AS dense, hwr_posterior(image, :'model', NULL, 0) AS ink, hwr_posterior(image, :'model') AS kept,
		hwr_posterior(image, :'model', 0.001, 0.6) AS small
	FROM (SELECT image, label, source FROM :lines WHERE label <> '' ORDER BY md5(image) LIMIT :limit) l;
