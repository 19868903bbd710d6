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
-- A blank form, and what its fields are; a filled copy is test/data/forms/scan.jpg.
CREATE TABLE blank_forms (id integer PRIMARY KEY, title text, page bytea);
\set page `base64 -w 0 test/data/forms/registration.jpg`
INSERT INTO blank_forms VALUES (1, 'registration', decode(:'page', 'base64'));
CREATE TABLE registration_fields (name text, area box, kind text, allow text, cells integer);
INSERT INTO registration_fields VALUES ('family_name', '(55,132),(363,165)', 'text', NULL, NULL), ('birthday', '(496,195),(680,223)', 'date', NULL, 8),
	('postcode', '(53,269),(177,301)', 'postcode', NULL, 5), ('married', '(301,322),(319,340)', 'tick', NULL, NULL),
	('pass', '(53,383),(283,411)', 'comb', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789', NULL);
GRANT SELECT ON blank_forms, registration_fields TO clerk;
VACUUM ANALYZE forms, words, blank_forms;
