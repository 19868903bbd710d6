--
-- tables.sql
--	  Models, their versions, and measurements of these.
--

-- One row a model name.  active: the version number that readers get, NULL: none, or the bundled model of that name.  A model
-- belongs to the owner of its newest version's large object.
CREATE TABLE hwr.model (
	id			integer		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name		text		NOT NULL UNIQUE,
	active		integer,
	last_version integer	NOT NULL DEFAULT 0,		-- numbers are not used again
	chosen		boolean		NOT NULL DEFAULT false,	-- active is a person's choice: no training changes it
	created		timestamptz	NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

-- One row an immutable version.  weights is a large object in safetensors format.
CREATE TABLE hwr.version (
	id			bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	model_id	integer		NOT NULL,
	version		integer		NOT NULL,
	weights		oid			NOT NULL,		-- large object
	hash		bytea		NOT NULL,		-- SHA-256 of the file
	bytes		bigint		NOT NULL,
	architecture text		NOT NULL,		-- VGSL
	alphabet	text		NOT NULL,
	parameters	bigint		NOT NULL,		-- values, statistics of batch normalisation included
	options		jsonb		NOT NULL,		-- training options in full
	card		jsonb		NOT NULL,		-- what a person should know of it
	job			bigint,						-- NULL for imported versions
	features	jsonb,						-- of its validation images: features.h; NULL: unknown
	used_images	bytea,						-- hashes of the images it was trained or validated on: overlap.c; NULL: unknown
	spellings	jsonb,						-- what classes stand for that are not single characters; NULL: there are none
	created		timestamptz	NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	UNIQUE (model_id, version)
);

-- One row a measurement of a version on a set of labelled images.
CREATE TABLE hwr.metric (
	id			bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	version_id	bigint		NOT NULL,
	split		text		NOT NULL,		-- 'validation' or 'evaluation'
	data		text		NOT NULL,		-- qualified name of the table
	images		bigint		NOT NULL,
	skipped		bigint		NOT NULL,
	loss		double precision,
	cer			double precision,
	wer			double precision,
	exact_match	double precision,
	precision	double precision,
	recall		double precision,
	f1			double precision,
	overlap		bigint,					-- of the images, those that the version was trained or validated on; NULL: unknown
	measured	timestamptz	NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	owner		hwr.role	NOT NULL DEFAULT '-'	-- role that measured
);

-- One row a (truth, guess) character pair of a measurement; '' on one side is an insertion or a deletion.
CREATE TABLE hwr.confusion (
	metric_id	bigint		NOT NULL,
	truth		text		NOT NULL,
	guess		text		NOT NULL,
	count		bigint		NOT NULL,
	PRIMARY KEY (metric_id, truth, guess)
);

CREATE FUNCTION hwr.delete_dependents() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	CASE TG_TABLE_NAME
		WHEN 'model' THEN DELETE FROM hwr.version WHERE model_id = OLD.id;
		WHEN 'version' THEN DELETE FROM hwr.metric WHERE version_id = OLD.id;
		WHEN 'metric' THEN DELETE FROM hwr.confusion WHERE metric_id = OLD.id;
	END CASE;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION hwr.delete_dependents() IS 'what ON DELETE CASCADE would do';
CREATE TRIGGER delete_dependents AFTER DELETE ON hwr.model FOR EACH ROW EXECUTE FUNCTION hwr.delete_dependents();
CREATE TRIGGER delete_dependents AFTER DELETE ON hwr.version FOR EACH ROW EXECUTE FUNCTION hwr.delete_dependents();
CREATE TRIGGER delete_dependents AFTER DELETE ON hwr.metric FOR EACH ROW EXECUTE FUNCTION hwr.delete_dependents();

REVOKE EXECUTE ON FUNCTION hwr.delete_dependents() FROM PUBLIC;

CREATE INDEX version_job ON hwr.version (job);
CREATE INDEX metric_version ON hwr.metric (version_id);

SELECT pg_catalog.pg_extension_config_dump('hwr.model', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.model_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.version', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.version_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.metric', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.metric_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.confusion', '');
