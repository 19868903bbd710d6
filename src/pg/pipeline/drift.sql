--
-- drift.sql
--	  Are the images still of the kind that the model was trained on?  Windows of rows against a baseline.
--

-- One row a window: consecutive batches of at least hwr.attachment.window rows.  The last 1,000 of an attachment are kept.
CREATE TABLE hwr.drift_window (
	id			bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	attachment	integer		NOT NULL,
	began		timestamptz	NOT NULL,
	ended		timestamptz	NOT NULL,
	rows		bigint		NOT NULL,
	features	jsonb		NOT NULL,
	baseline	text,						-- what it was compared with; NULL: there was nothing yet
	psi			jsonb						-- feature: [population stability index, bound]
);
CREATE INDEX drift_window_attachment ON hwr.drift_window (attachment, id);
SELECT pg_catalog.pg_extension_config_dump('hwr.drift_window', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.drift_window_id_seq', '');

-- Sums of counts: arrays and objects of numbers.
CREATE FUNCTION hwr.counts_add(a jsonb, b jsonb) RETURNS jsonb
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_agg(coalesce(x.v::bigint, 0) + coalesce(y.v::bigint, 0) ORDER BY n)
	  FROM jsonb_array_elements_text(a) WITH ORDINALITY x (v, n) FULL JOIN jsonb_array_elements_text(b) WITH ORDINALITY y (v, n) USING (n);
$$;
COMMENT ON FUNCTION hwr.counts_add(jsonb, jsonb) IS 'two arrays of counts, added';

CREATE FUNCTION hwr.features_add(a jsonb, b jsonb) RETURNS jsonb
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN a IS NULL THEN b WHEN b IS NULL THEN a ELSE
		(SELECT jsonb_object_agg(f, hwr.counts_add(a->f, b->f)) FROM unnest('{confidence,length,ink,width,blank}'::text[]) f)
		|| jsonb_build_object('n', (a->>'n')::bigint + (b->>'n')::bigint, 'characters', coalesce((SELECT jsonb_object_agg(s.key, s.n)
			FROM (SELECT e.key, sum(e.value::bigint) AS n FROM (SELECT * FROM jsonb_each_text(a->'characters') UNION ALL SELECT * FROM jsonb_each_text(b->'characters')) e
				  GROUP BY e.key) s), '{}')) END;
$$;
COMMENT ON FUNCTION hwr.features_add(jsonb, jsonb) IS 'features of two sets of readings, as those of both';

CREATE AGGREGATE hwr.features_sum(jsonb) (SFUNC = hwr.features_add, STYPE = jsonb);
COMMENT ON AGGREGATE hwr.features_sum(jsonb) IS 'features of many batches';

-- A quantile of chi squared, at one in 40,000: Wilson and Hilferty.
CREATE FUNCTION hwr.rare_chi2(freedom integer) RETURNS double precision
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT freedom * power(1 - 2.0 / (9 * freedom) + 4.06 * sqrt(2.0 / (9 * freedom)), 3)::double precision;
$$;
COMMENT ON FUNCTION hwr.rare_chi2(integer) IS 'what a chi squared of so many degrees of freedom exceeds once in 40,000 times';

-- Population stability index of two histograms, half a count added to each bin, and its bound: 0.2, the usual mark of a change that matters, or what
-- chance exceeds once in 40,000 windows, whichever is more; for two samples of one kind, psi / (1/n + 1/m) is near chi squared.
-- effective: of how many readings each count tells; the characters of a text go together, and lines of a form.
CREATE FUNCTION hwr.psi(seen bigint[], expected bigint[], effective double precision DEFAULT 1, OUT psi double precision, OUT bound double precision)
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT sum((p - q) * ln(p / q)), greatest(0.2, hwr.rare_chi2(greatest(count(*)::integer - 1, 1)) * (1 / nullif(max(n) * effective, 0) + 1 / nullif(max(m) * effective, 0)))
	  FROM (SELECT (s + 0.5) / (n + 0.5 * k) AS p, (e + 0.5) / (m + 0.5 * k) AS q, n, m
			  FROM (SELECT s::double precision, e::double precision, (sum(s) OVER ())::double precision AS n, (sum(e) OVER ())::double precision AS m,
						   (count(*) OVER ())::double precision AS k
					  FROM unnest(seen, expected) u (s, e) WHERE s + e > 0) c) d;
$$;
COMMENT ON FUNCTION hwr.psi(bigint[], bigint[], double precision) IS 'population stability index of two histograms, and what is beyond chance';

CREATE FUNCTION hwr.drift(seen jsonb, expected jsonb) RETURNS TABLE (feature text, psi double precision, bound double precision)
	LANGUAGE sql IMMUTABLE ROWS 6 SET search_path = pg_catalog, pg_temp AS $$
	SELECT f, p.psi, p.bound FROM unnest('{confidence,length,ink,width,blank}'::text[]) f,
		hwr.psi(ARRAY(SELECT v::bigint FROM jsonb_array_elements_text(seen->f) WITH ORDINALITY x (v, n) ORDER BY n),
				ARRAY(SELECT v::bigint FROM jsonb_array_elements_text(expected->f) WITH ORDINALITY x (v, n) ORDER BY n)) p
	UNION ALL
	-- characters that are a hundredth of the baseline or more, each for itself; all others together
	SELECT 'alphabet', p.psi, p.bound
	  FROM (SELECT array_agg(s ORDER BY bin) AS seen, array_agg(e ORDER BY bin) AS expected
			  FROM (SELECT CASE WHEN coalesce(c.e, 0) >= 0.01 * t.total THEN c.key ELSE '' END AS bin, sum(coalesce(c.s, 0))::bigint AS s, sum(coalesce(c.e, 0))::bigint AS e
					  FROM (SELECT sum(v::bigint) AS total FROM jsonb_each_text(expected->'characters') x (k, v)) t
						   CROSS JOIN (SELECT key, sum(n) FILTER (WHERE NOT old) AS s, sum(n) FILTER (WHERE old) AS e
										 FROM (SELECT k, v::bigint, false FROM jsonb_each_text(seen->'characters') x (k, v)
											   UNION ALL SELECT k, v::bigint, true FROM jsonb_each_text(expected->'characters') x (k, v)) u (key, n, old) GROUP BY key) c
					 GROUP BY 1) g) b, hwr.psi(b.seen, b.expected, 0.25) p;
$$;
COMMENT ON FUNCTION hwr.drift(jsonb, jsonb) IS 'how far features are from a baseline';

-- After a batch: where that makes a window full, compare it.  Runs as the extension's owner, on tables of schema hwr alone.
CREATE FUNCTION hwr.check_drift(attachment integer) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	a hwr.attachment;
	features jsonb;
	began timestamptz;
	ended timestamptz;
	expected jsonb;
	source text;
	psi jsonb;
	drifted text;
BEGIN
	SELECT h.* INTO a FROM hwr.attachment h WHERE h.id = $1;
	IF (SELECT coalesce(sum(b.read), 0) FROM hwr.batch b WHERE b.attachment = $1 AND NOT b.counted) < a."window" THEN
		RETURN;
	END IF;
	PERFORM FROM hwr.attachment h WHERE h.id = $1 FOR NO KEY UPDATE SKIP LOCKED;
	IF NOT FOUND THEN		-- another worker's batch is doing it
		RETURN;
	END IF;
	WITH c AS (UPDATE hwr.batch b SET counted = true WHERE b.attachment = $1 AND NOT b.counted RETURNING b.features, b.done)
		SELECT hwr.features_sum(c.features), min(c.done), max(c.done) INTO features, began, ended FROM c;
	IF a.baseline IS NOT NULL THEN
		expected := a.baseline;
		source := a.baseline_source;
	ELSE
		SELECT v.features, format('training of version %s', v.version) INTO expected, source
		  FROM hwr.model m JOIN hwr.version v ON v.model_id = m.id AND v.version = m.active WHERE m.name = a.model AND (v.features->>'n')::bigint >= 100;
	END IF;
	IF expected IS NULL THEN	-- a model that comes with hwr, or from elsewhere: what the first windows look like
		expected := (SELECT hwr.features_sum(w.features) FROM hwr.drift_window w WHERE w.attachment = $1 AND w.baseline IS NULL);
		expected := hwr.features_add(expected, features);
		IF (expected->>'n')::bigint >= 5 * a."window" THEN
			UPDATE hwr.attachment h SET baseline = expected, baseline_source = format('its first %s rows', expected->>'n') WHERE h.id = $1;
		END IF;
		expected := NULL;
	ELSE
		SELECT jsonb_object_agg(d.feature, jsonb_build_array(d.psi, d.bound)), string_agg(d.feature, ', ' ORDER BY d.feature) FILTER (WHERE d.psi > d.bound)
		  INTO psi, drifted FROM hwr.drift(features, expected) d;
	END IF;
	INSERT INTO hwr.drift_window (attachment, began, ended, rows, features, baseline, psi)
		VALUES ($1, began, ended, (features->>'n')::bigint, features, source, psi);
	DELETE FROM hwr.drift_window w WHERE w.attachment = $1
		AND w.id <= (SELECT o.id FROM hwr.drift_window o WHERE o.attachment = $1 ORDER BY o.id DESC OFFSET 1000 LIMIT 1);
	IF drifted IS DISTINCT FROM a.drift THEN
		UPDATE hwr.attachment h SET drift = drifted WHERE h.id = $1;
		PERFORM pg_notify('hwr_drift', jsonb_build_object('data', a.data::oid::regclass::text, 'column', a.text_column, 'drift', drifted)::text);
	END IF;
END $$;
COMMENT ON FUNCTION hwr.check_drift(integer) IS 'compare a window of rows that is full with the baseline';
REVOKE EXECUTE ON FUNCTION hwr.check_drift(integer) FROM PUBLIC;

CREATE FUNCTION hwr.set_baseline(attachment integer, keep boolean) RETURNS bigint
	AS 'MODULE_PATHNAME', 'hwr_set_baseline' LANGUAGE C STRICT;
COMMENT ON FUNCTION hwr.set_baseline(integer, boolean) IS 'what hwr_set_baseline does';

CREATE FUNCTION hwr_set_baseline(data regclass, as_now boolean DEFAULT true, text_column name DEFAULT NULL) RETURNS bigint
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.set_baseline(hwr.find_attachment($1, $3), coalesce($2, true));
$$;
COMMENT ON FUNCTION hwr_set_baseline(regclass, boolean, name) IS
'take the last five windows of an attached table as what its rows should look like, and return their rows; as_now false: what the model''s training looked like again, or else its next rows';

CREATE VIEW hwr_drift_windows WITH (security_barrier) AS
	SELECT a.attachment, a.data, a.text_column, w.id AS "window", w.began, w.ended, w.rows, w.baseline, p.key AS feature,
		   (p.value->>0)::double precision AS psi, (p.value->>1)::double precision AS bound, (p.value->>0)::double precision > (p.value->>1)::double precision AS drifted
	  FROM hwr_attachments a JOIN hwr.drift_window w ON w.attachment = a.attachment
	  LEFT JOIN LATERAL pg_catalog.jsonb_each(w.psi) p ON true;
COMMENT ON VIEW hwr_drift_windows IS 'windows of rows of attached tables, and how far they are from the baseline, a row a feature';
COMMENT ON COLUMN hwr_drift_windows.psi IS 'population stability index; NULL: there was no baseline yet';
COMMENT ON COLUMN hwr_drift_windows.bound IS '0.2, or what chance exceeds once in 40,000 windows, if that is more';
GRANT SELECT ON hwr_drift_windows TO PUBLIC;

CREATE VIEW hwr_drift WITH (security_barrier) AS
	SELECT w.attachment, w.data, w.text_column, w.feature, w.psi, w.bound, w.drifted, w.rows, w.baseline, w.ended
	  FROM hwr_drift_windows w WHERE w."window" = (SELECT max(x.id) FROM hwr.drift_window x WHERE x.attachment = w.attachment);
COMMENT ON VIEW hwr_drift IS 'the newest window of each attached table against its baseline';
GRANT SELECT ON hwr_drift TO PUBLIC;
