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
UPDATE forms SET reading = hwr_text(ink), confidence = hwr_confidence(ink);
CREATE INDEX ON forms USING gin (ink);

CREATE ROLE clerk LOGIN PASSWORD :'password';
GRANT SELECT, INSERT (image), UPDATE (reading, checked) ON forms TO clerk;
GRANT SELECT ON words TO clerk;
GRANT EXECUTE ON FUNCTION hwr_train, hwr_resume, hwr_evaluate, hwr_activate_model, hwr_drop_job, hwr_drop_checkpoint TO clerk;
GRANT pg_monitor TO clerk;
VACUUM ANALYZE forms, words;
