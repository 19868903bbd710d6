/* hwr--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION hwr" to load this file. \quit

--
-- Catalog
--
-- The tables live in schema hwr and are written only by the extension's C code, under the
-- identity of the extension's owner.  Users see them through the views.
--

CREATE SCHEMA hwr;
GRANT USAGE ON SCHEMA hwr TO PUBLIC;

-- One row a model name.  active: the version number that readers get.  A model
-- belongs to the owner of its newest version's large object.
CREATE TABLE hwr.model (
	id			integer		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name		text		NOT NULL UNIQUE,
	active		integer,
	last_version integer	NOT NULL DEFAULT 0,		-- numbers are not used again
	created		timestamptz	NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

-- One row an immutable version.  weights is a large object in safetensors format.
CREATE TABLE hwr.version (
	id			bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	model_id	integer		NOT NULL REFERENCES hwr.model ON DELETE CASCADE,
	version		integer		NOT NULL,
	weights		oid			NOT NULL,		-- large object
	hash		bytea		NOT NULL,		-- SHA-256 of the file
	bytes		bigint		NOT NULL,
	architecture text		NOT NULL,		-- VGSL
	alphabet	text		NOT NULL,
	parameters	bigint		NOT NULL,		-- values, running statistics included
	options		jsonb		NOT NULL,		-- training options in full
	job			bigint,						-- NULL for imported versions
	created		timestamptz	NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	UNIQUE (model_id, version)
);

-- One row a training job.  The worker updates progress in short transactions of its own.
CREATE TABLE hwr.job (
	id			bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	model		text		NOT NULL,
	training	text		NOT NULL,		-- qualified name of the table
	owner		oid			NOT NULL,		-- role that asked
	options		jsonb		NOT NULL,
	state		text		NOT NULL CHECK (state IN ('starting', 'running', 'done', 'failed', 'cancelled')),
	phase		text,						-- reading, training, validating, saving
	pid			integer,
	requested	timestamptz	NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	started		timestamptz,
	finished	timestamptz,
	updated		timestamptz,
	images		bigint,						-- usable training rows
	validation_images bigint,
	skipped		bigint,						-- rows left out
	epochs		integer,
	epoch		integer,
	steps		integer,
	step		integer,
	loss		double precision,
	images_per_second double precision,
	eta			interval,
	version		integer,					-- result
	sqlstate	text,						-- of a failure
	message		text						-- why it ended, or the error
) WITH (fillfactor = 50);

-- One row an epoch of a job.
CREATE TABLE hwr.history (
	job			bigint		NOT NULL REFERENCES hwr.job ON DELETE CASCADE,
	epoch		integer		NOT NULL,
	learning_rate double precision NOT NULL,
	train_loss	double precision NOT NULL,	-- nats an image
	validation_loss double precision,
	cer			double precision,
	wer			double precision,
	exact_match	double precision,
	grad_norm	double precision,
	images_per_second double precision,
	seconds		double precision,
	best		boolean		NOT NULL,		-- the best so far when it ended
	PRIMARY KEY (job, epoch)
);

-- One row a measurement of a version on a set of labelled images.
CREATE TABLE hwr.metric (
	id			bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	version_id	bigint		NOT NULL REFERENCES hwr.version ON DELETE CASCADE,
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
	measured	timestamptz	NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

-- One row a (truth, guess) character pair of a measurement; '' on one side is an insertion or a deletion.
CREATE TABLE hwr.confusion (
	metric_id	bigint		NOT NULL REFERENCES hwr.metric ON DELETE CASCADE,
	truth		text		NOT NULL,
	guess		text		NOT NULL,
	count		bigint		NOT NULL,
	PRIMARY KEY (metric_id, truth, guess)
);

CREATE INDEX version_job ON hwr.version (job);
CREATE INDEX metric_version ON hwr.metric (version_id);

SELECT pg_catalog.pg_extension_config_dump('hwr.model', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.model_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.version', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.version_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.job', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.job_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.history', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.metric', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.metric_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.confusion', '');

--
-- Recognition
--

--
-- Models
--

--
-- Training jobs
--

--
-- Measurement
--
