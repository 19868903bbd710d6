/* hwr--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION hwr" to load this file. \quit

--
-- Catalog
--
-- The tables live in schema hwr and are written only by the extension's C code, under the
-- identity of the extension's owner.  Users see them through the views.
--
-- There are no foreign keys: pg_restore with several jobs loads an extension's tables in any order, and its
-- constraints exist from the beginning.  Triggers delete dependent rows; who inserts one sees to it that it has a parent.
--

CREATE SCHEMA hwr;
GRANT USAGE ON SCHEMA hwr TO PUBLIC;

-- One row a model name.  active: the version number that readers get.  A model
-- belongs to the owner of its newest version's large object.
CREATE TABLE hwr.model (
	id			integer		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name		text		NOT NULL UNIQUE,
	active		integer,
	last_version integer	NOT NULL DEFAULT 0,		-- numbers are not used again
	created		timestamptz	NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

-- One row an immutable version.  weights is a large object in safetensors format.
CREATE TABLE hwr.version (
	id			bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	model_id	integer		NOT NULL,
	version		integer		NOT NULL,
	weights		oid			NOT NULL,		-- large object
	hash		bytea		NOT NULL,		-- SHA-256 of the file
	bytes		bigint		NOT NULL,
	architecture text		NOT NULL,		-- VGSL
	alphabet	text		NOT NULL,
	parameters	bigint		NOT NULL,		-- values, statistics of batch normalisation included
	options		jsonb		NOT NULL,		-- training options in full
	job			bigint,						-- NULL for imported versions
	created		timestamptz	NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	UNIQUE (model_id, version)
);

-- A role, stored as its OID.  In a dump it is a name, so that it is the right role in another cluster too; a role that
-- is not there becomes none, where regrole would make the restore fail.
CREATE TYPE hwr.role;
CREATE FUNCTION hwr.role_in(cstring) RETURNS hwr.role
	AS 'MODULE_PATHNAME', 'hwr_role_in' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.role_in(cstring) IS 'input function of hwr.role';
CREATE FUNCTION hwr.role_out(hwr.role) RETURNS cstring
	AS 'MODULE_PATHNAME', 'hwr_role_out' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.role_out(hwr.role) IS 'output function of hwr.role';
CREATE TYPE hwr.role (INPUT = hwr.role_in, OUTPUT = hwr.role_out, LIKE = pg_catalog.oid);
COMMENT ON TYPE hwr.role IS 'a role, by name in dumps; none if there is no such role';
CREATE CAST (oid AS hwr.role) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (hwr.role AS oid) WITHOUT FUNCTION AS IMPLICIT;

-- One row a training job.  The worker updates progress in short transactions of its own.
CREATE TABLE hwr.job (
	id			bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	model		text		NOT NULL,
	training	text		NOT NULL,		-- qualified name of the table
	validation	text,						-- likewise, where there is one
	image_column text		NOT NULL DEFAULT '',	-- '': to be found
	label_column text		NOT NULL DEFAULT '',
	activate	text		NOT NULL DEFAULT 'auto',	-- auto, always, never
	owner		hwr.role	NOT NULL,		-- role that asked
	options		jsonb		NOT NULL,
	state		text		NOT NULL CHECK (state IN ('queued', 'starting', 'running', 'done', 'failed', 'cancelled')),
	phase		text,						-- reading, training, validating, saving
	pid			integer,
	requested	timestamptz	NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	started		timestamptz,
	finished	timestamptz,
	updated		timestamptz,
	images		bigint,						-- usable training rows
	validation_images bigint,
	skipped		bigint,						-- rows left out
	epochs		integer,
	epoch		integer,
	steps		integer,
	step		integer,
	loss		double precision,
	images_per_second double precision,
	eta			interval,
	version		integer,					-- result
	activated	boolean,					-- whether readers got it
	sqlstate	text,						-- of a failure
	message		text,						-- what it waits for, why it ended, or the error
	checkpoint	oid,						-- large object to go on from
	checkpointed timestamptz
) WITH (fillfactor = 50);

-- One row an epoch of a job.
CREATE TABLE hwr.history (
	job			bigint		NOT NULL,
	epoch		integer		NOT NULL,
	learning_rate double precision NOT NULL,
	train_loss	double precision NOT NULL,	-- nats an image
	validation_loss double precision,
	cer			double precision,
	wer			double precision,
	exact_match	double precision,
	grad_norm	double precision,
	images_per_second double precision,
	seconds		double precision,
	best		boolean		NOT NULL,		-- the best so far when it ended
	PRIMARY KEY (job, epoch)
);

-- One row a measurement of a version on a set of labelled images.
CREATE TABLE hwr.metric (
	id			bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	version_id	bigint		NOT NULL,
	split		text		NOT NULL,		-- 'validation' or 'evaluation'
	data		text		NOT NULL,		-- qualified name of the table
	images		bigint		NOT NULL,
	skipped		bigint		NOT NULL,
	loss		double precision,
	cer			double precision,
	wer			double precision,
	exact_match	double precision,
	precision	double precision,
	recall		double precision,
	f1			double precision,
	measured	timestamptz	NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

-- One row a (truth, guess) character pair of a measurement; '' on one side is an insertion or a deletion.
CREATE TABLE hwr.confusion (
	metric_id	bigint		NOT NULL,
	truth		text		NOT NULL,
	guess		text		NOT NULL,
	count		bigint		NOT NULL,
	PRIMARY KEY (metric_id, truth, guess)
);

-- One row a language model.  What may come next tells about the texts it was built from: it is its owner's.
CREATE TABLE hwr.lm (
	id			bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,	-- another one whenever it is replaced
	name		text		NOT NULL UNIQUE,
	owner		hwr.role	NOT NULL,
	model		bytea		NOT NULL,
	ngram		integer		NOT NULL,		-- characters in an n-gram
	letter_case	text		NOT NULL,		-- keep, upper, lower
	texts		bigint		NOT NULL,		-- it was built from so many
	characters	bigint		NOT NULL,
	ngrams		bigint		NOT NULL,
	created		timestamptz	NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

CREATE FUNCTION hwr.delete_dependents() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	CASE TG_TABLE_NAME
		WHEN 'model' THEN DELETE FROM hwr.version WHERE model_id = OLD.id;
		WHEN 'version' THEN DELETE FROM hwr.metric WHERE version_id = OLD.id;
		WHEN 'metric' THEN DELETE FROM hwr.confusion WHERE metric_id = OLD.id;
		WHEN 'job' THEN DELETE FROM hwr.history WHERE job = OLD.id;
	END CASE;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION hwr.delete_dependents() IS 'what ON DELETE CASCADE would do';
CREATE TRIGGER delete_dependents AFTER DELETE ON hwr.model FOR EACH ROW EXECUTE FUNCTION hwr.delete_dependents();
CREATE TRIGGER delete_dependents AFTER DELETE ON hwr.version FOR EACH ROW EXECUTE FUNCTION hwr.delete_dependents();
CREATE TRIGGER delete_dependents AFTER DELETE ON hwr.metric FOR EACH ROW EXECUTE FUNCTION hwr.delete_dependents();
CREATE TRIGGER delete_dependents AFTER DELETE ON hwr.job FOR EACH ROW EXECUTE FUNCTION hwr.delete_dependents();

CREATE INDEX version_job ON hwr.version (job);
CREATE INDEX metric_version ON hwr.metric (version_id);

SELECT pg_catalog.pg_extension_config_dump('hwr.model', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.model_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.version', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.version_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.job', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.job_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.history', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.metric', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.metric_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.confusion', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.lm', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.lm_id_seq', '');

--
-- Recognition
--

-- COST: reading a line of handwriting takes some milliseconds.
CREATE FUNCTION hwr_recognize(image bytea, model text DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'hwr_recognize' LANGUAGE C STABLE PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION hwr_recognize(bytea, text) IS
'read the handwriting in a JPEG or PNG image; without a model, the one named default';

CREATE FUNCTION hwr_recognize(images bytea[], model text DEFAULT NULL) RETURNS text[]
	AS 'MODULE_PATHNAME', 'hwr_recognize_array' LANGUAGE C STABLE PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION hwr_recognize(bytea[], text) IS
'read the handwriting in an array of JPEG or PNG images, in batches; NULL elements stay NULL';

--
-- Decoding
--

CREATE FUNCTION hwr_recognize_nbest(
	image			bytea,
	n				integer			DEFAULT 5,
	model			text			DEFAULT NULL,
	lexicon			text[]			DEFAULT NULL,
	lm				text			DEFAULT NULL,
	lm_weight		double precision DEFAULT 0.5,
	length_bonus	double precision DEFAULT NULL,
	allow			text			DEFAULT NULL,
	beam			integer			DEFAULT 32,
	outside_penalty	double precision DEFAULT 'Infinity'
)
RETURNS TABLE (
	rank			integer,
	text			text,
	confidence		double precision,
	log_probability double precision,
	characters		jsonb
)
AS 'MODULE_PATHNAME', 'hwr_recognize_nbest'
LANGUAGE C STABLE PARALLEL SAFE ROWS 5 COST 100000;

COMMENT ON FUNCTION hwr_recognize_nbest(bytea, integer, text, text[], text, double precision, double precision, text, integer, double precision) IS
'the most probable texts of an image by beam search, best first, with a lexicon, a language model and a list of allowed characters if wanted';

CREATE FUNCTION hwr_score(image bytea, label text, model text DEFAULT NULL) RETURNS double precision
	AS 'MODULE_PATHNAME', 'hwr_score' LANGUAGE C STABLE PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION hwr_score(bytea, text, text) IS
'log P(label | image): 0 where it is certain, -Infinity where the model cannot write the label';

CREATE FUNCTION hwr_train_lm(name text, texts text[], letter_case text DEFAULT 'keep', ngram integer DEFAULT 6,
							 OUT texts_read bigint, OUT skipped bigint, OUT characters bigint, OUT ngrams bigint,
							 OUT bytes bigint)
	AS 'MODULE_PATHNAME', 'hwr_train_lm_texts' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION hwr_train_lm(text, text[], text, integer) IS
'build a language model over characters from texts, and store it under a name';

CREATE FUNCTION hwr_train_lm(name text, data regclass, label_column name DEFAULT NULL,
							 letter_case text DEFAULT 'keep', ngram integer DEFAULT 6,
							 OUT texts_read bigint, OUT skipped bigint, OUT characters bigint, OUT ngrams bigint,
							 OUT bytes bigint)
	AS 'MODULE_PATHNAME', 'hwr_train_lm_table' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION hwr_train_lm(text, regclass, name, text, integer) IS
'build a language model over characters from a column of a table, and store it under a name';

-- An untyped literal could be an array or a table: PostgreSQL prefers text, and it is a table.
CREATE FUNCTION hwr_train_lm(name text, data text, label_column text DEFAULT NULL,
							 letter_case text DEFAULT 'keep', ngram integer DEFAULT 6,
							 OUT texts_read bigint, OUT skipped bigint, OUT characters bigint, OUT ngrams bigint,
							 OUT bytes bigint)
	AS 'MODULE_PATHNAME', 'hwr_train_lm_table_name' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION hwr_train_lm(text, text, text, text, integer) IS
'build a language model over characters from a column of a table, given by name';

CREATE FUNCTION hwr_drop_lm(name text) RETURNS void
	AS 'MODULE_PATHNAME', 'hwr_drop_lm' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION hwr_drop_lm(text) IS
'remove a language model';

CREATE FUNCTION hwr_lm_perplexity(name text, texts text[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'hwr_lm_perplexity_of_texts' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION hwr_lm_perplexity(text, text[]) IS
'perplexity of a language model on texts, a character: the lower, the better they were foreseen';

CREATE VIEW hwr_lms WITH (security_barrier) AS
	SELECT l.name,
		   CASE WHEN l.owner::oid <> '0'::oid THEN pg_catalog.pg_get_userbyid(l.owner) END AS owner,
		   l.ngram,
		   l.letter_case,
		   l.texts,
		   l.characters,
		   l.ngrams,
		   pg_catalog.octet_length(l.model) AS bytes,
		   l.created
	  FROM hwr.lm l
	 WHERE pg_catalog.pg_has_role(l.owner, 'USAGE');
COMMENT ON VIEW hwr_lms IS 'language models that the current user may use';
GRANT SELECT ON hwr_lms TO PUBLIC;

--
-- Models
--

-- Helpers of the views and functions below.  They tell a user nothing that the system catalogs do not.
CREATE FUNCTION hwr.may_see(weights oid) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hwr_may_see_weights' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.may_see(oid) IS
'whether the current user owns or may read the large object of a model version';

CREATE FUNCTION hwr.check_model(model text) RETURNS void
	AS 'MODULE_PATHNAME', 'hwr_check_model' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.check_model(text) IS
'raise an error if there is no such model, or the current user may see no version of it';

CREATE FUNCTION hwr.check_import(model text) RETURNS void
	AS 'MODULE_PATHNAME', 'hwr_check_import' LANGUAGE C STRICT;
COMMENT ON FUNCTION hwr.check_import(text) IS
'raise an error if the current user could not store a version of that model here';

CREATE VIEW hwr_models WITH (security_barrier) AS
	SELECT m.name AS model,
		   v.version,
		   v.version IS NOT DISTINCT FROM m.active AS active,
		   pg_catalog.pg_get_userbyid(l.lomowner) AS owner,
		   q.cer,
		   q.exact_match,
		   v.parameters,
		   v.bytes,
		   v.architecture,
		   v.alphabet,
		   v.options,
		   v.job,
		   v.weights,
		   v.hash,
		   v.created
	  FROM hwr.model m
		   JOIN hwr.version v ON v.model_id = m.id
		   LEFT JOIN pg_catalog.pg_largeobject_metadata l ON l.oid = v.weights
		   LEFT JOIN LATERAL (SELECT x.cer, x.exact_match FROM hwr.metric x
							   WHERE x.version_id = v.id
							   ORDER BY x.split = 'validation' DESC, x.id DESC LIMIT 1) q ON true
	 WHERE hwr.may_see(v.weights);
COMMENT ON VIEW hwr_models IS
'versions of the models that the current user may use, with the figures of their validation or else their latest measurement';
COMMENT ON COLUMN hwr_models.hash IS 'SHA-256 of the file: the same on every server that has this version, whatever its number there';
GRANT SELECT ON hwr_models TO PUBLIC;

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

CREATE FUNCTION hwr_activate_model(model text, version integer) RETURNS void
	AS 'MODULE_PATHNAME', 'hwr_activate_model' LANGUAGE C;
COMMENT ON FUNCTION hwr_activate_model(text, integer) IS
'make a version the one that recognition uses, from this transaction''s commit on';

CREATE FUNCTION hwr_drop_model(model text, version integer DEFAULT NULL) RETURNS void
	AS 'MODULE_PATHNAME', 'hwr_drop_model' LANGUAGE C;
COMMENT ON FUNCTION hwr_drop_model(text, integer) IS
'remove a model, or one version of it, with its weights and measurements';

CREATE FUNCTION hwr_export_model(model text DEFAULT NULL, version integer DEFAULT NULL, half boolean DEFAULT false)
	RETURNS bytea
	AS 'MODULE_PATHNAME', 'hwr_export_model' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION hwr_export_model(text, integer, boolean) IS
'a model as a safetensors file: the active version unless another is named; half: with 16-bit weights';

CREATE FUNCTION hwr_import_model(file bytea, model text, activate boolean DEFAULT true) RETURNS integer
	AS 'MODULE_PATHNAME', 'hwr_import_model' LANGUAGE C;
COMMENT ON FUNCTION hwr_import_model(bytea, text, boolean) IS
'store a file made by hwr_export_model as a model''s next version, and return its number';

CREATE FUNCTION hwr_grant_model(model text, role name) RETURNS void
	AS 'MODULE_PATHNAME', 'hwr_grant_model' LANGUAGE C;
COMMENT ON FUNCTION hwr_grant_model(text, name) IS
'let a role, or public, use all versions of a model, also later ones';

CREATE FUNCTION hwr_revoke_model(model text, role name) RETURNS void
	AS 'MODULE_PATHNAME', 'hwr_revoke_model' LANGUAGE C;
COMMENT ON FUNCTION hwr_revoke_model(text, name) IS
'take back what hwr_grant_model granted';

-- What DROP EXTENSION leaves: it cannot remove large objects.
CREATE FUNCTION hwr_orphans(OUT weights oid, OUT owner name, OUT bytes bigint, OUT architecture text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'hwr_orphans' LANGUAGE C STABLE ROWS 10 COST 1000000;
COMMENT ON FUNCTION hwr_orphans() IS
'large objects that hold a model but belong to no version, as far as the current user may read them';

--
-- Models on several servers
--

-- What hwr_ship_model asks a node.  First without the file: most failures show before anything large is sent.
CREATE FUNCTION hwr.receive_model(model text, hash bytea, activate boolean, file bytea DEFAULT NULL) RETURNS jsonb
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	held		integer;
	held_active	boolean;
	status		text := 'unchanged';
BEGIN
	SELECT m.version, m.active INTO held, held_active FROM @extschema@.hwr_models m
	 WHERE m.model = $1 AND m.hash = $2 ORDER BY m.active DESC, m.version DESC LIMIT 1;
	IF held IS NOT NULL THEN
		IF activate AND NOT held_active THEN
			PERFORM @extschema@.hwr_activate_model($1, held);
			status := 'activated';
		END IF;
	ELSIF file IS NOT NULL THEN
		held := @extschema@.hwr_import_model(file, $1, activate);
		status := 'stored';
	ELSE
		IF NOT has_function_privilege('@extschema@.hwr_import_model(bytea, text, boolean)', 'EXECUTE') THEN
			RAISE EXCEPTION 'permission denied for function hwr_import_model' USING ERRCODE = 'insufficient_privilege';
		END IF;
		PERFORM hwr.check_import($1);
		status := 'missing';
	END IF;
	RETURN jsonb_build_object('version', held, 'status', status);
END $$;
COMMENT ON FUNCTION hwr.receive_model(text, bytea, boolean, bytea) IS
'make a version known by the hash of its file a model''s newest, or active, as hwr_import_model and hwr_activate_model do';

-- The nodes of Citus other than this one, as host:port.
CREATE FUNCTION hwr.citus_nodes() RETURNS text[]
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	nodes	text[];
BEGIN
	IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN
		RAISE EXCEPTION 'servers must not be null where Citus is not installed'
			USING ERRCODE = 'null_value_not_allowed', HINT = 'Name the foreign servers of the nodes.';
	END IF;
	EXECUTE $citus$
		SELECT array_agg(n.nodename || ':' || n.nodeport ORDER BY n.nodename, n.nodeport) FROM pg_dist_node n
		 WHERE n.noderole = 'primary' AND n.groupid <> (SELECT l.groupid FROM pg_dist_local_group l)
	$citus$ INTO nodes;
	RETURN coalesce(nodes, '{}');
END $$;
COMMENT ON FUNCTION hwr.citus_nodes() IS 'the nodes of Citus other than this one';

-- One row a node: the only column of the only row of a query there, or why there is none.  A node that fails does not stop the others.
CREATE FUNCTION hwr.ask_nodes(nodes text[], citus boolean, query text, OUT node text, OUT answered boolean, OUT answer text)
	RETURNS SETOF record
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	dblink	text := (SELECT extnamespace::regnamespace || '.dblink' FROM pg_extension WHERE extname = 'dblink');
	detail	text;
BEGIN
	IF citus THEN
		RETURN QUERY EXECUTE $citus$
			SELECT r.node_name || ':' || r.node_port, r.success, regexp_replace(r.result, '^ERROR: *', '')
			  FROM (SELECT array_agg(n.nodename ORDER BY n.nodeid) AS names, array_agg(n.nodeport ORDER BY n.nodeid) AS ports, array_agg($2) AS queries
					  FROM pg_dist_node n WHERE n.noderole = 'primary' AND n.nodename || ':' || n.nodeport = ANY ($1)) q,
				   master_run_on_worker(q.names, q.ports, q.queries, true) r
		$citus$ USING nodes, query;
		RETURN;
	END IF;
	IF dblink IS NULL THEN
		RAISE EXCEPTION 'extension "dblink" is not installed'
			USING ERRCODE = 'feature_not_supported', HINT = 'Connections to foreign servers need it: CREATE EXTENSION dblink.';
	END IF;
	FOREACH node IN ARRAY nodes LOOP
		BEGIN
			IF NOT EXISTS (SELECT FROM pg_foreign_server WHERE srvname = node) THEN
				RAISE EXCEPTION 'server "%" does not exist', node USING ERRCODE = 'undefined_object';
			END IF;
			EXECUTE format('SELECT t.answer FROM %s($1, $2) AS t (answer text)', dblink) INTO answer USING node, query;
			answered := true;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS answer = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
			answer := concat_ws(': ', answer, nullif(rtrim(detail, E'\n'), ''));
			answered := false;
		END;
		RETURN NEXT;
	END LOOP;
END $$;
COMMENT ON FUNCTION hwr.ask_nodes(text[], boolean, text) IS
'run a query on foreign servers through dblink, or on nodes of Citus; as the current user, whose user mappings count';

CREATE FUNCTION hwr_ship_model(model text, servers text[] DEFAULT NULL, version integer DEFAULT NULL, activate boolean DEFAULT true)
	RETURNS TABLE (node text, node_version integer, status text, message text)
	LANGUAGE plpgsql ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	file		bytea := @extschema@.hwr_export_model(model, version);
	query		text := format('SELECT hwr.receive_model(%L, pg_catalog.decode(%L, %L), %L', model, encode(sha256(file), 'hex'), 'hex', coalesce(activate, true));
	citus		boolean := servers IS NULL;
	nodes		text[] := coalesce(servers, hwr.citus_nodes());
	lacking		text[] := '{}';
	round		text;
	a			record;
BEGIN
	IF model IS NULL OR array_position(nodes, NULL) IS NOT NULL THEN
		RAISE EXCEPTION '% must not be null', CASE WHEN model IS NULL THEN 'model name' ELSE 'name of a server' END USING ERRCODE = 'null_value_not_allowed';
	END IF;
	FOREACH round IN ARRAY ARRAY['ask', 'send'] LOOP
		IF round = 'send' THEN
			EXIT WHEN lacking = '{}';
			nodes := lacking;
			query := query || format(', pg_catalog.decode(%L, %L)', encode(file, 'base64'), 'base64');
		END IF;
		FOR a IN SELECT n.node, n.answered, n.answer FROM hwr.ask_nodes(nodes, citus, query || ')') n LOOP
			node := a.node;
			IF a.answered THEN
				status := a.answer::jsonb->>'status';
				node_version := a.answer::jsonb->>'version';
				message := NULL;
				IF status = 'missing' THEN
					lacking := lacking || node;
					CONTINUE;
				END IF;
			ELSE
				status := 'failed';
				node_version := NULL;
				message := a.answer;
			END IF;
			RETURN NEXT;
		END LOOP;
	END LOOP;
END $$;
COMMENT ON FUNCTION hwr_ship_model(text, text[], integer, boolean) IS
'store a version of a model on foreign servers, or on all other nodes of Citus; status: stored, activated, unchanged or failed';

--
-- Training jobs
--

CREATE FUNCTION hwr_train(
	training		regclass,
	model			text		DEFAULT 'default',
	image_column	name		DEFAULT NULL,
	label_column	name		DEFAULT NULL,
	options			jsonb		DEFAULT '{}',
	wait			boolean		DEFAULT true,
	activate		text		DEFAULT 'auto'
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
AS 'MODULE_PATHNAME', 'hwr_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1 COST 1000000;

COMMENT ON FUNCTION hwr_train(regclass, text, name, name, jsonb, boolean, text) IS
'train a model''s next version from a table of labelled images, in a background worker; activate: auto (where it is better on the same validation rows than the active version), always or never';

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

CREATE FUNCTION hwr_cancel(job bigint)
RETURNS boolean
AS 'MODULE_PATHNAME', 'hwr_cancel'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION hwr_cancel(bigint) IS
'cancel a training job; false if it has already ended';

-- Has the job's worker gone without writing how the job ended?
CREATE FUNCTION hwr.job_interrupted(job bigint)
RETURNS boolean
AS 'MODULE_PATHNAME', 'hwr_job_interrupted'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION hwr.job_interrupted(bigint) IS
'whether the worker of a training job stopped before the job ended';

-- Errors can quote data: a job is shown to the role that started it, its members, and monitors.
CREATE VIEW hwr_jobs WITH (security_barrier) AS
SELECT j.id AS job,
	j.model,
	j.training,
	CASE WHEN j.owner::oid <> '0'::oid THEN pg_catalog.pg_get_userbyid(j.owner) END AS owner,
	CASE WHEN i.interrupted THEN 'interrupted' ELSE j.state END AS state,
	j.phase,
	j.epoch,
	j.epochs,
	j.loss,
	j.images,
	j.validation_images,
	j.skipped,
	j.version,
	j.activated,
	j.sqlstate,
	CASE WHEN i.interrupted THEN 'the server or the worker stopped before the job ended' ELSE j.message END AS message,
	j.requested,
	j.started,
	j.finished,
	j.checkpointed,
	CASE WHEN i.interrupted OR j.finished IS NOT NULL THEN NULL ELSE j.pid END AS pid,
	j.options
FROM hwr.job j
CROSS JOIN LATERAL (
	SELECT CASE WHEN j.state IN ('queued', 'starting', 'running') THEN hwr.job_interrupted(j.id) ELSE false END AS interrupted
) i
WHERE pg_catalog.pg_has_role(j.owner, 'USAGE')
	OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE');

GRANT SELECT ON hwr_jobs TO PUBLIC;

COMMENT ON VIEW hwr_jobs IS 'training jobs and how they ended';
COMMENT ON COLUMN hwr_jobs.checkpointed IS
'when the state was kept from which hwr_resume goes on; null: there is none';
COMMENT ON COLUMN hwr_jobs.state IS
'queued: waits for other trainings because of hwr.max_jobs; starting, running, done, failed, cancelled; or interrupted: the worker is gone without having said why';

CREATE VIEW hwr_progress WITH (security_barrier) AS
SELECT j.id AS job,
	j.model,
	j.phase,
	j.epoch,
	j.epochs,
	j.step,
	j.steps,
	j.loss,
	j.images_per_second,
	j.eta,
	pg_catalog.clock_timestamp() - coalesce(j.started, j.requested) AS elapsed,
	'[' || pg_catalog.repeat('#', b.filled) || pg_catalog.repeat('-', 20 - b.filled) || ']' AS bar
FROM hwr.job j
CROSS JOIN LATERAL (
	SELECT CASE WHEN j.epochs > 0 AND j.epoch > 0
				THEN greatest(0, least(20, (20::double precision
											* ((j.epoch - 1)::double precision
											   + coalesce(j.step::double precision / nullif(j.steps, 0)::double precision,
														  0::double precision))
											/ j.epochs::double precision)::integer))
				ELSE 0 END AS filled
) b
WHERE j.state IN ('starting', 'running')
	AND (pg_catalog.pg_has_role(j.owner, 'USAGE') OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'))
	AND CASE WHEN j.state IN ('starting', 'running') THEN NOT hwr.job_interrupted(j.id) END;

GRANT SELECT ON hwr_progress TO PUBLIC;

COMMENT ON VIEW hwr_progress IS 'training jobs that are running, and how far they are';

--
-- Devices
--

CREATE FUNCTION hwr.devices(OUT backend text, OUT name text, OUT memory bigint, OUT memory_used bigint,
							OUT driver text, OUT state text, OUT reason text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'hwr_devices' LANGUAGE C VOLATILE PARALLEL SAFE ROWS 2;
COMMENT ON FUNCTION hwr.devices() IS 'what view hwr_devices shows';

CREATE VIEW hwr_devices WITH (security_barrier) AS
	SELECT d.backend, d.name, d.memory, d.memory_used, d.driver, d.state, d.reason FROM hwr.devices() d;
COMMENT ON VIEW hwr_devices IS
'the devices that recognition can run on: in each session (in backend), in the service worker (service), or not, and why';
GRANT SELECT ON hwr_devices TO PUBLIC;

CREATE FUNCTION hwr.service(OUT pid integer, OUT started timestamptz, OUT device text,
							OUT queue_slots integer, OUT in_use integer,
							OUT requests bigint, OUT images bigint, OUT batches bigint, OUT mean_fill double precision,
							OUT models integer, OUT model_bytes bigint, OUT dropped bigint, OUT errors bigint)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'hwr_service_status' LANGUAGE C VOLATILE PARALLEL SAFE ROWS 1;
COMMENT ON FUNCTION hwr.service() IS 'what view hwr_service shows';

CREATE VIEW hwr_service WITH (security_barrier) AS
	SELECT s.pid, s.started, s.device, s.queue_slots, s.in_use, s.requests, s.images, s.batches, s.mean_fill,
		   s.models, s.model_bytes, s.dropped, s.errors
	  FROM hwr.service() s;
COMMENT ON VIEW hwr_service IS
'the service worker and what it has done since the server started; no row where hwr is not in shared_preload_libraries';
GRANT SELECT ON hwr_service TO PUBLIC;

--
-- What recognition has done
--

CREATE FUNCTION hwr.stat(OUT database text, OUT model text, OUT version integer,
						 OUT calls bigint, OUT images bigint, OUT batches bigint, OUT service_images bigint, OUT errors bigint,
						 OUT prepare_time double precision, OUT queue_time double precision,
						 OUT network_time double precision, OUT decode_time double precision,
						 OUT since timestamptz, OUT scope text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'hwr_stat' LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION hwr.stat() IS 'what view hwr_stat shows';

CREATE VIEW hwr_stat WITH (security_barrier) AS
	SELECT s.database, s.model, s.version, s.calls, s.images, s.batches, s.service_images, s.errors,
		   s.prepare_time, s.queue_time, s.network_time, s.decode_time, s.since, s.scope
	  FROM hwr.stat() s;
COMMENT ON VIEW hwr_stat IS
'what each version of a model has read, and the milliseconds it took; names are for members of pg_read_all_stats';
COMMENT ON COLUMN hwr_stat.version IS 'NULL: bundled with the extension';
COMMENT ON COLUMN hwr_stat.service_images IS 'of the images, those that the service worker ran';
COMMENT ON COLUMN hwr_stat.errors IS 'images that could not be decoded, and batches that failed';
COMMENT ON COLUMN hwr_stat.prepare_time IS 'from bytes to what the network sees, in milliseconds';
COMMENT ON COLUMN hwr_stat.queue_time IS 'until the service worker took the images, in milliseconds';
COMMENT ON COLUMN hwr_stat.decode_time IS 'from the network''s output to the most probable text, in milliseconds';
COMMENT ON COLUMN hwr_stat.scope IS
'server: all sessions; session: this one alone, because hwr is not in shared_preload_libraries';
GRANT SELECT ON hwr_stat TO PUBLIC;

CREATE FUNCTION hwr_stat_reset() RETURNS void
	AS 'MODULE_PATHNAME', 'hwr_stat_reset' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION hwr_stat_reset() IS 'let hwr_stat begin anew';

--
-- Measurement
--

CREATE FUNCTION hwr_evaluate(data regclass, model text DEFAULT NULL,
							 image_column name DEFAULT NULL, label_column name DEFAULT NULL,
							 version integer DEFAULT NULL,
							 OUT images bigint, OUT skipped bigint,
							 OUT loss double precision, OUT cer double precision, OUT wer double precision,
							 OUT exact_match double precision, OUT "precision" double precision,
							 OUT recall double precision, OUT f1 double precision,
							 OUT seconds double precision, OUT images_per_second double precision)
	AS 'MODULE_PATHNAME', 'hwr_evaluate' LANGUAGE C COST 1000000;
COMMENT ON FUNCTION hwr_evaluate(regclass, text, name, name, integer) IS
'measure a model on a table of labelled images, and keep the figures for hwr_metrics and hwr_confusions';

-- What is costly or writes is for those to whom an administrator grants it: see doc/privileges.md.
REVOKE EXECUTE ON FUNCTION
	hwr_train(regclass, text, name, name, jsonb, boolean, text),
	hwr_resume(bigint, double precision, boolean),
	hwr_drop_job(bigint),
	hwr_train_lm(text, text[], text, integer),
	hwr_train_lm(text, regclass, name, text, integer),
	hwr_train_lm(text, text, text, text, integer),
	hwr_drop_lm(text),
	hwr_evaluate(regclass, text, name, name, integer),
	hwr_import_model(bytea, text, boolean),
	hwr_activate_model(text, integer),
	hwr_drop_model(text, integer),
	hwr_grant_model(text, name),
	hwr_revoke_model(text, name),
	hwr_ship_model(text, text[], integer, boolean),
	hwr_stat_reset()
	FROM PUBLIC;

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

--
-- Metrics as aggregates
--

-- The state of hwr_cer, hwr_wer and hwr_exact, and that of hwr_confusions.
CREATE FUNCTION hwr.metrics_accum(internal, truth text, guess text) RETURNS internal
	AS 'MODULE_PATHNAME', 'hwr_metrics_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION hwr.metrics_accum(internal, text, text) IS 'transition function of hwr_cer, hwr_wer and hwr_exact';
CREATE FUNCTION hwr.metrics_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'hwr_metrics_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hwr.metrics_combine(internal, internal) IS 'combine function of hwr_cer, hwr_wer and hwr_exact';
CREATE FUNCTION hwr.metrics_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'hwr_metrics_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.metrics_serialize(internal) IS 'serialization function of hwr_cer, hwr_wer and hwr_exact';
CREATE FUNCTION hwr.metrics_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'hwr_metrics_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.metrics_deserialize(bytea, internal) IS 'deserialization function of hwr_cer, hwr_wer and hwr_exact';
CREATE FUNCTION hwr.metrics_final_cer(internal) RETURNS double precision
	AS 'MODULE_PATHNAME', 'hwr_metrics_final_cer' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hwr.metrics_final_cer(internal) IS 'final function of hwr_cer';
CREATE FUNCTION hwr.metrics_final_wer(internal) RETURNS double precision
	AS 'MODULE_PATHNAME', 'hwr_metrics_final_wer' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hwr.metrics_final_wer(internal) IS 'final function of hwr_wer';
CREATE FUNCTION hwr.metrics_final_exact(internal) RETURNS double precision
	AS 'MODULE_PATHNAME', 'hwr_metrics_final_exact' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hwr.metrics_final_exact(internal) IS 'final function of hwr_exact';

CREATE AGGREGATE hwr_cer(truth text, guess text) (
	SFUNC = hwr.metrics_accum, STYPE = internal, SSPACE = 80, FINALFUNC = hwr.metrics_final_cer,
	COMBINEFUNC = hwr.metrics_combine, SERIALFUNC = hwr.metrics_serialize, DESERIALFUNC = hwr.metrics_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE hwr_cer(text, text) IS
'character error rate: edit distance over length of the truth, both summed';

CREATE AGGREGATE hwr_wer(truth text, guess text) (
	SFUNC = hwr.metrics_accum, STYPE = internal, SSPACE = 80, FINALFUNC = hwr.metrics_final_wer,
	COMBINEFUNC = hwr.metrics_combine, SERIALFUNC = hwr.metrics_serialize, DESERIALFUNC = hwr.metrics_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE hwr_wer(text, text) IS
'word error rate: as hwr_cer, in words between white space';

CREATE AGGREGATE hwr_exact(truth text, guess text) (
	SFUNC = hwr.metrics_accum, STYPE = internal, SSPACE = 80, FINALFUNC = hwr.metrics_final_exact,
	COMBINEFUNC = hwr.metrics_combine, SERIALFUNC = hwr.metrics_serialize, DESERIALFUNC = hwr.metrics_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE hwr_exact(text, text) IS
'share of the pairs that are equal, character by character';

CREATE TYPE hwr.character_pair AS (truth text, guess text, count bigint);
COMMENT ON TYPE hwr.character_pair IS
'how often a character was read as another; an empty string on one side is an insertion or a deletion';

CREATE FUNCTION hwr.confusions_accum(internal, truth text, guess text) RETURNS internal
	AS 'MODULE_PATHNAME', 'hwr_confusions_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION hwr.confusions_accum(internal, text, text) IS 'transition function of hwr_confusions';
CREATE FUNCTION hwr.confusions_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'hwr_confusions_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hwr.confusions_combine(internal, internal) IS 'combine function of hwr_confusions';
CREATE FUNCTION hwr.confusions_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'hwr_confusions_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.confusions_serialize(internal) IS 'serialization function of hwr_confusions';
CREATE FUNCTION hwr.confusions_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'hwr_confusions_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.confusions_deserialize(bytea, internal) IS 'deserialization function of hwr_confusions';
CREATE FUNCTION hwr.confusions_final(internal) RETURNS hwr.character_pair[]
	AS 'MODULE_PATHNAME', 'hwr_confusions_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hwr.confusions_final(internal) IS 'final function of hwr_confusions';

CREATE AGGREGATE hwr_confusions(truth text, guess text) (
	SFUNC = hwr.confusions_accum, STYPE = internal, SSPACE = 4096, FINALFUNC = hwr.confusions_final,
	COMBINEFUNC = hwr.confusions_combine, SERIALFUNC = hwr.confusions_serialize, DESERIALFUNC = hwr.confusions_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE hwr_confusions(text, text) IS
'how often each character was read as which, as an array for unnest()';

--
-- Plots and reports
--
-- Whatever is shown is a function of rows that can be had by themselves.  Functions of schema hwr are the parts:
-- those that take hwr.reading[] work on one pass over a table, so that a page reads each image once.
--

-- A row of a table as a model reads it.
CREATE TYPE hwr.reading AS (
	"row"		bigint,				-- from 1, in the order of the scan
	key			text,				-- primary key, or else ctid
	label		text,				-- as the model sees it: normalised, case mapped
	guess		text,				-- NULL: the image cannot be read
	confidence	double precision,	-- geometric mean over the network's steps
	probability double precision,	-- of the guess, given the image
	loss		double precision,	-- -log P(label | image); NULL: the model cannot write the label
	margin		double precision,	-- loss less that of the guess: how much likelier the guess is, in nats
	length		integer,			-- of the label, in characters
	distance	integer,			-- edits between label and guess
	words		integer,
	word_edits	integer,
	width		integer,			-- of the image, in pixels
	ink			double precision,	-- share of the image that is ink
	characters	jsonb,				-- of the guess: character, confidence, left and right in pixels
	edits		jsonb,				-- the errors: truth, guess, left and right in pixels
	"by"		text,				-- the column asked for
	problem		text,				-- why the image or the label cannot be used
	image		bytea
);
COMMENT ON TYPE hwr.reading IS 'a row of a table as a model reads it';

CREATE FUNCTION hwr_readings(data regclass, model text DEFAULT NULL, version integer DEFAULT NULL,
							 image_column name DEFAULT NULL, label_column name DEFAULT NULL, "by" name DEFAULT NULL)
	RETURNS SETOF hwr.reading
	AS 'MODULE_PATHNAME', 'hwr_readings' LANGUAGE C COST 1000000 ROWS 1000;
COMMENT ON FUNCTION hwr_readings(regclass, text, integer, name, name, name) IS
'every row of a table as a model reads it: reading, confidence, the place of each character, and the errors where there is a label';

-- C helpers

CREATE FUNCTION hwr.thumbnail(image bytea, height integer, first double precision DEFAULT 0, last double precision DEFAULT 1) RETURNS bytea
	AS 'MODULE_PATHNAME', 'hwr_thumbnail' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION hwr.thumbnail(bytea, integer, double precision, double precision) IS
'a PNG of this height of what is between two shares of an image''s width, dark on white; NULL for what is no image';
CREATE FUNCTION hwr.escape(text) RETURNS text
	AS 'MODULE_PATHNAME', 'hwr_escape' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.escape(text) IS 'text as it stands in HTML and XML, in content and in quoted attributes';
CREATE FUNCTION hwr.diff(truth text, guess text) RETURNS text
	AS 'MODULE_PATHNAME', 'hwr_diff' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.diff(text, text) IS
'a reading as HTML with <mark> around wrong, <ins> around superfluous and <del> around missing characters';
CREATE FUNCTION hwr.bootstrap(numerators double precision[], denominators double precision[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'hwr_bootstrap_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION hwr.bootstrap(double precision[], double precision[]) IS
'95 % bootstrap interval of the ratio of two sums';
CREATE FUNCTION hwr.wilson(hits bigint, n bigint) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'hwr_wilson_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.wilson(bigint, bigint) IS '95 % interval of a share';
CREATE FUNCTION hwr.mcnemar(only_a bigint, only_b bigint) RETURNS double precision
	AS 'MODULE_PATHNAME', 'hwr_mcnemar_test' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.mcnemar(bigint, bigint) IS 'exact two-sided p value of McNemar''s test';
CREATE FUNCTION hwr.label_column(data regclass, label_column name) RETURNS text
	AS 'MODULE_PATHNAME', 'hwr_label_column' LANGUAGE C STABLE;
COMMENT ON FUNCTION hwr.label_column(regclass, name) IS 'the label column of a table, quoted: as named, or the only one that is text';

CREATE FUNCTION hwr.draw_lines(title text, description text, x_title text, y_title text, names text[], series double precision[],
							   x double precision[], y double precision[], percent boolean DEFAULT false,
							   marked double precision DEFAULT NULL, marked_label text DEFAULT NULL, decades boolean DEFAULT false) RETURNS text
	AS 'MODULE_PATHNAME', 'hwr_draw_lines' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION hwr.draw_lines(text, text, text, text, text[], double precision[], double precision[], double precision[], boolean, double precision, text, boolean) IS
'a line chart as SVG';
CREATE FUNCTION hwr.draw_bars(title text, description text, x_title text, y_title text, labels text[], value double precision[],
							  low double precision[] DEFAULT NULL, high double precision[] DEFAULT NULL, percent boolean DEFAULT false) RETURNS text
	AS 'MODULE_PATHNAME', 'hwr_draw_bars' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION hwr.draw_bars(text, text, text, text, text[], double precision[], double precision[], double precision[], boolean) IS
'a bar chart as SVG, with intervals where there are any';
CREATE FUNCTION hwr.draw_matrix(title text, description text, row_title text, column_title text, labels text[], rows text[],
								columns text[], value double precision[]) RETURNS text
	AS 'MODULE_PATHNAME', 'hwr_draw_matrix' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION hwr.draw_matrix(text, text, text, text, text[], text[], text[], double precision[]) IS
'a heat map as SVG';
CREATE FUNCTION hwr.draw_reliability(title text, description text, x_title text, y_title text, names text[], series double precision[],
									 x double precision[], y double precision[], low double precision[], high double precision[],
									 images double precision[]) RETURNS text
	AS 'MODULE_PATHNAME', 'hwr_draw_reliability' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION hwr.draw_reliability(text, text, text, text, text[], double precision[], double precision[], double precision[], double precision[], double precision[], double precision[]) IS
'a reliability diagram as SVG';

-- Small words

CREATE FUNCTION hwr.percent(share double precision) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN share IS NULL THEN '&#8211;' ELSE trim(to_char(share * 100, '99999990.0')) || '&#8239;%' END;
$$;
COMMENT ON FUNCTION hwr.percent(double precision) IS 'a share as HTML';

CREATE FUNCTION hwr.show_character(c text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE c WHEN '' THEN '<span class="soft">nothing</span>' WHEN ' ' THEN '<kbd>space</kbd>' ELSE '<kbd><bdi>' || hwr.escape(c) || '</bdi></kbd>' END;
$$;
COMMENT ON FUNCTION hwr.show_character(text) IS 'a character as HTML';

CREATE FUNCTION hwr.data_uri(png bytea) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT 'data:image/png;base64,' || translate(encode(png, 'base64'), E'\n', '');
$$;
COMMENT ON FUNCTION hwr.data_uri(bytea) IS 'a PNG within a page';

-- The version that a report is about: the one named, or else the active one.
CREATE FUNCTION hwr.shown_version(model text, version integer) RETURNS integer
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce($2, (SELECT m.version FROM @extschema@.hwr_models m WHERE m.model = coalesce($1, 'default') AND m.active));
$$;
COMMENT ON FUNCTION hwr.shown_version(text, integer) IS 'a version''s number: the one named, or else the active one';

-- Epochs of that version's training; without a version, of the newest training.
CREATE FUNCTION hwr.shown_epochs(model text, version integer) RETURNS SETOF hwr.epochs
	LANGUAGE sql STABLE ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
	SELECT e.* FROM hwr.epochs e
	 WHERE e.job = (SELECT max(x.job) FROM hwr.epochs x
					 WHERE x.model = coalesce($1, 'default')
					   AND (x.version = hwr.shown_version($1, $2) OR hwr.shown_version($1, $2) IS NULL))
	 ORDER BY e.epoch;
$$;
COMMENT ON FUNCTION hwr.shown_epochs(text, integer) IS 'what hwr_plot_history draws';

-- Plots of what is stored

CREATE FUNCTION hwr_plot_history(model text DEFAULT NULL, version integer DEFAULT NULL, figure text DEFAULT 'loss') RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	names	text[];
	title	text;
	y_title text;
	best	double precision;
	result	text;
BEGIN
	PERFORM hwr.check_model(coalesce($1, 'default'));
	CASE figure
		WHEN 'loss' THEN names := '{training,validation}'; title := 'Loss'; y_title := 'nats an image';
		WHEN 'errors' THEN names := '{CER,WER,wrong images}'; title := 'Errors on validation images'; y_title := 'share';
		WHEN 'learning_rate' THEN names := '{learning rate}'; title := 'Learning rate'; y_title := 'step size';
		WHEN 'speed' THEN names := '{images/s}'; title := 'Training speed'; y_title := 'images a second';
		ELSE RAISE EXCEPTION 'unrecognized figure "%"', figure USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Valid figures are "loss", "errors", "learning_rate" and "speed".';
	END CASE;
	SELECT max(e.epoch) FILTER (WHERE e.best) INTO best FROM hwr.shown_epochs($1, $2) e;
	SELECT hwr.draw_lines(title,
						  format('%s epochs%s', count(DISTINCT p.epoch), '; the best is ' || best),
						  'epoch', y_title, names, array_agg(p.series ORDER BY p.series, p.epoch), array_agg(p.epoch ORDER BY p.series, p.epoch),
						  array_agg(p.y ORDER BY p.series, p.epoch), figure = 'errors', best, 'best', figure = 'loss')
	  INTO result
	  FROM (SELECT e.epoch::double precision AS epoch, s.series::double precision AS series, s.y
			  FROM hwr.shown_epochs($1, $2) e
				   CROSS JOIN LATERAL unnest(CASE figure
					   WHEN 'loss' THEN ARRAY[e.train_loss, e.validation_loss]
					   WHEN 'errors' THEN ARRAY[e.cer, e.wer, 1 - e.exact_match]
					   WHEN 'learning_rate' THEN ARRAY[e.learning_rate]
					   ELSE ARRAY[e.images_per_second] END) WITH ORDINALITY AS s(y, series)) p
	 WHERE p.y IS NOT NULL;
	RETURN result;
END $$;
COMMENT ON FUNCTION hwr_plot_history(text, integer, text) IS
'the training of a version as an SVG line chart of hwr_history''s rows: loss, errors, learning_rate or speed by epoch';

-- Characters with the most errors, and the pairs between them.
CREATE FUNCTION hwr.draw_confusions(pairs hwr.character_pair[], title text, size integer) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH p AS (SELECT * FROM unnest(pairs)),
	worst AS (
		SELECT x.c FROM (SELECT truth AS c, count FROM p WHERE truth <> guess
						 UNION ALL SELECT guess, count FROM p WHERE truth <> guess) x
		 GROUP BY x.c ORDER BY sum(x.count) DESC, x.c COLLATE "C" LIMIT size),
	cells AS (
		SELECT p.* FROM p JOIN worst t ON t.c = p.truth JOIN worst g ON g.c = p.guess)
	SELECT hwr.draw_matrix(title,
		format('%s errors among the %s characters that are most often wrong', (SELECT sum(count) FROM cells WHERE truth <> guess), (SELECT count(*) FROM worst)),
		'Rows: what is written. Columns: what was read. The number is how often.',
		'The crossed circle is nothing: a character missed, or one too many. Dots: read rightly.',
		(SELECT array_agg(c ORDER BY c COLLATE "C") FROM worst),
		(SELECT array_agg(truth ORDER BY truth COLLATE "C", guess COLLATE "C") FROM cells),
		(SELECT array_agg(guess ORDER BY truth COLLATE "C", guess COLLATE "C") FROM cells),
		(SELECT array_agg(count::double precision ORDER BY truth COLLATE "C", guess COLLATE "C") FROM cells));
$$;
COMMENT ON FUNCTION hwr.draw_confusions(hwr.character_pair[], text, integer) IS 'a heat map of confusions as SVG';

CREATE FUNCTION hwr_plot_confusions(model text DEFAULT NULL, version integer DEFAULT NULL, size integer DEFAULT 18) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.draw_confusions(array_agg(ROW(c.truth, c.guess, c.count)::hwr.character_pair), 'Confusions', $3)
	  FROM @extschema@.hwr_confusions($1, $2) c;
$$;
COMMENT ON FUNCTION hwr_plot_confusions(text, integer, integer) IS
'which character was read as which in a version''s latest measurement, as an SVG heat map of hwr_confusions'' rows';

-- Distributions of the labels of a table

CREATE FUNCTION hwr_lengths(data regclass, label_column name DEFAULT NULL, OUT length integer, OUT count bigint) RETURNS SETOF record
	LANGUAGE plpgsql ROWS 30 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY EXECUTE format(
		'SELECT char_length(%1$s::text), pg_catalog.count(*) FROM %2$s WHERE %1$s IS NOT NULL GROUP BY 1 ORDER BY 1',
		hwr.label_column($1, $2), $1);
END $$;
COMMENT ON FUNCTION hwr_lengths(regclass, name) IS 'how many labels of a table have which length';

CREATE FUNCTION hwr_characters(data regclass, label_column name DEFAULT NULL, OUT "character" text, OUT count bigint) RETURNS SETOF record
	LANGUAGE plpgsql ROWS 80 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY EXECUTE format(
		'SELECT c, pg_catalog.count(*) FROM %2$s, unnest(string_to_array(%1$s::text, NULL)) c GROUP BY c ORDER BY 2 DESC, c COLLATE "C"',
		hwr.label_column($1, $2), $1);
END $$;
COMMENT ON FUNCTION hwr_characters(regclass, name) IS 'how often each character is in the labels of a table';

CREATE FUNCTION hwr_plot_lengths(data regclass, label_column name DEFAULT NULL) RETURNS text
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.draw_bars('Lengths of labels', format('%s labels of %s to %s characters', sum(l.count), min(l.length), max(l.length)),
						 'characters', 'labels', array_agg(l.length::text ORDER BY l.length), array_agg(l.count::double precision ORDER BY l.length))
	  FROM @extschema@.hwr_lengths($1, $2) l;
$$;
COMMENT ON FUNCTION hwr_plot_lengths(regclass, name) IS 'hwr_lengths as an SVG bar chart';

CREATE FUNCTION hwr_plot_characters(data regclass, label_column name DEFAULT NULL) RETURNS text
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.draw_bars('Characters in labels', format('%s different characters', count(*)), 'character, the most frequent first', 'times',
						 array_agg(c."character" ORDER BY c.count DESC, c."character" COLLATE "C"),
						 array_agg(c.count::double precision ORDER BY c.count DESC, c."character" COLLATE "C"))
	  FROM (SELECT * FROM @extschema@.hwr_characters($1, $2) LIMIT 100) c;
$$;
COMMENT ON FUNCTION hwr_plot_characters(regclass, name) IS 'hwr_characters as an SVG bar chart: the hundred most frequent';

-- Reliability: rows in ten groups of equal size by what the model thinks of its readings

CREATE FUNCTION hwr.reliability(readings hwr.reading[], OUT measure text, OUT bin integer, OUT images bigint, OUT mean double precision,
								OUT exact_match double precision, OUT low double precision, OUT high double precision) RETURNS SETOF record
	LANGUAGE sql IMMUTABLE ROWS 20 SET search_path = pg_catalog, pg_temp AS $$
	SELECT b.measure, b.bin, count(*), avg(b.value), avg((b.distance = 0)::integer),
		   (hwr.wilson(count(*) FILTER (WHERE b.distance = 0), count(*)))[1], (hwr.wilson(count(*) FILTER (WHERE b.distance = 0), count(*)))[2]
	  FROM (SELECT m.measure, m.value, r.distance, ntile(10) OVER (PARTITION BY m.measure ORDER BY m.value, r."row") AS bin
			  FROM unnest(readings) r CROSS JOIN LATERAL (VALUES ('confidence', r.confidence), ('probability', r.probability)) m(measure, value)
			 WHERE r.distance IS NOT NULL) b
	 GROUP BY b.measure, b.bin ORDER BY b.measure, b.bin;
$$;
COMMENT ON FUNCTION hwr.reliability(hwr.reading[]) IS 'rows of hwr_reliability';

CREATE FUNCTION hwr.draw_reliability(readings hwr.reading[]) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.draw_reliability('Does it know when it is right?', 'share of exact readings by what the model thought of them, in ten groups of equal size',
		'what the model says', 'share read without an error', ARRAY['confidence', 'probability'],
		array_agg(CASE b.measure WHEN 'confidence' THEN 1 ELSE 2 END::double precision), array_agg(b.mean), array_agg(b.exact_match),
		array_agg(b.low), array_agg(b.high), array_agg(b.images::double precision))
	  FROM hwr.reliability(readings) b;
$$;
COMMENT ON FUNCTION hwr.draw_reliability(hwr.reading[]) IS 'the reliability diagram of hwr_plot_reliability and hwr_report';

-- All rows without their images.
CREATE FUNCTION hwr.read_all(data regclass, model text, version integer, image_column name, label_column name) RETURNS hwr.reading[]
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT array_agg(ROW(r."row", r.key, r.label, r.guess, r.confidence, r.probability, r.loss, r.margin, r.length, r.distance, r.words,
						 r.word_edits, r.width, r.ink, r.characters, r.edits, r."by", r.problem, NULL)::hwr.reading ORDER BY r."row")
	  FROM @extschema@.hwr_readings($1, $2, $3, $4, $5) r;
$$;
COMMENT ON FUNCTION hwr.read_all(regclass, text, integer, name, name) IS 'hwr_readings as an array, without the images';

CREATE FUNCTION hwr_reliability(data regclass, model text DEFAULT NULL, version integer DEFAULT NULL,
								image_column name DEFAULT NULL, label_column name DEFAULT NULL,
								OUT measure text, OUT bin integer, OUT images bigint, OUT mean double precision,
								OUT exact_match double precision, OUT low double precision, OUT high double precision) RETURNS SETOF record
	LANGUAGE sql ROWS 20 SET search_path = pg_catalog, pg_temp AS $$
	SELECT * FROM hwr.reliability(hwr.read_all($1, $2, $3, $4, $5));
$$;
COMMENT ON FUNCTION hwr_reliability(regclass, text, integer, name, name) IS
'whether a model knows when it is right: ten groups of equal size by confidence and by probability, with the share of exact readings in each';

CREATE FUNCTION hwr_plot_reliability(data regclass, model text DEFAULT NULL, version integer DEFAULT NULL,
									 image_column name DEFAULT NULL, label_column name DEFAULT NULL) RETURNS text
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.draw_reliability(hwr.read_all($1, $2, $3, $4, $5));
$$;
COMMENT ON FUNCTION hwr_plot_reliability(regclass, text, integer, name, name) IS 'hwr_reliability as an SVG diagram';

-- Samples: the first rows in an order that is the same each time and has nothing to do with that of the table

CREATE FUNCTION hwr_plot_samples(data regclass, model text DEFAULT NULL, version integer DEFAULT NULL, samples integer DEFAULT 12,
								 image_column name DEFAULT NULL, label_column name DEFAULT NULL) RETURNS text
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	WITH s AS (
		SELECT x.*, (x.n - 1) % 2 * 470 + 12 AS left, (x.n - 1) / 2 * 112 + 40 AS top, least(440, round(x.thumbnail_width * 48.0 / 64)) AS shown
		  FROM (SELECT r.*, row_number() OVER (ORDER BY md5(r."row"::text)) AS n, t.png,
					   ('x' || encode(substr(t.png, 17, 4), 'hex'))::bit(32)::integer AS thumbnail_width
				  FROM (SELECT * FROM @extschema@.hwr_readings($1, $2, $3, $5, $6) q
						 WHERE q.guess IS NOT NULL ORDER BY md5(q."row"::text) LIMIT greatest(1, least($4, 500))) r
					   CROSS JOIN LATERAL (SELECT hwr.thumbnail(r.image, 64) AS png) t) x)
	SELECT format('<svg xmlns="http://www.w3.org/2000/svg" width="960" height="%1$s" viewBox="0 0 960 %1$s" role="img" aria-label="Sample readings">'
				  '<style>svg{font:15px system-ui,sans-serif}tspan{unicode-bidi:isolate}.soft{fill:#5b6270;font-size:12px}.wrong{fill:#b3261e}</style>'
				  '<rect width="960" height="%1$s" fill="#fff"/><text x="12" y="24" font-weight="600">Sample readings</text>%2$s</svg>',
				  (coalesce(max(s.n), 0) + 1) / 2 * 112 + 48,
				  string_agg(format('<g class="sample"><image x="%s" y="%s" width="%s" height="48" preserveAspectRatio="xMinYMid" href="%s"/>'
									'<text x="%1$s" y="%5$s" class="soft">written: <tspan font-size="15" fill="#000">%6$s</tspan></text>'
									'<text x="%1$s" y="%7$s" class="soft">read: <tspan font-size="15" class="%8$s" fill="#000">%9$s</tspan> (%10$s %%)</text></g>',
									s.left, s.top, s.shown, hwr.data_uri(s.png), s.top + 66, coalesce(hwr.escape(s.label), '?'), s.top + 86,
									CASE WHEN s.distance > 0 THEN 'wrong' ELSE 'right' END, hwr.escape(s.guess), round(s.confidence::numeric * 100, 1)),
							 '' ORDER BY s.n))
	  FROM s;
$$;
COMMENT ON FUNCTION hwr_plot_samples(regclass, text, integer, integer, name, name) IS
'some images with their labels and readings as SVG, differences in red; the same each time';

-- The report

-- Figures with their 95 % intervals.
CREATE FUNCTION hwr.figures(readings hwr.reading[], OUT figure text, OUT value double precision, OUT low double precision,
							OUT high double precision, OUT meaning text) RETURNS SETOF record
	LANGUAGE sql IMMUTABLE ROWS 3 SET search_path = pg_catalog, pg_temp AS $$
	WITH r AS (SELECT * FROM unnest(readings) WHERE distance IS NOT NULL),
	i AS (SELECT hwr.bootstrap(array_agg(distance::double precision ORDER BY "row"), array_agg(length::double precision ORDER BY "row")) AS cer,
				 hwr.bootstrap(array_agg(word_edits::double precision ORDER BY "row"), array_agg(words::double precision ORDER BY "row")) AS wer,
				 hwr.wilson(count(*) FILTER (WHERE distance = 0), count(*)) AS exact,
				 sum(distance)::double precision / nullif(sum(length), 0) AS c, sum(word_edits)::double precision / nullif(sum(words), 0) AS w,
				 avg((distance = 0)::integer)::double precision AS e FROM r)
	SELECT f.* FROM i CROSS JOIN LATERAL (VALUES
		('CER', i.c, i.cer[1], i.cer[2], 'character error rate: characters to correct, by characters written'),
		('WER', i.w, i.wer[1], i.wer[2], 'word error rate: the same in words'),
		('exact match', i.e, i.exact[1], i.exact[2], 'images that were read without any error')) f(figure, value, low, high, meaning);
$$;
COMMENT ON FUNCTION hwr.figures(hwr.reading[]) IS 'CER, WER and exact match with their 95 % intervals';

-- CER of groups of rows.
CREATE FUNCTION hwr.cer_by(readings hwr.reading[], what text, OUT "group" text, OUT images bigint, OUT cer double precision,
						   OUT low double precision, OUT high double precision, OUT exact_match double precision) RETURNS SETOF record
	LANGUAGE sql IMMUTABLE ROWS 12 SET search_path = pg_catalog, pg_temp AS $$
	WITH r AS (
		SELECT x.*, CASE WHEN what = 'length' THEN x.length WHEN what = 'width' THEN x.width WHEN what = 'ink' THEN round(x.ink::numeric * 100, 1) END AS number
		  FROM unnest(readings) x WHERE x.distance IS NOT NULL),
	-- few different numbers are groups themselves, many are cut into six of about equal size
	n AS (SELECT r.*, CASE WHEN what = 'by' THEN NULL
						   WHEN what = 'length' AND (SELECT count(DISTINCT number) FROM r) <= 16 THEN dense_rank() OVER (ORDER BY number)
						   ELSE 6 * (rank() OVER (ORDER BY number) - 1) / count(*) OVER () END AS bin FROM r),
	g AS (SELECT n.*, CASE WHEN what = 'by' THEN coalesce(n."by", 'NULL')
						   ELSE concat_ws('-', min(number) OVER w, nullif(max(number) OVER w, min(number) OVER w)) END AS name
			FROM n WINDOW w AS (PARTITION BY n.bin)),
	a AS (SELECT g.name, g.bin, count(*) AS images, sum(distance) AS edits, sum(length) AS characters, avg((distance = 0)::integer)::double precision AS exact,
				 array_agg(distance::double precision ORDER BY "row") AS numerators, array_agg(length::double precision ORDER BY "row") AS denominators
			FROM g GROUP BY g.name, g.bin)
	SELECT a.name, a.images, a.edits::double precision / nullif(a.characters, 0), i.i[1], i.i[2], a.exact
	  -- drawing from a handful of rows again and again says nothing
	  FROM a CROSS JOIN LATERAL (SELECT CASE WHEN a.images >= 5 THEN hwr.bootstrap(a.numerators, a.denominators) END AS i) i
	 ORDER BY a.bin, a.images DESC, a.name COLLATE "C" LIMIT 24;
$$;
COMMENT ON FUNCTION hwr.cer_by(hwr.reading[], text) IS
'CER by label length, image width, share of ink, or the column asked for as "by"';

-- Errors of each character that is written.
CREATE FUNCTION hwr.errors_by_character(pairs hwr.character_pair[], OUT "character" text, OUT count bigint, OUT wrong double precision,
										OUT low double precision, OUT high double precision) RETURNS SETOF record
	LANGUAGE sql IMMUTABLE ROWS 50 SET search_path = pg_catalog, pg_temp AS $$
	SELECT p.truth, sum(p.count)::bigint, sum(p.count) FILTER (WHERE p.truth <> p.guess) / sum(p.count)::double precision, i.i[1], i.i[2]
	  FROM unnest(pairs) p
		   JOIN LATERAL (SELECT hwr.wilson(coalesce(sum(q.count) FILTER (WHERE q.truth <> q.guess), 0)::bigint, sum(q.count)::bigint) AS i
						   FROM unnest(pairs) q WHERE q.truth = p.truth) i ON true
	 WHERE p.truth <> '' GROUP BY p.truth, i.i ORDER BY p.truth COLLATE "C";
$$;
COMMENT ON FUNCTION hwr.errors_by_character(hwr.character_pair[]) IS 'how often each written character was read wrongly or missed';

-- The rows that a gallery shows.
CREATE FUNCTION hwr.gallery(readings hwr.reading[], which text) RETURNS SETOF hwr.reading
	LANGUAGE sql IMMUTABLE ROWS 12 SET search_path = pg_catalog, pg_temp AS $$
	SELECT r.* FROM unnest(readings) r
	 WHERE r.guess IS NOT NULL
	   AND CASE which WHEN 'worst' THEN r.distance > 0 WHEN 'suspect' THEN r.distance > 0 AND r.probability >= 0.5 AND coalesce(r.margin, 99) > 3 ELSE true END
	 ORDER BY CASE which WHEN 'worst' THEN -r.distance::double precision / r.length
						 WHEN 'doubt' THEN r.confidence
						 WHEN 'suspect' THEN -coalesce(r.margin, 99) END,
			  CASE which WHEN 'worst' THEN -r.distance END, CASE which WHEN 'sample' THEN md5(r."row"::text) END, r."row"
	 LIMIT CASE which WHEN 'sample' THEN 18 ELSE 9 END;
$$;
COMMENT ON FUNCTION hwr.gallery(hwr.reading[], text) IS
'rows to show: a sample that is the same each time, the worst, those with the least confidence, and suspect labels';

-- The most frequent errors, each with up to three examples.
CREATE FUNCTION hwr.error_examples(readings hwr.reading[], OUT truth text, OUT guess text, OUT count bigint, OUT rank bigint, OUT example bigint,
								   OUT "row" bigint, OUT first double precision, OUT last double precision) RETURNS SETOF record
	LANGUAGE sql IMMUTABLE ROWS 36 SET search_path = pg_catalog, pg_temp AS $$
	WITH e AS (
		SELECT r."row", r.width, x.truth, x.guess, x."left", x."right"
		  FROM unnest(readings) r CROSS JOIN LATERAL jsonb_to_recordset(r.edits) AS x(truth text, guess text, "left" double precision, "right" double precision)),
	n AS (SELECT e.*, count(*) OVER (PARTITION BY e.truth, e.guess) AS count,
				 row_number() OVER (PARTITION BY e.truth, e.guess ORDER BY md5(e."row"::text), e."left") AS example FROM e),
	k AS (SELECT n.*, dense_rank() OVER (ORDER BY n.count DESC, n.truth COLLATE "C", n.guess COLLATE "C") AS rank FROM n)
	SELECT k.truth, k.guess, k.count, k.rank, k.example, k."row", greatest(0, least(k."left" / k.width - 0.01, (k."left" + k."right") / k.width / 2 - 0.06)),
		   least(1, greatest(k."right" / k.width + 0.01, (k."left" + k."right") / k.width / 2 + 0.06))
	  FROM k WHERE k.rank <= 12 AND k.example <= 3 ORDER BY k.rank, k.example;
$$;
COMMENT ON FUNCTION hwr.error_examples(hwr.reading[]) IS 'the most frequent errors, and where examples of them are';

-- All rows, with small images for those that the page shows.
CREATE FUNCTION hwr.read_for_report(data regclass, model text, version integer, image_column name, label_column name, "by" name) RETURNS hwr.reading[]
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	WITH r AS MATERIALIZED (SELECT * FROM @extschema@.hwr_readings($1, $2, $3, $4, $5, $6)),
	n AS MATERIALIZED (
		SELECT array_agg(ROW(r."row", r.key, r.label, r.guess, r.confidence, r.probability, r.loss, r.margin, r.length, r.distance, r.words,
							 r.word_edits, r.width, r.ink, NULL, r.edits, NULL, r.problem, NULL)::hwr.reading) AS readings FROM r),
	shown AS (
		SELECT g."row" FROM n, unnest('{sample,worst,doubt,suspect}'::text[]) w, hwr.gallery(n.readings, w) g
		UNION SELECT e."row" FROM n, hwr.error_examples(n.readings) e)
	SELECT array_agg(ROW(r."row", r.key, r.label, r.guess, r.confidence, r.probability, r.loss, r.margin, r.length, r.distance, r.words,
						 r.word_edits, r.width, r.ink, CASE WHEN s."row" IS NOT NULL THEN r.characters END, r.edits, r."by", r.problem,
						 CASE WHEN s."row" IS NOT NULL THEN hwr.thumbnail(r.image, 64) END)::hwr.reading ORDER BY r."row")
	  FROM r LEFT JOIN shown s USING ("row");
$$;
COMMENT ON FUNCTION hwr.read_for_report(regclass, text, integer, name, name, name) IS
'hwr_readings as an array, with small images for the rows that a report shows';

-- Pieces of the page.  What comes from users goes through hwr.escape.

CREATE FUNCTION hwr.html_table(caption text, headers text[], body text) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT format('<div class="scroll" tabindex="0" role="region" aria-label="%1$s"><table><caption>%1$s</caption><thead><tr>%2$s</tr></thead><tbody>%3$s</tbody></table></div>',
				  caption, (SELECT string_agg('<th scope="col">' || h || '</th>', '' ORDER BY n) FROM unnest(headers) WITH ORDINALITY h(h, n)), coalesce(body, ''));
$$;
COMMENT ON FUNCTION hwr.html_table(text, text[], text) IS 'a table of a report; caption, headers and body are HTML';

-- A chart, and its numbers as a table for those who cannot see it or want them.
CREATE FUNCTION hwr.html_chart(svg text, numbers text) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT '<figure class="chart' || CASE WHEN position(' width="980"' IN svg) > 0 THEN ' wide' ELSE '' END || '"><div class="scroll">' || svg || '</div>' ||
		   coalesce('<details><summary>The numbers</summary>' || numbers || '</details>', '') || '</figure>';
$$;
COMMENT ON FUNCTION hwr.html_chart(text, text) IS 'a chart of a report';

-- One reading: image with the places of the characters, truth, reading, confidence.
CREATE FUNCTION hwr.html_card(r hwr.reading) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT format('<li class="card"><div class="picture"><img src="%s" alt="image of row %s">%s</div><dl>%s<dt>read</dt><dd class="%s"><bdi>%s</bdi></dd>'
				  '<dt>confidence</dt><dd class="soft">%s &#183; %s %s</dd></dl></li>',
				  hwr.data_uri(r.image), hwr.escape(coalesce(r.key, r."row"::text)),
				  (SELECT '<div class="places" aria-hidden="true">' || string_agg(format('<i style="left:%s%%;width:%s%%">%s</i>',
							round(100 * c."left"::numeric / r.width, 1), round(100 * (c."right" - c."left")::numeric / r.width, 1),
							CASE c."character" WHEN ' ' THEN '&#9251;' ELSE hwr.escape(c."character") END), '') || '</div>'
					 FROM jsonb_to_recordset(r.characters) AS c("character" text, "left" double precision, "right" double precision)),
				  CASE WHEN r.label IS NOT NULL THEN '<dt>written</dt><dd><bdi>' || hwr.escape(r.label) || '</bdi></dd>' ELSE '' END,
				  CASE WHEN r.distance > 0 THEN 'wrong' ELSE 'right' END,
				  CASE WHEN r.label IS NULL THEN hwr.escape(r.guess) ELSE hwr.diff(r.label, r.guess) END,
				  hwr.percent(r.confidence), CASE WHEN r.key IS NULL THEN 'row' ELSE 'key' END, hwr.escape(coalesce(r.key, r."row"::text)));
$$;
COMMENT ON FUNCTION hwr.html_card(hwr.reading) IS 'one reading of a report';

CREATE FUNCTION hwr.html_gallery(readings hwr.reading[], which text) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce('<ul class="cards">' || string_agg(hwr.html_card(g), '') || '</ul>', '<p class="soft">There are none.</p>')
	  FROM hwr.gallery(readings, which) g;
$$;
COMMENT ON FUNCTION hwr.html_gallery(hwr.reading[], text) IS 'some readings of a report';

CREATE FUNCTION hwr.html_figures(readings hwr.reading[]) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT '<ul class="tiles">' || string_agg(format('<li><b>%s</b><span class="figure">%s</span><span class="soft">95&#8239;%% interval %s to %s</span><span>%s</span></li>',
				CASE f.figure WHEN 'exact match' THEN 'Exact match' ELSE f.figure END, hwr.percent(f.value), hwr.percent(f.low), hwr.percent(f.high), f.meaning),
			'' ORDER BY f.figure = 'exact match' DESC, f.figure) ||
		   (SELECT format('<li><b>Images</b><span class="figure">%s</span><span class="soft">%s</span><span>rows with image and label that were read</span></li></ul>',
						  count(*) FILTER (WHERE r.distance IS NOT NULL),
						  CASE WHEN count(*) FILTER (WHERE r.distance IS NULL) = 0 THEN 'no row left out'
							   ELSE count(*) FILTER (WHERE r.distance IS NULL) || ' more without' END)
			  FROM unnest(readings) r)
	  FROM hwr.figures(readings) f;
$$;
COMMENT ON FUNCTION hwr.html_figures(hwr.reading[]) IS 'the figures of a report';

CREATE FUNCTION hwr.html_model(shown text, shown_version integer) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT format('<dl class="facts"><dt>architecture</dt><dd><code>%s</code></dd><dt>parameters</dt><dd>%s (a file of %s)</dd>'
				  '<dt>alphabet</dt><dd>%s characters: <bdi class="alphabet">%s</bdi></dd><dt>made</dt><dd>%s</dd>%s</dl>'
				  '<details><summary>Training options</summary>%s</details>',
				  hwr.escape(m.architecture), to_char(m.parameters, 'FM999,999,999,999'), pg_size_pretty(m.bytes),
				  char_length(m.alphabet), replace(hwr.escape(m.alphabet), ' ', '&#9251;'), 
				  CASE WHEN m.version IS NULL THEN 'comes with hwr' ELSE format('%s by %s, %s', to_char(m.created, 'YYYY-MM-DD HH24:MI'),
					hwr.escape(m.owner::text), CASE WHEN m.job IS NULL THEN 'imported from a file' ELSE 'training job ' || m.job END) END,
				  (SELECT format('<dt>learned from</dt><dd>%s: %s images to learn, %s to validate, %s left out</dd>', hwr.escape(j.training), j.images, j.validation_images, j.skipped)
					 FROM @extschema@.hwr_jobs j WHERE j.job = m.job),
				  hwr.html_table('Training options of this version', '{option,value}',
					(SELECT string_agg(format('<tr><th scope="row">%s</th><td>%s</td></tr>', hwr.escape(o.key), hwr.escape(o.value)), '' ORDER BY o.key) FROM jsonb_each_text(m.options) o)))
	  FROM hwr.shown_models m WHERE m.model = shown AND m.version IS NOT DISTINCT FROM shown_version;
$$;
COMMENT ON FUNCTION hwr.html_model(text, integer) IS 'the model card of a report';

CREATE FUNCTION hwr.html_versions(shown text, shown_version integer) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.html_table('Versions and their measurements', '{version,made,parameters,measured on,images,CER,WER,exact match,F1}',
		string_agg(format('<tr%s><th scope="row">%s%s</th><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>',
			CASE WHEN m.version = shown_version THEN ' class="this"' END, coalesce(m.version::text, 'bundled'), CASE WHEN m.active THEN ' (active)' END, to_char(m.created, 'YYYY-MM-DD'),
			to_char(m.parameters, 'FM999,999,999,999'), coalesce(hwr.escape(x.data) || ' (' || x.split || ')', '&#8211;'), x.images, hwr.percent(x.cer), hwr.percent(x.wer),
			hwr.percent(x.exact_match), hwr.percent(x.f1)), '' ORDER BY m.version DESC, x.measured DESC))
	  FROM hwr.shown_models m
		   LEFT JOIN LATERAL (SELECT DISTINCT ON (q.data, q.split) * FROM hwr.metrics q WHERE q.model = m.model AND q.version = m.version
							   ORDER BY q.data, q.split, q.measured DESC LIMIT 20) x ON true
	 WHERE m.model = shown;
$$;
COMMENT ON FUNCTION hwr.html_versions(text, integer) IS 'the versions of a report';

CREATE FUNCTION hwr.html_training(shown text, shown_version integer) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN count(*) = 0 THEN '<p class="soft">This version was not trained in this database, so there is no history.</p>'
		ELSE '<div class="charts">' || (SELECT string_agg(hwr.html_chart(@extschema@.hwr_plot_history(shown, shown_version, f), NULL), '' ORDER BY n)
			FROM unnest('{loss,errors,learning_rate,speed}'::text[]) WITH ORDINALITY u(f, n)) || '</div><details><summary>The numbers, epoch by epoch</summary>' ||
		hwr.html_table('Epochs', '{epoch,training loss,validation loss,CER,WER,exact match,learning rate,images a second,seconds}',
			string_agg(format('<tr%s><th scope="row">%s%s</th><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>',
				CASE WHEN e.epoch = e.best_epoch THEN ' class="this"' END, e.epoch, CASE WHEN e.epoch = e.best_epoch THEN ' (best)' END,
				round(e.train_loss::numeric, 4), coalesce(round(e.validation_loss::numeric, 4)::text, '&#8211;'), hwr.percent(e.cer), hwr.percent(e.wer), hwr.percent(e.exact_match),
				e.learning_rate::numeric::float4, round(e.images_per_second), round(e.seconds)), '' ORDER BY e.epoch)) || '</details>' END
	  FROM (SELECT x.*, max(x.epoch) FILTER (WHERE x.best) OVER () AS best_epoch FROM hwr.shown_epochs(shown, shown_version) x) e;
$$;
COMMENT ON FUNCTION hwr.html_training(text, integer) IS 'the training section of a report';

-- The most frequent errors in one table, with crops where there are images.
CREATE FUNCTION hwr.html_errors(pairs hwr.character_pair[], readings hwr.reading[]) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH e AS (SELECT p.truth, p.guess, p.count, row_number() OVER (ORDER BY p.count DESC, p.truth COLLATE "C", p.guess COLLATE "C") AS n
				 FROM unnest(pairs) p WHERE p.truth <> p.guess),
	x AS (SELECT s.truth, s.guess, string_agg(format('<img class="crop" src="%s" alt="example in row %s">', hwr.data_uri(t.png), s."row"), ' ' ORDER BY s.example) AS crops
			FROM hwr.error_examples(readings) s JOIN unnest(readings) r ON r."row" = s."row"
				 CROSS JOIN LATERAL (SELECT hwr.thumbnail(r.image, 48, s.first, s.last) AS png) t
		   WHERE t.png IS NOT NULL GROUP BY s.truth, s.guess)
	SELECT hwr.html_table('The most frequent errors', '{what,written,read,times,share of errors,examples}',
		string_agg(format('<tr><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>',
			CASE WHEN e.truth = '' THEN 'insertion' WHEN e.guess = '' THEN 'deletion' ELSE 'substitution' END,
			hwr.show_character(e.truth), hwr.show_character(e.guess), e.count, hwr.percent(e.count / (SELECT sum(count) FROM e)::double precision), x.crops), '' ORDER BY e.n))
	  FROM e LEFT JOIN x USING (truth, guess) WHERE e.n <= 12;
$$;
COMMENT ON FUNCTION hwr.html_errors(hwr.character_pair[], hwr.reading[]) IS 'the most frequent errors of a report';

CREATE FUNCTION hwr.html_cer_by(readings hwr.reading[], what text, title text, x_title text) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.html_chart(
		hwr.draw_bars(title, 'with 95 % intervals', x_title, 'CER', array_agg(c."group" ORDER BY c.n), array_agg(c.cer ORDER BY c.n),
					  array_agg(c.low ORDER BY c.n), array_agg(c.high ORDER BY c.n), true),
		hwr.html_table(hwr.escape(title), ARRAY[hwr.escape(x_title), 'images', 'CER', '95&#8239;% interval', 'exact match'],
			string_agg(format('<tr><th scope="row">%s</th><td>%s</td><td>%s</td><td>%s to %s</td><td>%s</td></tr>', hwr.escape(c."group"), c.images, hwr.percent(c.cer),
							  hwr.percent(c.low), hwr.percent(c.high), hwr.percent(c.exact_match)), '' ORDER BY c.n)))
	  FROM (SELECT g.*, row_number() OVER () AS n FROM hwr.cer_by(readings, what) g) c;
$$;
COMMENT ON FUNCTION hwr.html_cer_by(hwr.reading[], text, text, text) IS 'CER by groups in a report';

CREATE FUNCTION hwr.html_characters(pairs hwr.character_pair[]) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.html_chart(
		hwr.draw_bars('Errors by character', 'with 95 % intervals', 'character that is written', 'share read wrongly or missed', array_agg(c."character" ORDER BY c."character" COLLATE "C"),
					  array_agg(coalesce(c.wrong, 0) ORDER BY c."character" COLLATE "C"), array_agg(c.low ORDER BY c."character" COLLATE "C"),
					  array_agg(c.high ORDER BY c."character" COLLATE "C"), true),
		hwr.html_table('Errors by character', '{character,times written,wrong,95&#8239;% interval}',
			string_agg(format('<tr><th scope="row">%s</th><td>%s</td><td>%s</td><td>%s to %s</td></tr>', hwr.show_character(c."character"), c.count, hwr.percent(coalesce(c.wrong, 0)),
							  hwr.percent(c.low), hwr.percent(c.high)), '' ORDER BY c."character" COLLATE "C")))
	  FROM hwr.errors_by_character(pairs) c;
$$;
COMMENT ON FUNCTION hwr.html_characters(hwr.character_pair[]) IS 'errors by character in a report';

CREATE FUNCTION hwr.html_reliability(readings hwr.reading[]) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.html_chart(hwr.draw_reliability(readings),
		hwr.html_table('Reliability', '{measure,images,mean,read exactly,95&#8239;% interval}',
			string_agg(format('<tr><th scope="row">%s</th><td>%s</td><td>%s</td><td>%s</td><td>%s to %s</td></tr>', b.measure, b.images, hwr.percent(b.mean), hwr.percent(b.exact_match),
							  hwr.percent(b.low), hwr.percent(b.high)), '' ORDER BY b.measure, b.bin)))
	  FROM hwr.reliability(readings) b;
$$;
COMMENT ON FUNCTION hwr.html_reliability(hwr.reading[]) IS 'the reliability diagram of a report';

CREATE FUNCTION hwr.html_distributions(data regclass, label_column name) RETURNS text
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT '<div class="charts">' || hwr.html_chart(@extschema@.hwr_plot_lengths($1, $2),
			   (SELECT hwr.html_table('Lengths of labels', '{characters,labels}', string_agg(format('<tr><th scope="row">%s</th><td>%s</td></tr>', l.length, l.count), '' ORDER BY l.length))
				  FROM @extschema@.hwr_lengths($1, $2) l)) ||
		   hwr.html_chart(@extschema@.hwr_plot_characters($1, $2),
			   (SELECT hwr.html_table('Characters in labels', '{character,times}', string_agg(format('<tr><th scope="row">%s</th><td>%s</td></tr>', hwr.show_character(c."character"), c.count), ''
									  ORDER BY c.count DESC, c."character" COLLATE "C"))
				  FROM @extschema@.hwr_characters($1, $2) c)) || '</div>';
$$;
COMMENT ON FUNCTION hwr.html_distributions(regclass, name) IS 'lengths and characters of labels in a report';

CREATE FUNCTION hwr.html_problems(readings hwr.reading[]) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.html_table('Rows that could not be used', '{problem,rows,the first}',
			   string_agg(format('<tr><th scope="row">%s</th><td>%s</td><td>%s</td></tr>', hwr.escape(p.problem), p.count, hwr.escape(p.first)), '' ORDER BY p.count DESC, p.problem COLLATE "C"))
	  FROM (SELECT r.problem, count(*), (array_agg(coalesce(r.key, r."row"::text) ORDER BY r."row"))[1] AS first
			  FROM unnest(readings) r WHERE r.problem IS NOT NULL GROUP BY r.problem) p
	HAVING count(*) > 0;
$$;
COMMENT ON FUNCTION hwr.html_problems(hwr.reading[]) IS 'rows that could not be used in a report';

CREATE FUNCTION hwr.html_section(id text, title text, lead text, body text) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT format(E'<section id="%s">\n<h2>%s</h2>\n<p>%s</p>\n%s\n</section>\n', id, title, lead, body);
$$;
COMMENT ON FUNCTION hwr.html_section(text, text, text, text) IS 'a section of a report';

-- Everything around the sections.  title is text, the rest HTML.
CREATE FUNCTION hwr.html_page(title text, lead text, sections text[]) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT format(E'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
		'<meta name="color-scheme" content="light dark">\n<title>%1$s</title>\n<style>%2$s</style>\n</head>\n<body>\n<a class="skip" href="#main">To the content</a>\n'
		'<header>\n<h1>%1$s</h1>\n<p>%3$s</p>\n</header>\n<nav aria-label="Sections"><ul>%4$s</ul></nav>\n<main id="main">\n%5$s</main>\n<footer><p>Made by hwr_report() on %6$s.</p></footer>\n</body>\n</html>\n',
		hwr.escape(title),
		':root{--ink:#1f2430;--soft:#5b6270;--rule:#d9dce3;--paper:#fff;--ground:#f4f5f8;--blue:#1a5ea8;--red:#b3261e;--bad:#fbe0dd;--good:#13795b}'
		'@media (prefers-color-scheme:dark){@media screen{:root{--ink:#e8eaf0;--soft:#a3aab8;--rule:#3a404c;--paper:#191c22;--ground:#101217;--blue:#6cb0f5;--red:#ff9d94;--bad:#51231f;--good:#4fc9a0}'
		'.card img,.crop{filter:invert(.91)}}}'
		'*{box-sizing:border-box}body{margin:0;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground)}'
		'header,nav,main,footer{max-width:1080px;margin:0 auto;padding:0 20px}header{padding-top:28px}h1{font-size:28px;line-height:1.2;margin:0 0 8px;overflow-wrap:anywhere}'
		'h2{font-size:20px;margin:0 0 4px}h3{font-size:16px;margin:20px 0 6px}p{margin:0 0 12px;max-width:75ch}a{color:var(--blue)}'
		'.skip{position:absolute;left:-999px}.skip:focus{left:8px;top:8px;background:var(--paper);padding:6px 10px}'
		'nav ul{display:flex;flex-wrap:wrap;gap:4px 18px;list-style:none;margin:0 0 16px;padding:0}'
		'section{background:var(--paper);border:1px solid var(--rule);border-radius:10px;padding:20px;margin:0 0 20px}'
		'.tiles,.cards{list-style:none;margin:0;padding:0;display:grid;gap:14px;grid-template-columns:repeat(auto-fill,minmax(min(100%,220px),1fr))}'
		'.tiles li{display:flex;flex-direction:column;border:1px solid var(--rule);border-radius:8px;padding:12px;font-size:14px}.figure{font-size:30px;line-height:1.25;font-weight:600}'
		'.soft{color:var(--soft)}.cards{grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),1fr))}'
		'.card{border:1px solid var(--rule);border-radius:8px;padding:10px;min-width:0}.picture{position:relative;display:inline-block;max-width:100%}'
		'.card img{display:block;max-width:100%;height:auto;max-height:64px;background:#fff}.crop{height:36px;background:#fff;border:1px solid var(--rule);vertical-align:middle}'
		'.places{position:relative;height:18px}.places i{position:absolute;font:11px/1 ui-monospace,monospace;color:var(--soft);border-top:2px solid var(--soft);padding-top:2px;text-align:center;min-width:3px}'
		'.card dl{display:grid;grid-template-columns:auto 1fr;gap:0 10px;margin:8px 0 0}.card dt,.facts dt{color:var(--soft);font-size:14px}.card dd,.facts dd{margin:0;min-width:0;overflow-wrap:anywhere}'
		'.card dd.soft{font-size:14px}.facts{display:grid;grid-template-columns:auto 1fr;gap:4px 16px;margin:0 0 12px}.alphabet,code{font-family:ui-monospace,monospace;overflow-wrap:anywhere}'
		'mark,ins,del{color:var(--red);background:var(--bad);border-radius:2px}mark{text-decoration:underline wavy}ins{text-decoration:underline double}del{text-decoration:line-through}'
		'.charts{display:grid;gap:20px;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));align-items:start}.chart{margin:0;min-width:0}.chart svg{display:block;width:100%;max-width:520px;height:auto}.wide{grid-column:1/-1}'
		'.chart .scroll{overflow-x:auto}.chart svg{min-width:310px}.charts{margin-top:16px}.wide svg{min-width:700px;max-width:980px}'
		'@media (max-width:600px){.facts{grid-template-columns:1fr}.facts dd{margin:0 0 8px}section{padding:14px}header,nav,main,footer{padding-left:10px;padding-right:10px}}'
		'.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums}caption{text-align:left;color:var(--soft);padding:4px 0}'
		'th,td{white-space:nowrap;padding:4px 14px 4px 0;text-align:left;border-bottom:1px solid var(--rule);font-weight:400;vertical-align:middle}thead th{color:var(--soft)}tr.this th,tr.this td{font-weight:600}'
		'details{margin:8px 0}summary{cursor:pointer;color:var(--blue)}kbd{font:15px ui-monospace,monospace;border:1px solid var(--rule);border-radius:4px;padding:0 5px}'
		'footer{color:var(--soft);font-size:14px;padding-bottom:30px}'
		'@media print{body{background:#fff;font-size:12px}h1{font-size:22px}h2{font-size:16px}h2,thead,caption,section>p{break-after:avoid}section{border:0;padding:0}'
		'.tiles{grid-template-columns:repeat(4,1fr)}.figure{font-size:22px}.cards{grid-template-columns:repeat(3,1fr)}.charts{grid-template-columns:1fr 1fr}.chart svg,.wide svg{min-width:0}'
		'.card,.chart,.tiles li,tr{break-inside:avoid}.scroll,.chart .scroll{overflow:visible}table{font-size:11px}th,td{white-space:normal;padding-right:8px}nav,.skip,details:not([open]){display:none}}',
		lead,
		(SELECT string_agg(format('<li><a href="#%s">%s</a></li>', m[1], m[2]), E'\n' ORDER BY n)
		   FROM unnest(sections) WITH ORDINALITY s(html, n), regexp_match(html, '^<section id="([a-z]+)">\n<h2>([^<]*)') m),
		array_to_string(sections, ''), to_char(statement_timestamp(), 'YYYY-MM-DD HH24:MI'));
$$;
COMMENT ON FUNCTION hwr.html_page(text, text, text[]) IS 'the page around the sections of a report';

-- Sections that need readings of a table.
CREATE FUNCTION hwr.html_data_sections(readings hwr.reading[], pairs hwr.character_pair[], data regclass, label_column name, "by" name) RETURNS text[]
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT ARRAY[
		hwr.html_section('samples', 'Sample readings', 'Images chosen without regard to how well they were read. Under each image, where the network saw which character. '
			'In a reading, <mark>wavy</mark> is read wrongly, <ins>double underlined</ins> should not be there, <del>struck out</del> is missing.',
			hwr.html_gallery(readings, 'sample')),
		hwr.html_section('worst', 'The worst readings', 'Rows with the most errors for their length. Look here for broken scans, wrong labels, and kinds of writing that are missing among the training images.',
			hwr.html_gallery(readings, 'worst')),
		hwr.html_section('doubt', 'The least confident readings', 'What a person should check first when there are no labels.', hwr.html_gallery(readings, 'doubt')),
		hwr.html_section('suspects', 'Labels that may be wrong', 'The model reads something else than the label, is sure of it, and finds its own reading much likelier. Either the label is wrong, or the model is wrong with conviction.',
			hwr.html_gallery(readings, 'suspect')),
		hwr.html_section('groups', 'Where it is hard', 'Character error rate in groups of rows. Thin lines are 95&#8239;% intervals: groups whose intervals overlap widely need not differ.',
			'<div class="charts">' || hwr.html_cer_by(readings, 'length', 'CER by length of the label', 'characters') ||
			hwr.html_cer_by(readings, 'width', 'CER by width of the image', 'pixels') || hwr.html_cer_by(readings, 'ink', 'CER by amount of ink', '% of the image') ||
			CASE WHEN "by" IS NULL THEN '' ELSE hwr.html_cer_by(readings, 'by', 'CER by ' || "by", "by") END || '</div>'),
		hwr.html_section('reliability', 'Confidence', 'If a model knew exactly how sure to be, the marks would lie on the dashed line: of the readings it calls 90&#8239;% sure, 90&#8239;% would be right. '
			'<b>Confidence</b> is an average over the steps of the network and tells readings apart; <b>probability</b> is the chance, by the model, that the whole text is right.',
			hwr.html_reliability(readings)),
		hwr.html_section('data', 'The data', 'What is in the labels of ' || hwr.escape(data::text) || '.', hwr.html_distributions(data, label_column) || coalesce(hwr.html_problems(readings), ''))];
$$;
COMMENT ON FUNCTION hwr.html_data_sections(hwr.reading[], hwr.character_pair[], regclass, name, name) IS
'the sections of a report that show readings of a table';

CREATE FUNCTION hwr_report(model text DEFAULT NULL, data regclass DEFAULT NULL, version integer DEFAULT NULL,
						   image_column name DEFAULT NULL, label_column name DEFAULT NULL, "by" name DEFAULT NULL) RETURNS text
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	shown		text := coalesce($1, 'default');
	number		integer;
	readings	hwr.reading[];
	pairs		hwr.character_pair[];
	labelled	boolean := false;
	top			text[] := '{}';
	below		text[] := '{}';
BEGIN
	PERFORM hwr.check_model(shown);
	number := hwr.shown_version(shown, $3);
	IF NOT EXISTS (SELECT FROM hwr.shown_models m WHERE m.model = shown AND m.version IS NOT DISTINCT FROM number) THEN
		RAISE EXCEPTION 'model "%" has no version%', shown, coalesce(' ' || number, '') || ' that you may use'
			USING ERRCODE = 'undefined_object';
	END IF;
	IF $2 IS NOT NULL THEN
		readings := hwr.read_for_report($2, shown, number, $4, $5, $6);
		pairs := (SELECT @extschema@.hwr_confusions(r.label, r.guess) FROM unnest(readings) r);
		labelled := EXISTS (SELECT FROM unnest(readings) r WHERE r.distance IS NOT NULL);
		IF labelled THEN
			top := ARRAY[hwr.html_section('glance', 'At a glance', 'Measured on ' || hwr.escape($2::text) || '. Smaller is better for CER and WER, larger for exact match.', hwr.html_figures(readings))];
			below := hwr.html_data_sections(readings, pairs, $2, $5, $6);
		ELSE
			below := ARRAY[
				hwr.html_section('samples', 'Sample readings', 'There are no labels to compare with. Under each image, where the network saw which character.', hwr.html_gallery(readings, 'sample')),
				hwr.html_section('doubt', 'The least confident readings', 'What a person should check first.', hwr.html_gallery(readings, 'doubt') || coalesce(hwr.html_problems(readings), ''))];
		END IF;
	END IF;
	IF NOT labelled THEN
		pairs := (SELECT array_agg(ROW(c.truth, c.guess, c.count)::hwr.character_pair) FROM @extschema@.hwr_confusions(shown, number) c);
	END IF;
	top := top || hwr.html_section('model', 'The model', 'What it is, what it learned from, and how its versions did.', hwr.html_model(shown, number) || hwr.html_versions(shown, number)) ||
		hwr.html_section('training', 'Training', 'Training loss should fall and validation loss follow it; where validation loss turns up again, the model begins to learn by heart. The best epoch is the one that was kept.',
			hwr.html_training(shown, number));
	IF pairs IS NOT NULL THEN
		below := CASE WHEN labelled THEN below[1:1] ELSE '{}' END || hwr.html_section('errors', 'Errors',
			'Which characters are taken for which.', hwr.html_errors(pairs, readings) || '<div class="charts">' ||
			hwr.html_chart(hwr.draw_confusions(pairs, 'Confusions', 18), NULL) || hwr.html_characters(pairs) || '</div>') ||
			CASE WHEN labelled THEN below[2:] ELSE below END;
	END IF;
	RETURN hwr.html_page(format('Handwriting model %s, %s', shown, coalesce('version ' || number, 'as it comes with hwr')),
		CASE WHEN $2 IS NULL THEN 'What is stored about it. Name a table of labelled images, hwr_report(model, data), to see readings too.'
			 ELSE 'Its readings of the images of ' || hwr.escape($2::text) || ', compared with what is written there.' END,
		CASE WHEN labelled THEN top[1:1] || below[1:2] || top[2:] || below[3:] ELSE top || below END);
END $$;
COMMENT ON FUNCTION hwr_report(text, regclass, integer, name, name, name) IS
'one HTML page about a model, and about its readings of a table where one is named: figures, charts, errors, samples';

-- Comparison

CREATE FUNCTION hwr.compared(model_a text, version_a integer, model_b text, version_b integer, data regclass, image_column name, label_column name,
							 OUT "row" bigint, OUT key text, OUT label text, OUT guess_a text, OUT guess_b text, OUT distance_a integer, OUT distance_b integer,
							 OUT length integer, OUT confidence_a double precision, OUT confidence_b double precision) RETURNS SETOF record
	LANGUAGE sql SET search_path = pg_catalog, pg_temp SET synchronize_seqscans = off AS $$
	-- Labels are mapped to each model's case, so each is compared in its own.
	SELECT a."row", a.key, a.label, a.guess, b.guess, a.distance, b.distance, a.length, a.confidence, b.confidence
	  FROM @extschema@.hwr_readings($5, $1, $2, $6, $7) a
		   JOIN @extschema@.hwr_readings($5, $3, $4, $6, $7) b ON coalesce(a.key, 'row ' || a."row") = coalesce(b.key, 'row ' || b."row")
	 WHERE a.distance IS NOT NULL AND b.distance IS NOT NULL;
$$;
COMMENT ON FUNCTION hwr.compared(text, integer, text, integer, regclass, name, name) IS 'the rows of a table as two versions read them';

CREATE FUNCTION hwr_compare(model_a text, version_a integer, model_b text, version_b integer, data regclass,
							image_column name DEFAULT NULL, label_column name DEFAULT NULL,
							OUT images bigint, OUT cer_a double precision, OUT cer_b double precision, OUT cer_difference double precision,
							OUT low double precision, OUT high double precision, OUT exact_a double precision, OUT exact_b double precision,
							OUT only_a_exact bigint, OUT only_b_exact bigint, OUT p_value double precision, OUT changed bigint) RETURNS record
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT s.images, s.edits_a / s.characters, s.edits_b / s.characters, (s.edits_b - s.edits_a) / s.characters, s.interval[1], s.interval[2],
		   s.exact_a, s.exact_b, s.only_a, s.only_b, hwr.mcnemar(s.only_a, s.only_b), s.changed
	  FROM (SELECT count(*) AS images, sum(c.distance_a)::double precision AS edits_a, sum(c.distance_b)::double precision AS edits_b,
				   nullif(sum(c.length), 0)::double precision AS characters,
				   hwr.bootstrap(array_agg((c.distance_b - c.distance_a)::double precision ORDER BY c."row"), array_agg(c.length::double precision ORDER BY c."row")) AS interval,
				   avg((c.distance_a = 0)::integer)::double precision AS exact_a, avg((c.distance_b = 0)::integer)::double precision AS exact_b,
				   count(*) FILTER (WHERE c.distance_a = 0 AND c.distance_b > 0) AS only_a, count(*) FILTER (WHERE c.distance_b = 0 AND c.distance_a > 0) AS only_b,
				   count(*) FILTER (WHERE c.guess_a IS DISTINCT FROM c.guess_b) AS changed
			  FROM hwr.compared($1, $2, $3, $4, $5, $6, $7) c) s;
$$;
COMMENT ON FUNCTION hwr_compare(text, integer, text, integer, regclass, name, name) IS
'two versions on the same rows: CER of each, their difference (b less a) with its 95 % bootstrap interval, exact matches, and the p value of McNemar''s exact test on them';

CREATE FUNCTION hwr_changes(model_a text, version_a integer, model_b text, version_b integer, data regclass,
							image_column name DEFAULT NULL, label_column name DEFAULT NULL,
							OUT "row" bigint, OUT key text, OUT verdict text, OUT label text, OUT guess_a text, OUT guess_b text,
							OUT distance_a integer, OUT distance_b integer, OUT confidence_a double precision, OUT confidence_b double precision) RETURNS SETOF record
	LANGUAGE sql ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
	SELECT c."row", c.key, CASE WHEN c.distance_b < c.distance_a THEN 'better' WHEN c.distance_b > c.distance_a THEN 'worse' ELSE 'other' END,
		   c.label, c.guess_a, c.guess_b, c.distance_a, c.distance_b, c.confidence_a, c.confidence_b
	  FROM hwr.compared($1, $2, $3, $4, $5, $6, $7) c
	 WHERE c.guess_a IS DISTINCT FROM c.guess_b
	 ORDER BY c.distance_a - c.distance_b, c."row";
$$;
COMMENT ON FUNCTION hwr_changes(text, integer, text, integer, regclass, name, name) IS
'the rows that two versions read differently, those that became worse first';

-- Review

CREATE FUNCTION hwr_review(data regclass, model text DEFAULT NULL, "limit" integer DEFAULT 50, version integer DEFAULT NULL,
						   image_column name DEFAULT NULL, label_column name DEFAULT NULL,
						   OUT "row" bigint, OUT key text, OUT reason text, OUT doubt double precision, OUT label text, OUT guess text,
						   OUT confidence double precision) RETURNS SETOF record
	LANGUAGE sql ROWS 50 SET search_path = pg_catalog, pg_temp AS $$
	-- doubt: 1 less the probability of what is on record, the label where there is one
	SELECT r."row", r.key,
		   CASE WHEN r.problem IS NOT NULL THEN r.problem
				WHEN r.distance > 0 AND r.loss IS NULL THEN 'the model cannot write the label'
				WHEN r.distance > 0 AND r.probability >= 0.5 THEN 'the label may be wrong'
				WHEN r.distance > 0 THEN 'label and reading differ'
				ELSE 'the reading is uncertain' END,
		   d.doubt, r.label, r.guess, r.confidence
	  FROM @extschema@.hwr_readings($1, $2, $4, $5, $6) r
		   CROSS JOIN LATERAL (SELECT CASE WHEN r.problem IS NOT NULL OR (r.label IS NOT NULL AND r.loss IS NULL) THEN 1
										   WHEN r.label IS NOT NULL THEN 1 - exp(-least(r.loss, 700)) ELSE 1 - r.probability END AS doubt) d
	 ORDER BY r.problem IS NULL, d.doubt DESC, r.confidence, r."row" LIMIT $3;
$$;
COMMENT ON FUNCTION hwr_review(regclass, text, integer, integer, name, name) IS
'the rows that a person should look at first, and why';
