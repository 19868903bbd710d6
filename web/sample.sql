--
-- sample.sql
--	  What "make desk" shows: the sample words (table words, as tools/load-images makes it) as forms that wait for a person, and a clerk who
--	  may read and correct them, train, and no more.
--
-- The words are drawn by a program in odd fonts; see test/data/README.md.  The clerk's password is psql's variable "password".
--
CREATE TABLE forms (
	id			integer		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	image		bytea		NOT NULL,
	reading		text,
	confidence	double precision,
	checked		boolean		NOT NULL DEFAULT false,
	ink			hwr_posterior
);
INSERT INTO forms (image, ink) SELECT image, hwr_posterior(image) FROM words WHERE id % 5 = 0 ORDER BY id LIMIT 200;
CREATE INDEX ON forms USING gin (ink);

CREATE ROLE clerk LOGIN PASSWORD :'password';
ALTER TABLE forms OWNER TO clerk;
GRANT SELECT ON words TO clerk;
GRANT EXECUTE ON FUNCTION hwr_train, hwr_resume, hwr_evaluate, hwr_activate_model, hwr_drop_job, hwr_drop_checkpoint TO clerk;
GRANT pg_monitor TO clerk;

-- The table reads itself, where hwr can do that.
SELECT to_regproc('hwr_improve') IS NOT NULL AS attaches \gset
\if :attaches
	GRANT EXECUTE ON FUNCTION hwr_attach, hwr_improve TO clerk;
	SET ROLE clerk;
	SELECT hwr_attach('forms', text_column => 'reading', confidence_column => 'confidence', reread => 'doubtful');
	RESET ROLE;
\else
	UPDATE forms SET reading = hwr_text(ink), confidence = hwr_confidence(ink);
\endif
VACUUM ANALYZE forms, words;
