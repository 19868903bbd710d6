-- What a model says about labelled lines, kept with several bounds, for evaluate.sql.
--
--	psql -v lines=held_out -v kept=kept -v model=latin -v limit=800 -f bench/search/keep.sql
--
-- lines: a table with columns image, label and source; the first by the MD5 of their images are taken.  Makes the table that
-- kept names: reading is what hwr_recognize gives, with the language model inside the model if it has one.
\set ON_ERROR_STOP on
\if :{?limit} \else \set limit 1000000 \endif
SET jit = off;
CREATE TABLE :kept AS
	SELECT row_number() OVER () AS id, source, label, hwr_recognize(image, :'model') AS reading,
		hwr_posterior(image, :'model', 0.0000001) AS p7, hwr_posterior(image, :'model', 0.00001) AS p5, hwr_posterior(image, :'model', 0.0001) AS p4,
		hwr_posterior(image, :'model', 0.0003) AS p35, hwr_posterior(image, :'model', 0.001) AS p3, hwr_posterior(image, :'model', 0.003) AS p25,
		hwr_posterior(image, :'model', 0.01) AS p2
	FROM (SELECT image, label, source FROM :lines WHERE label <> '' ORDER BY md5(image) LIMIT :limit) l;
