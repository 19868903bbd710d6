--
-- bundled.sql
--	  Models that come with the extension.
--

CREATE FUNCTION hwr.bundled_models(OUT model text, OUT parameters bigint, OUT bytes bigint, OUT architecture text, OUT alphabet text,
								   OUT options jsonb, OUT result jsonb, OUT card jsonb) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'hwr_bundled_models' LANGUAGE C STABLE PARALLEL SAFE ROWS 2;
COMMENT ON FUNCTION hwr.bundled_models() IS
'models that come with the extension, read from the share directory; result: what training reached; card: what was measured on other images';

CREATE VIEW hwr_bundled_model_details WITH (security_barrier) AS
	SELECT b.model,
		   NOT EXISTS (SELECT FROM hwr.model m WHERE m.name = b.model AND m.active IS NOT NULL) AS active,
		   EXISTS (SELECT FROM hwr.model m WHERE m.name = b.model AND m.active IS NULL AND m.chosen) AS chosen,
		   hwr.shown((b.result->>'cer'::text)::double precision) AS validation_cer,
		   hwr.shown((b.card->'evaluation'::text->>'cer'::text)::double precision) AS evaluation_cer,
		   hwr.shown((b.card->'evaluation'::text->>'exact_match'::text)::double precision) AS exact_match,
		   b.parameters,
		   b.bytes,
		   b.architecture,
		   b.alphabet,
		   b.options
	  FROM hwr.bundled_models() b;
COMMENT ON VIEW hwr_bundled_model_details IS
'models that come with the extension, one row a name that they answer to, with the figures of their validation and of images held out';
COMMENT ON COLUMN hwr_bundled_model_details.active IS 'no version of a model of that name in the database takes its place';
COMMENT ON COLUMN hwr_bundled_model_details.chosen IS 'a person chose it, with hwr_activate_model(model, NULL): no training takes its place';
GRANT SELECT ON hwr_bundled_model_details TO PUBLIC;

CREATE VIEW hwr_bundled_models WITH (security_barrier) AS
	SELECT d.model, d.active, d.chosen, d.validation_cer, d.evaluation_cer, d.exact_match, d.parameters, d.bytes
	  FROM hwr_bundled_model_details d;
COMMENT ON VIEW hwr_bundled_models IS
'models that come with the extension, and whether they are what readers get; hwr_bundled_model_details has more columns';
GRANT SELECT ON hwr_bundled_models TO PUBLIC;

-- All that a report can be about.
CREATE VIEW hwr.shown_models WITH (security_barrier) AS
	SELECT model, version, active, owner, parameters, bytes, architecture, alphabet, options, job, created FROM hwr_model_details
	UNION ALL
	SELECT model, NULL, true, NULL, parameters, bytes, architecture, alphabet, options, NULL, NULL FROM hwr_bundled_model_details WHERE active;
COMMENT ON VIEW hwr.shown_models IS 'hwr_models, and the bundled models that are in use, without a version';
GRANT SELECT ON hwr.shown_models TO PUBLIC;

-- A row for each role that owns or was granted versions; what a superuser or a member of such a role may, is not repeated.
CREATE VIEW hwr_model_grants WITH (security_barrier) AS
	SELECT d.model,
		   CASE WHEN g.grantee = '0'::oid THEN 'public' ELSE pg_catalog.pg_get_userbyid(g.grantee) END AS role,
		   g.owner,
		   count(*) AS versions,
		   pg_catalog.bool_or(d.active) AS active
	  FROM hwr_model_details d
		   JOIN pg_catalog.pg_largeobject_metadata l ON l.oid = d.weights
		   CROSS JOIN LATERAL (SELECT l.lomowner AS grantee, true AS owner
							   UNION SELECT a.grantee, false FROM pg_catalog.aclexplode(l.lomacl) a
								WHERE a.privilege_type = 'SELECT' AND a.grantee <> l.lomowner) g
	 GROUP BY d.model, g.grantee, g.owner
	UNION ALL
	SELECT b.model, 'public', false, NULL, true
	  FROM hwr.bundled_models() b
	 WHERE NOT EXISTS (SELECT FROM hwr.model m WHERE m.name = b.model AND m.active IS NOT NULL);
COMMENT ON VIEW hwr_model_grants IS
'which roles may use the models that the current user may use: their owners, and those to whom versions were granted';
COMMENT ON COLUMN hwr_model_grants.active IS 'whether the active version is among them';
GRANT SELECT ON hwr_model_grants TO PUBLIC;
