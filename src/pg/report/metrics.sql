--
-- metrics.sql
--	  Measurements, epochs and confusions that are stored.
--

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
