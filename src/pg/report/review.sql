--
-- review.sql
--	  What a person should look at first.
--

CREATE FUNCTION hwr_review(data regclass, model text DEFAULT NULL, "limit" integer DEFAULT 50, version integer DEFAULT NULL,
						   image_column name DEFAULT NULL, label_column name DEFAULT NULL,
						   OUT "row" bigint, OUT key text, OUT reason text, OUT doubt double precision, OUT label text, OUT guess text,
						   OUT confidence double precision) RETURNS SETOF record
	LANGUAGE sql ROWS 50 SET search_path = pg_catalog, pg_temp AS $$
	-- doubt: 1 less the probability of what is on record, the label where there is one
	SELECT r."row", r.key,
		   CASE WHEN r.problem IS NOT NULL THEN r.problem
				WHEN r.distance > 0 AND r.loss IS NULL THEN 'the model cannot write the label'
				WHEN r.distance > 0 AND r.confidence >= 0.5 THEN 'the label may be wrong'
				WHEN r.distance > 0 THEN 'label and reading differ'
				ELSE 'the reading is uncertain' END,
		   d.doubt, r.label, r.guess, r.confidence
	  FROM @extschema@.hwr_readings($1, $2, $4, $5, $6) r
		   CROSS JOIN LATERAL (SELECT CASE WHEN r.problem IS NOT NULL OR (r.label IS NOT NULL AND r.loss IS NULL) THEN 1
										   WHEN r.label IS NOT NULL THEN 1 - exp(-least(r.loss, 700)) ELSE 1 - r.confidence END AS doubt) d
	 ORDER BY r.problem IS NULL, d.doubt DESC, r.confidence, r."row" LIMIT $3;
$$;
COMMENT ON FUNCTION hwr_review(regclass, text, integer, integer, name, name) IS
'the rows that a person should look at first, and why';
