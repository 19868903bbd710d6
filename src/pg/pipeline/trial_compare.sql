--
-- trial_compare.sql
--	  What came of a trial, from corrections.
--

-- Two-sided p value of a standard normal deviate: Abramowitz and Stegun 7.1.26, to 1.5e-7.
CREATE FUNCTION hwr.normal_p(z double precision) RETURNS double precision
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t * exp(-z * z / 2)
	  FROM (SELECT 1 / (1 + 0.3275911 * abs(z) / sqrt(2.0::double precision)) AS t) s;
$$;
COMMENT ON FUNCTION hwr.normal_p(double precision) IS 'two-sided p value of a standard normal deviate';

-- The corrections of a trial's rows: what each version read, and what is right.
CREATE FUNCTION hwr.trial_labels(trial integer) RETURNS TABLE (arm text, label text, reading text, other text)
	LANGUAGE sql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp AS $$
	SELECT c.arm, c.label, c.reading, s.text
	  FROM (SELECT DISTINCT ON (x.key) x.* FROM hwr.own_corrections x JOIN @extschema@.hwr_trials t ON t.trial = $1 AND x.attachment = t.attachment
			 WHERE x.trial = $1 AND x.reading IS NOT NULL ORDER BY x.key, x.id DESC) c
		   LEFT JOIN hwr.own_shadows s ON s.trial = $1 AND s.attachment = c.attachment AND s.key = c.key AND s.hash = c.hash;
$$;
COMMENT ON FUNCTION hwr.trial_labels(integer) IS 'corrected rows of a trial, with the readings of both versions';

CREATE FUNCTION hwr_compare(data regclass, text_column name DEFAULT NULL,
							OUT trial integer, OUT shadow boolean, OUT model_b text, OUT version_b integer, OUT labelled_a bigint, OUT labelled_b bigint,
							OUT cer_a double precision, OUT cer_b double precision, OUT exact_a double precision, OUT exact_b double precision,
							OUT only_a_exact bigint, OUT only_b_exact bigint, OUT p_value double precision, OUT look integer, OUT bound double precision,
							OUT verdict text) RETURNS SETOF record
	LANGUAGE sql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
	-- Looks at 50, 100, 200, ... labelled rows; at the k-th, p must be below 0.05 / (k (k + 1)), whose sum over all k is 0.05.
	SELECT t.trial, t.shadow, t.model, t.version, f.n_a, f.n_b, f.cer_a, f.cer_b, f.exact_a::double precision / nullif(f.n_a, 0),
		   f.exact_b::double precision / nullif(f.n_b, 0), f.only_a, f.only_b, p.value, l.look, l.bound,
		   CASE WHEN l.look = 0 THEN format('too early: the first look is at 50 labelled rows, there are %s', l.n)
				WHEN p.value < l.bound AND f.exact_b * f.n_a > f.exact_a * f.n_b THEN 'stop: the version that is tried is better'
				WHEN p.value < l.bound THEN 'stop: the version that is tried is worse'
				ELSE format('go on: no difference beyond chance; the next look is at %s labelled rows', 50 * (1 << l.look)) END
	  -- The attachment first: where there is none that is an error, whether or not there are trials.
	  FROM (SELECT hwr.find_attachment($1, $2) AS id OFFSET 0) a
	  CROSS JOIN LATERAL (SELECT v.* FROM @extschema@.hwr_trials v WHERE v.attachment = a.id OFFSET 0) t
	  CROSS JOIN LATERAL (
		SELECT count(*) FILTER (WHERE x.in_a) AS n_a, count(*) FILTER (WHERE x.in_b) AS n_b,
			   @extschema@.hwr_cer(x.label, x.text_a) FILTER (WHERE x.in_a) AS cer_a, @extschema@.hwr_cer(x.label, x.text_b) FILTER (WHERE x.in_b) AS cer_b,
			   count(*) FILTER (WHERE x.in_a AND x.text_a = x.label) AS exact_a, count(*) FILTER (WHERE x.in_b AND x.text_b = x.label) AS exact_b,
			   count(*) FILTER (WHERE x.in_a AND x.in_b AND x.text_a = x.label AND x.text_b <> x.label) AS only_a,
			   count(*) FILTER (WHERE x.in_a AND x.in_b AND x.text_b = x.label AND x.text_a <> x.label) AS only_b
		  FROM (SELECT r.label, r.reading AS text_a, CASE WHEN t.shadow THEN r.other ELSE r.reading END AS text_b,
					   CASE WHEN t.shadow THEN r.other IS NOT NULL ELSE r.arm = 'a' END AS in_a,
					   CASE WHEN t.shadow THEN r.other IS NOT NULL ELSE r.arm = 'b' END AS in_b
				  FROM hwr.trial_labels(t.trial) r) x) f
	  CROSS JOIN LATERAL (SELECT least(f.n_a, f.n_b) AS n, CASE WHEN least(f.n_a, f.n_b) < 50 THEN 0 ELSE floor(log(2, least(f.n_a, f.n_b) / 50.0))::integer + 1 END AS look) n
	  CROSS JOIN LATERAL (SELECT n.n, n.look, CASE WHEN n.look > 0 THEN 0.05 / (n.look * (n.look + 1)) END::double precision AS bound) l
	  CROSS JOIN LATERAL (SELECT CASE WHEN t.shadow THEN hwr.mcnemar(f.only_a, f.only_b)
									  ELSE hwr.normal_p((f.exact_b::double precision / f.n_b - f.exact_a::double precision / f.n_a)
										/ nullif(sqrt((f.exact_a + f.exact_b)::double precision / (f.n_a + f.n_b) * (1 - (f.exact_a + f.exact_b)::double precision / (f.n_a + f.n_b))
											* (1.0::double precision / f.n_a + 1.0::double precision / f.n_b)), 0)) END AS value
						   WHERE f.n_a > 0 AND f.n_b > 0 UNION ALL SELECT NULL WHERE f.n_a = 0 OR f.n_b = 0) p
	 ORDER BY t.trial DESC LIMIT 1;
$$;
COMMENT ON FUNCTION hwr_compare(regclass, name) IS
'the newest trial of an attached table, from the corrections of its rows: a is what the table is read with, b what is tried; verdict says whether to stop';
