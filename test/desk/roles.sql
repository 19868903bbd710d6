-- Roles and tables for the desk's tests: anna has tables and trains, ben sees his rows of a shared table, carl nothing.
CREATE ROLE anna LOGIN PASSWORD 'anna''s password';
CREATE ROLE ben LOGIN PASSWORD 'ben''s password';
CREATE ROLE carl LOGIN PASSWORD 'carl''s password';
CREATE ROLE trusted LOGIN;
GRANT EXECUTE ON FUNCTION hwr_train, hwr_activate_model, hwr_attach, hwr_improve TO anna;

CREATE TABLE forms (
	id			integer		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	image		bytea		NOT NULL,
	reading		text,
	confidence	double precision,
	checked		boolean		NOT NULL DEFAULT false,
	ink			hwr_posterior
);
INSERT INTO forms (image, ink) SELECT image, hwr_posterior(image, 'names') FROM words WHERE id <= 40 ORDER BY id;
UPDATE forms SET reading = hwr_text(ink), confidence = hwr_confidence(ink);
GRANT SELECT, INSERT (image), UPDATE (reading, checked) ON forms TO anna;
GRANT SELECT ON words TO anna;

CREATE TABLE "Odd ""Näme 5 %/6" (a integer, "b'""c %s" text, image bytea, label text, PRIMARY KEY (a, "b'""c %s"));
INSERT INTO "Odd ""Näme 5 %/6" SELECT id, 'a', image, label FROM words WHERE id <= 3;
GRANT SELECT, UPDATE (label) ON "Odd ""Näme 5 %/6" TO anna;

CREATE TABLE shared (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner name, image bytea, reading text);
INSERT INTO shared (owner, image) SELECT CASE WHEN id <= 3 THEN 'anna' ELSE 'ben' END, image FROM words WHERE id <= 5;
ALTER TABLE shared ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON shared USING (owner = current_user);
GRANT SELECT, UPDATE (reading) ON shared TO anna, ben;

-- Models have to be hers before she trains the next version.
DO $$
DECLARE v record;
BEGIN
	FOR v IN SELECT weights FROM hwr_model_details WHERE model = 'hers' LOOP
		EXECUTE format('ALTER LARGE OBJECT %s OWNER TO anna', v.weights);
	END LOOP;
END $$;
