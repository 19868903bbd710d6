--
-- bundled.sql
--	  Models that come with the extension.
--

CREATE FUNCTION hwr.bundled_models(OUT model text, OUT parameters bigint, OUT bytes bigint, OUT architecture text, OUT alphabet text,
								   OUT options jsonb, OUT result jsonb) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'hwr_bundled_models' LANGUAGE C STABLE PARALLEL SAFE ROWS 2;
COMMENT ON FUNCTION hwr.bundled_models() IS
'models that come with the extension, read from the share directory; result: what training reached';

CREATE VIEW hwr_bundled_models WITH (security_barrier) AS
	SELECT b.model,
		   NOT EXISTS (SELECT FROM hwr.model m WHERE m.name = b.model) AS active,
		   (b.result->>'cer')::double precision AS cer,
		   (b.result->>'exact_match')::double precision AS exact_match,
		   b.parameters,
		   b.bytes,
		   b.architecture,
		   b.alphabet,
		   b.options
	  FROM hwr.bundled_models() b;
COMMENT ON VIEW hwr_bundled_models IS
'models that come with the extension, one row a name that they answer to, with the figures of their validation; active: no model of that name in the database takes their place';
GRANT SELECT ON hwr_bundled_models TO PUBLIC;

-- All that a report can be about.
CREATE VIEW hwr.shown_models WITH (security_barrier) AS
	SELECT model, version, active, owner, parameters, bytes, architecture, alphabet, options, job, created FROM hwr_models
	UNION ALL
	SELECT model, NULL, true, NULL, parameters, bytes, architecture, alphabet, options, NULL, NULL FROM hwr_bundled_models WHERE active;
COMMENT ON VIEW hwr.shown_models IS 'hwr_models, and the bundled models that are in use, without a version';
GRANT SELECT ON hwr.shown_models TO PUBLIC;
