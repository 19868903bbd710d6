--
-- resume.sql
--	  Going on with a job, and forgetting one.
--

CREATE FUNCTION hwr_resume(
	job				bigint,
	max_minutes		double precision DEFAULT NULL,
	wait			boolean		DEFAULT true
)
RETURNS TABLE (
	job				bigint,
	model			text,
	version			integer,
	activated		boolean,
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
AS 'MODULE_PATHNAME', 'hwr_resume'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1 COST 1000000;

COMMENT ON FUNCTION hwr_resume(bigint, double precision, boolean) IS
'go on with a training job that was stopped, from its last checkpoint; max_minutes: another limit of its whole time';

CREATE FUNCTION hwr_drop_job(job bigint)
RETURNS void
AS 'MODULE_PATHNAME', 'hwr_drop_job'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION hwr_drop_job(bigint) IS
'forget a training job that has ended: its row, its epochs and its checkpoint, not its model';

CREATE FUNCTION hwr_drop_checkpoint(job bigint)
RETURNS void
AS 'MODULE_PATHNAME', 'hwr_drop_checkpoint'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION hwr_drop_checkpoint(bigint) IS
'remove the checkpoint of a training job that has ended, which can then not go on: before a dump, or to save room';

-- What is costly or writes is for those to whom an administrator grants it: see doc/privileges.md.
REVOKE EXECUTE ON FUNCTION
	hwr_resume(bigint, double precision, boolean),
	hwr_drop_job(bigint),
	hwr_drop_checkpoint(bigint)
	FROM PUBLIC;
