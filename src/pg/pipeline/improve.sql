--
-- improve.sql
--	  Learning from corrections: hwr_improve, and what a person should look at next.
--

-- The tables of a training are read by another process, as the caller and with his settings.  So what hwr_improve wants of the two views below travels in
-- one of them, hwr.improvement: {"model": ..., "training": OID, "image_column": ..., "label_column": ..., "rows": ..., "held_out_rows": ...}.  What is read
-- is read with the caller's privileges in any case.
CREATE FUNCTION hwr.improvement(held_out boolean) RETURNS TABLE (image bytea, label text)
	LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	wanted jsonb := nullif(current_setting('hwr.improvement', true), '')::jsonb;
BEGIN
	IF wanted IS NULL THEN
		RETURN;
	END IF;
	RETURN QUERY SELECT c.image, c.label FROM hwr.corrections() c JOIN @extschema@.hwr_attachments a ON a.attachment = c.attachment
				  WHERE a.model = wanted->>'model' AND c.held_out = $1 AND c.label ~ '[^[:space:]]' ORDER BY c.id;	-- an empty text teaches nothing
	IF wanted->>'training' IS NOT NULL THEN
		-- a sample that is the same each time: by the images' hashes
		RETURN QUERY EXECUTE format('SELECT t.%1$I, t.%2$I::text FROM %3$s t WHERE t.%1$I IS NOT NULL AND t.%2$I::text <> '''' AND hwr.is_held_out(sha256(t.%1$I)) = %4$L
			ORDER BY sha256(t.%1$I) LIMIT %5$s', wanted->>'image_column', wanted->>'label_column', (wanted->>'training')::oid::regclass, $1,
			(wanted->>CASE WHEN $1 THEN 'held_out_rows' ELSE 'rows' END)::bigint);
	END IF;
END $$;
COMMENT ON FUNCTION hwr.improvement(boolean) IS 'what hwr_improve trains or measures on: corrections, and rows of the former training';

CREATE VIEW hwr_improvement WITH (security_barrier) AS SELECT i.image, i.label FROM hwr.improvement(false) i;
COMMENT ON VIEW hwr_improvement IS 'what hwr_improve trains on, while it does; else empty';
CREATE VIEW hwr_improvement_held_out WITH (security_barrier) AS SELECT i.image, i.label FROM hwr.improvement(true) i;
COMMENT ON VIEW hwr_improvement_held_out IS 'what hwr_improve measures on, while it does; else empty';
GRANT SELECT ON hwr_improvement, hwr_improvement_held_out TO PUBLIC;

-- The table that a model was last trained on, other than by hwr_improve; NULL: it is not known to the caller, or gone.  Nobody runs the functions of
-- another's view without having named it.
CREATE FUNCTION hwr.former_training(model text) RETURNS regclass
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT to_regclass(j.training) FROM @extschema@.hwr_job_details j
	 WHERE j.model = $1 AND j.version IS NOT NULL AND to_regclass(j.training) IS NOT NULL AND to_regclass(j.training) <> '@extschema@.hwr_improvement'::regclass
		   AND (j.owner = current_user OR EXISTS (SELECT FROM pg_class c WHERE c.oid = to_regclass(j.training)::oid AND c.relkind IN ('r', 'p', 'm')))
	 ORDER BY j.job DESC LIMIT 1;
$$;
COMMENT ON FUNCTION hwr.former_training(text) IS 'the table that a model was last trained on, other than by hwr_improve';

CREATE FUNCTION hwr_improve(model text DEFAULT 'default', training regclass DEFAULT NULL, image_column name DEFAULT NULL, label_column name DEFAULT NULL,
							options jsonb DEFAULT '{}', "rows" bigint DEFAULT NULL, wait boolean DEFAULT true,
							OUT job bigint, OUT version integer, OUT activated boolean, OUT corrections bigint, OUT held_out bigint, OUT former_rows bigint,
							OUT cer_before double precision, OUT cer double precision, OUT verdict text)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	wanted jsonb;
	held_out_rows bigint;
	result record;
BEGIN
	IF $1 IS NULL OR $5 IS NULL OR $7 IS NULL OR $6 < 0 THEN
		RAISE EXCEPTION 'model, options and wait of hwr_improve must not be null, nor rows negative' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	training := coalesce(training, hwr.former_training($1));
	SELECT count(*) FILTER (WHERE NOT c.held_out), count(*) FILTER (WHERE c.held_out) INTO corrections, held_out
	  FROM hwr.corrections() c JOIN @extschema@.hwr_attachments a ON a.attachment = c.attachment WHERE a.model = $1 AND c.label ~ '[^[:space:]]';
	IF corrections = 0 OR held_out = 0 THEN
		RAISE EXCEPTION 'model "%" has too few corrections to learn from: % to train on, % to measure on', $1, corrections, held_out
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'hwr_review_next says which rows are worth a look.';
	END IF;
	-- Corrections are of rows that the model read wrongly: whatever else it read rightly must not be lost for them, so there is as much of that to measure on.
	"rows" := coalesce("rows", greatest(10 * corrections, 500));
	held_out_rows := greatest(2 * held_out, 50);
	former_rows := 0;
	IF training IS NOT NULL THEN
		image_column := hwr.attach_column(training, image_column, 'image_column', 'bytea');
		label_column := hwr.attach_column(training, label_column, 'label_column', 'text');
	END IF;
	wanted := jsonb_build_object('model', $1, 'training', training::oid, 'image_column', image_column, 'label_column', label_column, 'rows', "rows",
		'held_out_rows', held_out_rows);
	PERFORM set_config('hwr.improvement', wanted::text, true);
	IF training IS NOT NULL THEN
		SELECT count(*) - corrections INTO former_rows FROM @extschema@.hwr_improvement;
	END IF;
	SELECT t.* INTO result FROM @extschema@.hwr_train('@extschema@.hwr_improvement', $1, options => jsonb_build_object('base', $1, 'epochs', 6) || options
		|| jsonb_build_object('validation', '@extschema@.hwr_improvement_held_out'), wait => $7, activate => 'auto') t;
	PERFORM set_config('hwr.improvement', '', true);
	job := result.job;
	version := result.version;
	activated := result.activated;
	cer := result.cer;
	verdict := (SELECT j.message FROM @extschema@.hwr_job_details j WHERE j.job = result.job);
	cer_before := (regexp_match(verdict, 'against ([0-9.]+) %'))[1]::double precision / 100;
END $$;
COMMENT ON FUNCTION hwr_improve(text, regclass, name, name, jsonb, bigint, boolean) IS
'train a model''s next version from the active one, on corrections and rows of its former training, and activate it if it reads a quarter of the corrections and as many former rows, which it was not trained on, better beyond chance; verdict says what was done and why';
REVOKE EXECUTE ON FUNCTION hwr_improve(text, regclass, name, name, jsonb, bigint, boolean) FROM PUBLIC;

-- How rare a text's characters are among the labels that there are: 0 for the commonest, about 1 for what has never been seen.
CREATE FUNCTION hwr.rarity(text text, seen jsonb, total bigint) RETURNS double precision
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(max(1 - ln(1 + coalesce((seen->>c)::bigint, 0)) / nullif(ln(1 + total), 0)), 0)::double precision FROM regexp_split_to_table(text, '') c WHERE c <> '';
$$;
COMMENT ON FUNCTION hwr.rarity(text, jsonb, bigint) IS 'how rare the rarest character of a text is among those counted in seen, of which the commonest has total';

CREATE FUNCTION hwr_review_next(data regclass, "limit" integer DEFAULT 20, text_column name DEFAULT NULL, rank_by text DEFAULT 'teaching',
								OUT key text[], OUT text text, OUT confidence double precision, OUT model text, OUT version integer, OUT other text,
								OUT teaches double precision, OUT reason text, OUT image bytea) RETURNS SETOF record
	LANGUAGE plpgsql STABLE ROWS 20 SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' SET timezone = 'UTC' AS $$
DECLARE
	a record;
	counts jsonb;
	commonest bigint;
BEGIN
	IF $4 IS NULL OR NOT ($4 = ANY ('{teaching,doubt}')) THEN
		RAISE EXCEPTION 'invalid value for argument "rank_by" of hwr_review_next: %', quote_nullable($4) USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Valid values are: teaching, doubt.';
	END IF;
	-- The attachment first: where there is none that is an error, also where no table is attached.
	SELECT h.* INTO STRICT a FROM (SELECT hwr.find_attachment($1, $3) AS id OFFSET 0) f
		CROSS JOIN LATERAL (SELECT v.* FROM @extschema@.hwr_attachments v WHERE v.attachment = f.id OFFSET 0) h;
	IF EXISTS (SELECT FROM pg_attribute k WHERE k.attrelid = a.data AND k.attname = ANY (a.key_columns) AND NOT hwr.is_plain_key(k.atttypid)) THEN
		RAISE EXCEPTION 'key of table "%" has a type whose checks would run as the current user', a.data USING ERRCODE = 'feature_not_supported',
			HINT = 'It has been changed since the table was attached.';
	END IF;
	SELECT coalesce(jsonb_object_agg(s.c, s.n), '{}'), coalesce(max(s.n), 0) INTO counts, commonest
	  FROM (SELECT c, count(*) AS n FROM hwr.own_corrections x, regexp_split_to_table(x.label, '') c WHERE x.attachment = a.attachment AND c <> '' GROUP BY c) s;
	-- The least sure are looked at: those that the model is sure of teach little, and every row looked at is read from the table.
	RETURN QUERY EXECUTE format($sql$
		SELECT s.key, s.text, s.confidence, s.model, s.version, s.other, s.teaches,
			   CASE WHEN s.other IS DISTINCT FROM s.text AND s.other IS NOT NULL THEN 'versions disagree'
					WHEN s.rarity > 0.6 THEN 'rare characters' WHEN s.text = '' THEN 'read as empty' ELSE 'the reading is uncertain' END,
			   s.image
		  FROM (SELECT d.*, CASE $4 WHEN 'doubt' THEN d.doubt
								-- a reading that others repeat teaches once; one that is all doubt is more often a bad image than a lesson
								ELSE d.doubt * (1 - 0.5 * d.doubt) * (1 + d.disagreement) * (1 + d.rarity) / sqrt(row_number() OVER (PARTITION BY d.text ORDER BY d.doubt DESC)) END AS teaches
				  FROM (SELECT k.key, t.%2$I::text AS text, k.confidence, k.model, k.version, k.other, t.%1$I AS image, 1 - k.confidence AS doubt,
							   CASE WHEN k.other IS NULL OR k.other = t.%2$I::text THEN 0 ELSE 1 END AS disagreement, hwr.rarity(t.%2$I::text, $2, $3) AS rarity
						  FROM (SELECT r.*, sh.text AS other FROM hwr.own_rows r
								LEFT JOIN LATERAL (SELECT x.text FROM hwr.own_shadows x WHERE x.attachment = r.attachment AND x.key = r.key AND x.hash = r.hash
												   ORDER BY x.trial DESC LIMIT 1) sh ON true
								 WHERE r.attachment = %3$s AND NOT r.corrected AND r.model IS NOT NULL ORDER BY r.confidence LIMIT 20 * $1) k
							   JOIN %4$s t ON %5$s
						 WHERE t.%2$I IS NOT NULL AND sha256(t.%1$I) = k.hash) d) s
		 ORDER BY s.teaches DESC, s.confidence, s.key LIMIT $1 $sql$,
		a.image_column, a.text_column, a.attachment, hwr.only_table(a.data), hwr.key_matches(a.data, a.key_columns)) USING greatest("limit", 0), counts, commonest, $4;
END $$;
COMMENT ON FUNCTION hwr_review_next(regclass, integer, name, text) IS
'rows of an attached table that a person should look at next, of those that have been read and not yet corrected: by how much a label would teach (doubt, disagreement of versions, rare characters, no repetitions), or by doubt alone';
