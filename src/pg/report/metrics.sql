--
-- metrics.sql
--	  Measurements, epochs and confusions that are stored.
--

-- The views behind the functions: users may see rows of the models they may use.
CREATE VIEW hwr.metrics WITH (security_barrier) AS
	(SELECT m.name AS model,
		   v.version,
		   x.split,
		   x.data,
		   x.images,
		   x.skipped,
		   x.overlap,
		   hwr.shown(x.loss) AS loss,
		   hwr.shown(x.cer) AS cer,
		   hwr.shown(x.wer) AS wer,
		   hwr.shown(x.exact_match) AS exact_match,
		   hwr.shown(x."precision") AS "precision",
		   hwr.shown(x.recall) AS recall,
		   hwr.shown(x.f1) AS f1,
		   x.measured
	  FROM hwr.metric x
		   JOIN hwr.version v ON v.id = x.version_id
		   JOIN hwr.model m ON m.id = v.model_id
		   LEFT JOIN pg_catalog.pg_largeobject_metadata l ON l.oid = v.weights
	 WHERE hwr.may_see(v.weights)
	   AND (hwr.metric_counts(x.split, x.owner, l.lomowner) OR pg_catalog.pg_has_role(x.owner, 'USAGE'))
	 OFFSET 0)	-- PostgreSQL pulls the arms of a UNION ALL out of the view and its barrier: this holds a reader's conditions outside
	UNION ALL
	-- what comes with the bundled models that are in use
	SELECT b.model, NULL, f.split, f.data, f.images::bigint, f.skipped, f.skipped,
		   hwr.shown(f.loss::double precision), hwr.shown((f.figures->>'cer'::text)::double precision),
		   hwr.shown((f.figures->>'wer'::text)::double precision), hwr.shown((f.figures->>'exact_match'::text)::double precision),
		   hwr.shown((f.figures->>'precision'::text)::double precision), hwr.shown((f.figures->>'recall'::text)::double precision),
		   hwr.shown((f.figures->>'f1'::text)::double precision), NULL
	  FROM hwr.bundled_models() b
		   CROSS JOIN LATERAL (SELECT 'validation', 'its training', b.result->>'validation_images'::text, NULL::bigint, b.result->>'validation_loss'::text, b.result
							   UNION ALL
							   SELECT 'evaluation', e.figures->>'data'::text, e.figures->>'images'::text, 0, e.figures->>'loss'::text, e.figures
								 FROM (SELECT b.card->'evaluation'::text) e(figures) WHERE e.figures IS NOT NULL)
			   f(split, data, images, skipped, loss, figures)
	 WHERE NOT EXISTS (SELECT FROM hwr.model m WHERE m.name = b.model AND m.active IS NOT NULL);
COMMENT ON VIEW hwr.metrics IS 'rows of hwr_metrics(): those of a model''s owner, and one''s own';
GRANT SELECT ON hwr.metrics TO PUBLIC;

CREATE VIEW hwr.epochs WITH (security_barrier) AS
	SELECT COALESCE(m.name, j.model) AS model,
		   v.version,
		   h.job,
		   h.epoch,
		   h.learning_rate,
		   hwr.shown(h.train_loss) AS train_loss,
		   hwr.shown(h.validation_loss) AS validation_loss,
		   hwr.shown(h.cer) AS cer,
		   hwr.shown(h.wer) AS wer,
		   hwr.shown(h.exact_match) AS exact_match,
		   hwr.shown(h.grad_norm) AS grad_norm,
		   pg_catalog.round(h.images_per_second::numeric, 1)::double precision AS images_per_second,
		   pg_catalog.round(h.seconds::numeric, 1)::double precision AS seconds,
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
	(SELECT m.name AS model,
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
		   LEFT JOIN pg_catalog.pg_largeobject_metadata l ON l.oid = v.weights
	 WHERE hwr.may_see(v.weights)
	   AND (hwr.metric_counts(x.split, x.owner, l.lomowner) OR pg_catalog.pg_has_role(x.owner, 'USAGE'))
	 OFFSET 0)	-- PostgreSQL pulls the arms of a UNION ALL out of the view and its barrier: this holds a reader's conditions outside
	UNION ALL
	SELECT b.model, NULL, NOT EXISTS (SELECT FROM hwr.model m WHERE m.name = b.model AND m.active IS NOT NULL), 0,
		   c.value->>0, c.value->>1, (c.value->>2)::bigint
	  FROM hwr.bundled_models() b, pg_catalog.jsonb_array_elements(b.card->'confusions'::text) c
	 WHERE b.card ? 'confusions'::text;
COMMENT ON VIEW hwr.confusions IS 'rows of hwr_confusions(), of every measurement';
GRANT SELECT ON hwr.confusions TO PUBLIC;

CREATE FUNCTION hwr_metrics(model text DEFAULT NULL) RETURNS SETOF hwr.metrics
	LANGUAGE sql STABLE PARALLEL SAFE ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.check_model($1);
	SELECT * FROM hwr.metrics x
	 WHERE $1 IS NULL OR x.model = $1
	 ORDER BY x.model, x.version NULLS FIRST, x.measured, x.split DESC;
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
							   OUT truth text, OUT guess text, OUT count bigint, OUT error text) RETURNS SETOF record
	LANGUAGE sql STABLE PARALLEL SAFE ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.check_model(COALESCE($1, 'default'));
	WITH mine AS (
		SELECT * FROM hwr.confusions c
		 WHERE c.model = COALESCE($1, 'default') AND CASE WHEN $2 IS NULL THEN c.active ELSE c.version = $2 END)
	SELECT c.truth, c.guess, c.count,
		   CASE WHEN c.truth = '' THEN format('"%s" read, and not there', c.guess) WHEN c.guess = '' THEN format('"%s" missed', c.truth)
				WHEN c.truth <> c.guess THEN format('"%s" read as "%s"', c.truth, c.guess) END
	  FROM mine c
	 WHERE c.metric_id = (SELECT max(x.metric_id) FROM mine x)
	 ORDER BY c.count DESC, c.truth COLLATE "C", c.guess COLLATE "C";
$$;
COMMENT ON FUNCTION hwr_confusions(text, integer) IS
'how often each character was read as which in the latest measurement of a version, the active one of the model default unless others are named; an empty string on one side is an insertion or a deletion; error: the same in words, null where it was read rightly';
