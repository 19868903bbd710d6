--
-- job.sql
--	  Training jobs: their rows and epochs, hwr_cancel, hwr_jobs, hwr_progress.
--

-- One row a training job.  The worker updates progress in short transactions of its own.
CREATE TABLE hwr.job (
	id			bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	model		text		NOT NULL,
	training	text		NOT NULL,		-- qualified name of the table
	validation	text,						-- likewise, where there is one
	place		text,						-- the database whose these OIDs are: a dump restored elsewhere has others
	training_id oid,						-- of the tables, which keep them when they are renamed
	validation_id oid,
	training_kind "char",					-- pg_class.relkind: a table that has become a view is not gone on with
	validation_kind "char",
	image_column text		NOT NULL DEFAULT '',	-- '': to be found
	label_column text		NOT NULL DEFAULT '',
	activate	text		NOT NULL DEFAULT 'auto',	-- auto, always, never
	owner		hwr.role	NOT NULL,		-- role that asked
	options		jsonb		NOT NULL,
	state		text		NOT NULL CHECK (state IN ('queued', 'starting', 'running', 'done', 'failed', 'cancelled')),
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
	activated	boolean,					-- whether readers got it
	sqlstate	text,						-- of a failure
	message		text,						-- what it waits for, why it ended, or the error
	checkpoint	oid,						-- large object to go on from
	checkpointed timestamptz,
	checkpoint_bytes bigint
) WITH (fillfactor = 50);

-- One row an epoch of a job.
CREATE TABLE hwr.history (
	job			bigint		NOT NULL,
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

CREATE FUNCTION hwr.delete_epochs() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM hwr.history WHERE job = OLD.id;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION hwr.delete_epochs() IS 'what ON DELETE CASCADE would do';
CREATE TRIGGER delete_dependents AFTER DELETE ON hwr.job FOR EACH ROW EXECUTE FUNCTION hwr.delete_epochs();
REVOKE EXECUTE ON FUNCTION hwr.delete_epochs() FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('hwr.job', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.job_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.history', '');

CREATE FUNCTION hwr_cancel(job bigint)
RETURNS boolean
AS 'MODULE_PATHNAME', 'hwr_cancel'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION hwr_cancel(bigint) IS
'cancel a training job; false if it has already ended';

CREATE FUNCTION hwr_finish(job bigint)
RETURNS boolean
AS 'MODULE_PATHNAME', 'hwr_finish'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION hwr_finish(bigint) IS
'end a training job now and store its best epoch; false if it has already ended';

-- Has the job's worker gone without writing how the job ended?
CREATE FUNCTION hwr.job_interrupted(job bigint)
RETURNS boolean
AS 'MODULE_PATHNAME', 'hwr_job_interrupted'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION hwr.job_interrupted(bigint) IS
'whether the worker of a training job stopped before the job ended';

-- Errors can quote data: a job is shown to the role that started it, its members, and monitors.
CREATE VIEW hwr_job_details WITH (security_barrier) AS
SELECT j.id AS job,
	j.model,
	j.training,
	j.validation,
	CASE WHEN j.owner::oid <> '0'::oid THEN pg_catalog.pg_get_userbyid(j.owner) END AS owner,
	CASE WHEN i.interrupted THEN 'interrupted' ELSE j.state END AS state,
	j.phase,
	j.epoch,
	j.epochs,
	pg_catalog.round(j.loss::numeric, 4)::double precision AS loss,
	e.cer,
	j.images,
	j.validation_images,
	j.skipped,
	j.version,
	j.activated,
	j.sqlstate,
	CASE WHEN i.interrupted THEN 'the server or the worker stopped before the job ended' ELSE j.message END AS message,
	j.requested,
	j.started,
	j.finished,
	j.checkpointed,
	j.checkpoint_bytes,
	CASE WHEN i.interrupted OR j.finished IS NOT NULL THEN NULL ELSE j.pid END AS pid,
	j.options
FROM hwr.job j
CROSS JOIN LATERAL (
	SELECT CASE WHEN j.state IN ('queued', 'starting', 'running') THEN hwr.job_interrupted(j.id) ELSE false END AS interrupted
) i
LEFT JOIN LATERAL (
	SELECT pg_catalog.round(h.cer::numeric, 4)::double precision AS cer FROM hwr.history h WHERE h.job = j.id AND h.best ORDER BY h.epoch DESC LIMIT 1
) e ON true
WHERE pg_catalog.pg_has_role(j.owner, 'USAGE')
	OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE');

GRANT SELECT ON hwr_job_details TO PUBLIC;

COMMENT ON VIEW hwr_job_details IS 'training jobs, how they ended and why';
COMMENT ON COLUMN hwr_job_details.cer IS 'of the best epoch, on the validation images';
COMMENT ON COLUMN hwr_job_details.checkpointed IS
'when the state was kept from which hwr_resume goes on; null: there is none';
COMMENT ON COLUMN hwr_job_details.state IS
'queued: waits for other trainings because of hwr.max_jobs; starting, running, done, failed, cancelled; or interrupted: the worker is gone without having said why';

CREATE VIEW hwr_jobs WITH (security_barrier) AS
SELECT d.job, d.model, d.state, d.epoch, d.epochs, d.cer, d.version, d.activated, d.sqlstate,
	pg_catalog.date_trunc('second', coalesce(d.finished, d.started, d.requested)) AS since
FROM hwr_job_details d;

GRANT SELECT ON hwr_jobs TO PUBLIC;

COMMENT ON VIEW hwr_jobs IS 'training jobs and how they ended; hwr_job_details has more columns, among them message';
COMMENT ON COLUMN hwr_jobs.since IS 'when it ended, or started, or was asked for';

CREATE VIEW hwr_progress WITH (security_barrier) AS
SELECT j.id AS job,
	j.model,
	j.phase,
	j.epoch,
	j.epochs,
	j.step,
	j.steps,
	pg_catalog.round(j.loss::numeric, 2)::real AS loss,
	pg_catalog.round(e.validation_loss::numeric, 2)::real AS validation_loss,
	pg_catalog.round(e.cer::numeric, 4)::real AS cer,
	pg_catalog.round(j.images_per_second::numeric)::integer AS images_per_second,
	pg_catalog.date_trunc('second', j.eta) AS eta,
	pg_catalog.date_trunc('second', pg_catalog.clock_timestamp() + j.eta) AS ends,
	pg_catalog.date_trunc('milliseconds', pg_catalog.clock_timestamp() - coalesce(j.started, j.requested)) AS elapsed,
	'[' || pg_catalog.repeat('#', b.filled) || pg_catalog.repeat('-', 20 - b.filled) || ']' AS bar
FROM hwr.job j
CROSS JOIN LATERAL (
	SELECT CASE WHEN j.epochs > 0 AND j.epoch > 0
				THEN greatest(0, least(20, (20::double precision
											* ((j.epoch - 1)::double precision
											   + coalesce(j.step::double precision / nullif(j.steps, 0)::double precision,
														  0::double precision))
											/ j.epochs::double precision)::integer))
				ELSE 0 END AS filled
) b
LEFT JOIN LATERAL (SELECT h.validation_loss, h.cer FROM hwr.history h WHERE h.job = j.id ORDER BY h.epoch DESC LIMIT 1) e ON true
WHERE j.state IN ('starting', 'running')
	AND (pg_catalog.pg_has_role(j.owner, 'USAGE') OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'))
	AND CASE WHEN j.state IN ('starting', 'running') THEN NOT hwr.job_interrupted(j.id) END;

GRANT SELECT ON hwr_progress TO PUBLIC;

COMMENT ON VIEW hwr_progress IS 'training jobs that are running, and how far they are; validation_loss and cer are of the last epoch that is complete';
