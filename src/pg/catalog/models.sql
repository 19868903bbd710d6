--
-- models.sql
--	  Models and their versions: what there is, and what an owner does with them.
--

-- Helpers of the views and functions below.  They tell a user nothing that the system catalogs do not.
CREATE FUNCTION hwr.may_see(weights oid) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hwr_may_see_weights' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.may_see(oid) IS
'whether the current user owns or may read the large object of a model version';

-- Whoever may use a model can measure it, on what they please.
CREATE FUNCTION hwr.metric_counts(split text, measurer oid, model_owner oid) RETURNS boolean
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT split = 'validation' OR coalesce(pg_has_role(measurer, model_owner, 'USAGE'), false);
$$;
COMMENT ON FUNCTION hwr.metric_counts(text, oid, oid) IS
'whether a measurement is the model''s: that of its training, or made by its owner';

CREATE FUNCTION hwr.check_model(model text) RETURNS void
	AS 'MODULE_PATHNAME', 'hwr_check_model' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.check_model(text) IS
'raise an error if there is no such model, or the current user may see no version of it';

CREATE FUNCTION hwr.check_import(model text) RETURNS void
	AS 'MODULE_PATHNAME', 'hwr_check_import' LANGUAGE C STRICT;
COMMENT ON FUNCTION hwr.check_import(text) IS
'raise an error if the current user could not store a version of that model here';

-- A share as a person wants to see it: more digits than these say nothing.
CREATE FUNCTION hwr.shown(figure double precision) RETURNS double precision
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT round(figure::numeric, 4)::double precision;
$$;
COMMENT ON FUNCTION hwr.shown(double precision) IS 'a figure with four digits behind the point';

CREATE FUNCTION hwr.image_hash(image bytea) RETURNS bytea
	AS 'MODULE_PATHNAME', 'hwr_image_hash_of' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.image_hash(bytea) IS 'the hash by which a version knows the images that it was trained or validated on';

CREATE VIEW hwr_model_details WITH (security_barrier) AS
	SELECT m.name AS model,
		   v.version,
		   v.version IS NOT DISTINCT FROM m.active AS active,
		   m.chosen AND v.version IS NOT DISTINCT FROM m.active AS chosen,
		   pg_catalog.pg_get_userbyid(l.lomowner) AS owner,
		   hwr.shown(t.cer) AS validation_cer,
		   hwr.shown(t.exact_match) AS validation_exact,
		   t.data AS validation_data,
		   hwr.shown(e.cer) AS evaluation_cer,
		   hwr.shown(e.exact_match) AS evaluation_exact,
		   e.data AS evaluation_data,
		   e.overlap,
		   v.parameters,
		   v.bytes,
		   v.architecture,
		   v.alphabet,
		   v.options,
		   v.card,
		   v.job,
		   v.weights,
		   v.hash,
		   v.created,
		   v.spellings
	  FROM hwr.model m
		   JOIN hwr.version v ON v.model_id = m.id
		   LEFT JOIN pg_catalog.pg_largeobject_metadata l ON l.oid = v.weights
		   LEFT JOIN LATERAL (SELECT x.cer, x.exact_match, x.data FROM hwr.metric x
							   WHERE x.version_id = v.id AND x.split = 'validation' ORDER BY x.id DESC LIMIT 1) t ON true
		   LEFT JOIN LATERAL (SELECT x.cer, x.exact_match, x.data, x.overlap FROM hwr.metric x
							   WHERE x.version_id = v.id AND x.split = 'evaluation' AND hwr.metric_counts(x.split, x.owner, l.lomowner)
							   ORDER BY x.id DESC LIMIT 1) e ON true
	 WHERE hwr.may_see(v.weights);
COMMENT ON VIEW hwr_model_details IS
'versions of the models that the current user may use, with the figures of their validation and of their latest evaluation, which are of different images';
COMMENT ON COLUMN hwr_model_details.chosen IS 'a person chose it: no training takes its place';
COMMENT ON COLUMN hwr_model_details.overlap IS 'images of the evaluation that it was trained or validated on; NULL: unknown';
COMMENT ON COLUMN hwr_model_details.card IS
'what a person should know of it: description, licence, credits and language as its training''s options or its file say, data: how many images it learnt from';
COMMENT ON COLUMN hwr_model_details.alphabet IS 'the characters of its classes, but for classes that are in spellings';
COMMENT ON COLUMN hwr_model_details.spellings IS
'of a model whose classes are not all single characters: each text with the numbers of its classes, 0 being the blank';
COMMENT ON COLUMN hwr_model_details.hash IS 'SHA-256 of the file: the same on every server that has this version, whatever its number there';
GRANT SELECT ON hwr_model_details TO PUBLIC;

CREATE VIEW hwr_models WITH (security_barrier) AS
	SELECT d.model, d.version, d.active, d.chosen, d.owner, d.validation_cer, d.evaluation_cer, d.bytes,
		   pg_catalog.date_trunc('second', d.created) AS created
	  FROM hwr_model_details d;
COMMENT ON VIEW hwr_models IS
'versions of the models that the current user may use; hwr_model_details has more columns';
GRANT SELECT ON hwr_models TO PUBLIC;

CREATE FUNCTION hwr_activate_model(model text, version integer, keep boolean DEFAULT true) RETURNS void
	AS 'MODULE_PATHNAME', 'hwr_activate_model' LANGUAGE C;
COMMENT ON FUNCTION hwr_activate_model(text, integer, boolean) IS
'make a version the one that recognition uses, from this transaction''s commit on; NULL: the bundled model; keep: no training takes its place';

CREATE FUNCTION hwr_drop_model(model text, version integer DEFAULT NULL) RETURNS void
	AS 'MODULE_PATHNAME', 'hwr_drop_model' LANGUAGE C;
COMMENT ON FUNCTION hwr_drop_model(text, integer) IS
'remove a model, or one version of it, with its weights and measurements';

CREATE FUNCTION hwr_export_model(model text DEFAULT NULL, version integer DEFAULT NULL, half boolean DEFAULT false,
								 format text DEFAULT 'safetensors')
	RETURNS bytea
	AS 'MODULE_PATHNAME', 'hwr_export_model' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION hwr_export_model(text, integer, boolean, text) IS
'a model as a file: the active version unless another is named; half: with 16-bit weights; format: safetensors, or onnx for other programs';

CREATE FUNCTION hwr_import_model(file bytea, model text, activate boolean DEFAULT NULL) RETURNS integer
	AS 'MODULE_PATHNAME', 'hwr_import_model' LANGUAGE C;
COMMENT ON FUNCTION hwr_import_model(bytea, text, boolean) IS
'store a file made by hwr_export_model, or a model of kraken, as a model''s next version, and return its number; activate NULL: unless a person has chosen what is active';

CREATE FUNCTION hwr_grant_model(model text, role name) RETURNS void
	AS 'MODULE_PATHNAME', 'hwr_grant_model' LANGUAGE C;
COMMENT ON FUNCTION hwr_grant_model(text, name) IS
'let a role, or public, use all versions of a model, also later ones';

CREATE FUNCTION hwr_revoke_model(model text, role name) RETURNS void
	AS 'MODULE_PATHNAME', 'hwr_revoke_model' LANGUAGE C;
COMMENT ON FUNCTION hwr_revoke_model(text, name) IS
'take back what hwr_grant_model granted';

-- What is costly or writes is for those to whom an administrator grants it: see doc/privileges.md.
REVOKE EXECUTE ON FUNCTION
	hwr_import_model(bytea, text, boolean),
	hwr_activate_model(text, integer, boolean),
	hwr_drop_model(text, integer),
	hwr_grant_model(text, name),
	hwr_revoke_model(text, name)
	FROM PUBLIC;
