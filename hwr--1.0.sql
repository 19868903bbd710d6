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

-- COST: reading a line of handwriting takes some milliseconds.
CREATE FUNCTION hwr_recognize(image bytea, model text DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'hwr_recognize' LANGUAGE C STABLE PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION hwr_recognize(bytea, text) IS
'read the handwriting in a JPEG or PNG image; without a model, the one named default';

CREATE FUNCTION hwr_recognize(images bytea[], model text DEFAULT NULL) RETURNS text[]
	AS 'MODULE_PATHNAME', 'hwr_recognize_array' LANGUAGE C STABLE PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION hwr_recognize(bytea[], text) IS
'read the handwriting in an array of JPEG or PNG images, in batches; NULL elements stay NULL';

--
-- Models
--

-- Helpers of the views and functions below.  They tell a user nothing that the system catalogs do not.
CREATE FUNCTION hwr.may_see(weights oid) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hwr_may_see_weights' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.may_see(oid) IS
'whether the current user owns or may read the large object of a model version';

CREATE FUNCTION hwr.check_model(model text) RETURNS void
	AS 'MODULE_PATHNAME', 'hwr_check_model' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.check_model(text) IS
'raise an error if there is no such model';

CREATE VIEW hwr_models WITH (security_barrier) AS
	SELECT m.name AS model,
		   v.version,
		   v.version IS NOT DISTINCT FROM m.active AS active,
		   pg_catalog.pg_get_userbyid(l.lomowner) AS owner,
		   q.cer,
		   q.exact_match,
		   v.parameters,
		   v.bytes,
		   v.architecture,
		   v.alphabet,
		   v.options,
		   v.job,
		   v.weights,
		   v.created
	  FROM hwr.model m
		   JOIN hwr.version v ON v.model_id = m.id
		   LEFT JOIN pg_catalog.pg_largeobject_metadata l ON l.oid = v.weights
		   LEFT JOIN LATERAL (SELECT x.cer, x.exact_match FROM hwr.metric x
							   WHERE x.version_id = v.id
							   ORDER BY x.split = 'validation' DESC, x.id DESC LIMIT 1) q ON true
	 WHERE hwr.may_see(v.weights);
COMMENT ON VIEW hwr_models IS
'versions of the models that the current user may use, with the figures of their validation or else their latest measurement';
GRANT SELECT ON hwr_models TO PUBLIC;

CREATE FUNCTION hwr_activate_model(model text, version integer) RETURNS void
	AS 'MODULE_PATHNAME', 'hwr_activate_model' LANGUAGE C;
COMMENT ON FUNCTION hwr_activate_model(text, integer) IS
'make a version the one that recognition uses, from this transaction''s commit on';

CREATE FUNCTION hwr_drop_model(model text, version integer DEFAULT NULL) RETURNS void
	AS 'MODULE_PATHNAME', 'hwr_drop_model' LANGUAGE C;
COMMENT ON FUNCTION hwr_drop_model(text, integer) IS
'remove a model, or one version of it, with its weights and measurements';

CREATE FUNCTION hwr_export_model(model text DEFAULT NULL, version integer DEFAULT NULL) RETURNS bytea
	AS 'MODULE_PATHNAME', 'hwr_export_model' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION hwr_export_model(text, integer) IS
'a model as a safetensors file: the active version unless another is named';

CREATE FUNCTION hwr_import_model(file bytea, model text, activate boolean DEFAULT true) RETURNS integer
	AS 'MODULE_PATHNAME', 'hwr_import_model' LANGUAGE C;
COMMENT ON FUNCTION hwr_import_model(bytea, text, boolean) IS
'store a file made by hwr_export_model as a model''s next version, and return its number';

--
-- Training jobs
--

CREATE FUNCTION hwr_train(
	training		regclass,
	model			text		DEFAULT 'default',
	image_column	name		DEFAULT NULL,
	label_column	name		DEFAULT NULL,
	options			jsonb		DEFAULT '{}',
	wait			boolean		DEFAULT true
)
RETURNS TABLE (
	job				bigint,
	model			text,
	version			integer,
	epochs			integer,
	best_epoch		integer,
	train_loss		double precision,
	validation_loss double precision,
	cer				double precision,
	wer				double precision,
	exact_match		double precision,
	images			bigint,
	validation_images bigint,
	skipped			bigint,
	seconds			double precision
)
AS 'MODULE_PATHNAME', 'hwr_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1 COST 1000000;

COMMENT ON FUNCTION hwr_train(regclass, text, name, name, jsonb, boolean) IS
'train a model from a table of labelled images, in a background worker';

CREATE FUNCTION hwr_cancel(job bigint)
RETURNS boolean
AS 'MODULE_PATHNAME', 'hwr_cancel'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION hwr_cancel(bigint) IS
'cancel a training job; false if it has already ended';

-- Has the job's worker gone without writing how the job ended?
CREATE FUNCTION hwr.job_interrupted(job bigint)
RETURNS boolean
AS 'MODULE_PATHNAME', 'hwr_job_interrupted'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION hwr.job_interrupted(bigint) IS
'whether the worker of a training job stopped before the job ended';

-- Errors can quote data: a job is shown to the role that started it, its members, and monitors.
CREATE VIEW hwr_jobs WITH (security_barrier) AS
SELECT j.id AS job,
	j.model,
	j.training,
	pg_catalog.pg_get_userbyid(j.owner) AS owner,
	CASE WHEN i.interrupted THEN 'interrupted' ELSE j.state END AS state,
	j.phase,
	j.epoch,
	j.epochs,
	j.loss,
	j.images,
	j.validation_images,
	j.skipped,
	j.version,
	j.sqlstate,
	CASE WHEN i.interrupted THEN 'the server or the worker stopped before the job ended' ELSE j.message END AS message,
	j.requested,
	j.started,
	j.finished,
	CASE WHEN i.interrupted OR j.finished IS NOT NULL THEN NULL ELSE j.pid END AS pid,
	j.options
FROM hwr.job j
CROSS JOIN LATERAL (
	SELECT CASE WHEN j.state IN ('starting', 'running') THEN hwr.job_interrupted(j.id) ELSE false END AS interrupted
) i
WHERE pg_catalog.pg_has_role(j.owner, 'USAGE')
	OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE');

GRANT SELECT ON hwr_jobs TO PUBLIC;

COMMENT ON VIEW hwr_jobs IS 'training jobs and how they ended';
COMMENT ON COLUMN hwr_jobs.state IS
'starting, running, done, failed, cancelled, or interrupted: the worker is gone without having said why';

CREATE VIEW hwr_progress WITH (security_barrier) AS
SELECT j.id AS job,
	j.model,
	j.phase,
	j.epoch,
	j.epochs,
	j.step,
	j.steps,
	j.loss,
	j.images_per_second,
	j.eta,
	pg_catalog.clock_timestamp() - coalesce(j.started, j.requested) AS elapsed,
	'[' || pg_catalog.repeat('#', b.filled) || pg_catalog.repeat('-', 20 - b.filled) || ']' AS bar
FROM hwr.job j
CROSS JOIN LATERAL (
	SELECT CASE WHEN j.epochs > 0 AND j.epoch > 0
				THEN greatest(0, least(20, (20 * (j.epoch - 1 + coalesce(j.step::double precision / nullif(j.steps, 0), 0))
											/ j.epochs)::integer))
				ELSE 0 END AS filled
) b
WHERE j.state IN ('starting', 'running')
	AND (pg_catalog.pg_has_role(j.owner, 'USAGE') OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'))
	AND CASE WHEN j.state IN ('starting', 'running') THEN NOT hwr.job_interrupted(j.id) END;

GRANT SELECT ON hwr_progress TO PUBLIC;

COMMENT ON VIEW hwr_progress IS 'training jobs that are running, and how far they are';

--
-- Measurement
--

CREATE FUNCTION hwr_evaluate(data regclass, model text DEFAULT NULL,
							 image_column name DEFAULT NULL, label_column name DEFAULT NULL,
							 version integer DEFAULT NULL,
							 OUT images bigint, OUT skipped bigint,
							 OUT loss double precision, OUT cer double precision, OUT wer double precision,
							 OUT exact_match double precision, OUT "precision" double precision,
							 OUT recall double precision, OUT f1 double precision,
							 OUT seconds double precision, OUT images_per_second double precision)
	AS 'MODULE_PATHNAME', 'hwr_evaluate' LANGUAGE C COST 1000000;
COMMENT ON FUNCTION hwr_evaluate(regclass, text, name, name, integer) IS
'measure a model on a table of labelled images, and keep the figures for hwr_metrics and hwr_confusions';

-- The views behind the functions: users may see rows of the models they may use.
CREATE VIEW hwr.metrics WITH (security_barrier) AS
	SELECT m.name AS model,
		   v.version,
		   x.split,
		   x.data,
		   x.images,
		   x.skipped,
		   x.loss,
		   x.cer,
		   x.wer,
		   x.exact_match,
		   x."precision",
		   x.recall,
		   x.f1,
		   x.measured
	  FROM hwr.metric x
		   JOIN hwr.version v ON v.id = x.version_id
		   JOIN hwr.model m ON m.id = v.model_id
	 WHERE hwr.may_see(v.weights);
COMMENT ON VIEW hwr.metrics IS 'rows of hwr_metrics()';
GRANT SELECT ON hwr.metrics TO PUBLIC;

CREATE VIEW hwr.epochs WITH (security_barrier) AS
	SELECT COALESCE(m.name, j.model) AS model,
		   v.version,
		   h.job,
		   h.epoch,
		   h.learning_rate,
		   h.train_loss,
		   h.validation_loss,
		   h.cer,
		   h.wer,
		   h.exact_match,
		   h.grad_norm,
		   h.images_per_second,
		   h.seconds,
		   h.best
	  FROM hwr.history h
		   JOIN hwr.job j ON j.id = h.job
		   LEFT JOIN hwr.version v ON v.job = j.id
		   LEFT JOIN hwr.model m ON m.id = v.model_id
	 WHERE CASE WHEN v.id IS NOT NULL THEN hwr.may_see(v.weights)
				ELSE j.version IS NULL AND pg_catalog.pg_has_role(j.owner, 'USAGE') END;
COMMENT ON VIEW hwr.epochs IS 'rows of hwr_history()';
GRANT SELECT ON hwr.epochs TO PUBLIC;

CREATE VIEW hwr.confusions WITH (security_barrier) AS
	SELECT m.name AS model,
		   v.version,
		   v.version IS NOT DISTINCT FROM m.active AS active,
		   c.metric_id,
		   c.truth,
		   c.guess,
		   c.count
	  FROM hwr.confusion c
		   JOIN hwr.metric x ON x.id = c.metric_id
		   JOIN hwr.version v ON v.id = x.version_id
		   JOIN hwr.model m ON m.id = v.model_id
	 WHERE hwr.may_see(v.weights);
COMMENT ON VIEW hwr.confusions IS 'rows of hwr_confusions(), of every measurement';
GRANT SELECT ON hwr.confusions TO PUBLIC;

CREATE FUNCTION hwr_metrics(model text DEFAULT NULL) RETURNS SETOF hwr.metrics
	LANGUAGE sql STABLE PARALLEL SAFE ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.check_model($1);
	SELECT * FROM hwr.metrics x
	 WHERE $1 IS NULL OR x.model = $1
	 ORDER BY x.model, x.version, x.measured;
$$;
COMMENT ON FUNCTION hwr_metrics(text) IS
'every measurement of a model''s versions, or of all models';

CREATE FUNCTION hwr_history(model text DEFAULT NULL, version integer DEFAULT NULL) RETURNS SETOF hwr.epochs
	LANGUAGE sql STABLE PARALLEL SAFE ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
	SELECT * FROM hwr.epochs e
	 WHERE ($1 IS NULL OR e.model = $1) AND ($2 IS NULL OR e.version = $2)
	 ORDER BY e.job, e.epoch;
$$;
COMMENT ON FUNCTION hwr_history(text, integer) IS
'one row an epoch of the training of a model''s versions, or of all models, with unfinished jobs of one''s own';

CREATE FUNCTION hwr_confusions(model text DEFAULT NULL, version integer DEFAULT NULL,
							   OUT truth text, OUT guess text, OUT count bigint) RETURNS SETOF record
	LANGUAGE sql STABLE PARALLEL SAFE ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.check_model(COALESCE($1, 'default'));
	WITH mine AS (
		SELECT * FROM hwr.confusions c
		 WHERE c.model = COALESCE($1, 'default') AND CASE WHEN $2 IS NULL THEN c.active ELSE c.version = $2 END)
	SELECT c.truth, c.guess, c.count FROM mine c
	 WHERE c.metric_id = (SELECT max(x.metric_id) FROM mine x)
	 ORDER BY c.count DESC, c.truth COLLATE "C", c.guess COLLATE "C";
$$;
COMMENT ON FUNCTION hwr_confusions(text, integer) IS
'how often each character was read as which in the latest measurement of a version, the active one of the model default unless others are named; an empty string on one side is an insertion or a deletion';

--
-- Metrics as aggregates
--

-- The state of hwr_cer, hwr_wer and hwr_exact, and that of hwr_confusions.
CREATE FUNCTION hwr.metrics_accum(internal, truth text, guess text) RETURNS internal
	AS 'MODULE_PATHNAME', 'hwr_metrics_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION hwr.metrics_accum(internal, text, text) IS 'transition function of hwr_cer, hwr_wer and hwr_exact';
CREATE FUNCTION hwr.metrics_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'hwr_metrics_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hwr.metrics_combine(internal, internal) IS 'combine function of hwr_cer, hwr_wer and hwr_exact';
CREATE FUNCTION hwr.metrics_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'hwr_metrics_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.metrics_serialize(internal) IS 'serialization function of hwr_cer, hwr_wer and hwr_exact';
CREATE FUNCTION hwr.metrics_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'hwr_metrics_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.metrics_deserialize(bytea, internal) IS 'deserialization function of hwr_cer, hwr_wer and hwr_exact';
CREATE FUNCTION hwr.metrics_final_cer(internal) RETURNS double precision
	AS 'MODULE_PATHNAME', 'hwr_metrics_final_cer' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hwr.metrics_final_cer(internal) IS 'final function of hwr_cer';
CREATE FUNCTION hwr.metrics_final_wer(internal) RETURNS double precision
	AS 'MODULE_PATHNAME', 'hwr_metrics_final_wer' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hwr.metrics_final_wer(internal) IS 'final function of hwr_wer';
CREATE FUNCTION hwr.metrics_final_exact(internal) RETURNS double precision
	AS 'MODULE_PATHNAME', 'hwr_metrics_final_exact' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hwr.metrics_final_exact(internal) IS 'final function of hwr_exact';

CREATE AGGREGATE hwr_cer(truth text, guess text) (
	SFUNC = hwr.metrics_accum, STYPE = internal, SSPACE = 80, FINALFUNC = hwr.metrics_final_cer,
	COMBINEFUNC = hwr.metrics_combine, SERIALFUNC = hwr.metrics_serialize, DESERIALFUNC = hwr.metrics_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE hwr_cer(text, text) IS
'character error rate: edit distance over length of the truth, both summed';

CREATE AGGREGATE hwr_wer(truth text, guess text) (
	SFUNC = hwr.metrics_accum, STYPE = internal, SSPACE = 80, FINALFUNC = hwr.metrics_final_wer,
	COMBINEFUNC = hwr.metrics_combine, SERIALFUNC = hwr.metrics_serialize, DESERIALFUNC = hwr.metrics_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE hwr_wer(text, text) IS
'word error rate: as hwr_cer, in words between white space';

CREATE AGGREGATE hwr_exact(truth text, guess text) (
	SFUNC = hwr.metrics_accum, STYPE = internal, SSPACE = 80, FINALFUNC = hwr.metrics_final_exact,
	COMBINEFUNC = hwr.metrics_combine, SERIALFUNC = hwr.metrics_serialize, DESERIALFUNC = hwr.metrics_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE hwr_exact(text, text) IS
'share of the pairs that are equal, character by character';

CREATE TYPE hwr.character_pair AS (truth text, guess text, count bigint);
COMMENT ON TYPE hwr.character_pair IS
'how often a character was read as another; an empty string on one side is an insertion or a deletion';

CREATE FUNCTION hwr.confusions_accum(internal, truth text, guess text) RETURNS internal
	AS 'MODULE_PATHNAME', 'hwr_confusions_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION hwr.confusions_accum(internal, text, text) IS 'transition function of hwr_confusions';
CREATE FUNCTION hwr.confusions_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'hwr_confusions_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hwr.confusions_combine(internal, internal) IS 'combine function of hwr_confusions';
CREATE FUNCTION hwr.confusions_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'hwr_confusions_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.confusions_serialize(internal) IS 'serialization function of hwr_confusions';
CREATE FUNCTION hwr.confusions_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'hwr_confusions_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.confusions_deserialize(bytea, internal) IS 'deserialization function of hwr_confusions';
CREATE FUNCTION hwr.confusions_final(internal) RETURNS hwr.character_pair[]
	AS 'MODULE_PATHNAME', 'hwr_confusions_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hwr.confusions_final(internal) IS 'final function of hwr_confusions';

CREATE AGGREGATE hwr_confusions(truth text, guess text) (
	SFUNC = hwr.confusions_accum, STYPE = internal, SSPACE = 4096, FINALFUNC = hwr.confusions_final,
	COMBINEFUNC = hwr.confusions_combine, SERIALFUNC = hwr.confusions_serialize, DESERIALFUNC = hwr.confusions_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE hwr_confusions(text, text) IS
'how often each character was read as which, as an array for unnest()';
