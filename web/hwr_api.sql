--
-- hwr_api.sql
--	  Optional: what the desk's API does, as views and functions of schema hwr_api, for PostgREST or any other client.
--
--		psql -d mydb -f web/hwr_api.sql
--
-- Everything is done with the privileges of the role that asks.  Again run, it replaces itself.  PostgREST (db-schemas = "hwr_api") serves a
-- view NAME as GET /NAME and a function NAME as POST /rpc/NAME; functions with an unnamed bytea argument take the image itself as
-- the request's body (Content-Type: application/octet-stream).
--
\set ON_ERROR_STOP on
BEGIN;
SELECT n.nspname AS hwr FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'hwr' \gset
SET LOCAL client_min_messages = warning;
DROP SCHEMA IF EXISTS hwr_api CASCADE;
CREATE SCHEMA hwr_api;
COMMENT ON SCHEMA hwr_api IS 'hwr: reading handwriting, review, training';
GRANT USAGE ON SCHEMA hwr_api TO PUBLIC;
SET LOCAL search_path = :"hwr", pg_catalog;

-- What there is

CREATE VIEW hwr_api.models AS SELECT * FROM hwr_models;
COMMENT ON VIEW hwr_api.models IS 'versions of the models that you may use';
CREATE VIEW hwr_api.bundled_models AS SELECT * FROM hwr_bundled_models;
COMMENT ON VIEW hwr_api.bundled_models IS 'models that come with hwr';
CREATE VIEW hwr_api.jobs AS SELECT * FROM hwr_job_details;
COMMENT ON VIEW hwr_api.jobs IS 'your trainings and how they ended';
CREATE VIEW hwr_api.progress AS SELECT * FROM hwr_progress;
COMMENT ON VIEW hwr_api.progress IS 'your trainings that run';
CREATE VIEW hwr_api.stat AS SELECT * FROM hwr_stat;
COMMENT ON VIEW hwr_api.stat IS 'what each version of a model has read';
CREATE VIEW hwr_api.queue AS SELECT * FROM hwr_queue;
COMMENT ON VIEW hwr_api.queue IS 'tables that read themselves, and how far they are';
GRANT SELECT ON ALL TABLES IN SCHEMA hwr_api TO PUBLIC;

CREATE FUNCTION hwr_api.metrics(model text DEFAULT NULL) RETURNS SETOF hwr.metrics
	LANGUAGE sql STABLE SET search_path = :"hwr", pg_catalog, pg_temp AS 'SELECT * FROM hwr_metrics($1)';
COMMENT ON FUNCTION hwr_api.metrics(text) IS 'measurements of models';
CREATE FUNCTION hwr_api.history(job bigint) RETURNS SETOF hwr.epochs
	LANGUAGE sql STABLE SET search_path = :"hwr", pg_catalog, pg_temp AS 'SELECT * FROM hwr_history() h WHERE h.job = $1';
COMMENT ON FUNCTION hwr_api.history(bigint) IS 'the epochs of a training';

-- Reading

CREATE FUNCTION hwr_api.read(bytea) RETURNS TABLE (rank integer, text text, confidence double precision, characters jsonb)
	LANGUAGE sql STABLE SET search_path = :"hwr", pg_catalog, pg_temp AS
	'SELECT rank, text, confidence, characters FROM hwr_recognize_nbest($1, 5)';
COMMENT ON FUNCTION hwr_api.read(bytea) IS 'the most probable texts of an image of one line';
CREATE FUNCTION hwr_api.read_page(bytea)
	RETURNS TABLE (line integer, region integer, text text, confidence double precision, outline polygon, baseline path)
	LANGUAGE sql STABLE SET search_path = :"hwr", pg_catalog, pg_temp AS
	'SELECT line, region, text, confidence, outline, baseline FROM hwr_read_page($1)';
COMMENT ON FUNCTION hwr_api.read_page(bytea) IS 'the lines of a page, read';
CREATE FUNCTION hwr_api.read_with(image text, model text DEFAULT NULL, n integer DEFAULT 5)
	RETURNS TABLE (rank integer, text text, confidence double precision, characters jsonb)
	LANGUAGE sql STABLE SET search_path = :"hwr", pg_catalog, pg_temp AS
	$$SELECT rank, text, confidence, characters FROM hwr_recognize_nbest(decode($1, 'base64'), $3, $2)$$;
COMMENT ON FUNCTION hwr_api.read_with(text, text, integer) IS 'the most probable texts of an image in base64, by a model';

CREATE FUNCTION hwr_api.read_form(page text, blank text, fields regclass, model text DEFAULT NULL)
	RETURNS TABLE (field text, text text, value text, confidence double precision, fit double precision, area polygon)
	LANGUAGE sql STABLE SET search_path = :"hwr", pg_catalog, pg_temp AS
	$$SELECT field, text, value, confidence, fit, area FROM hwr_read_form(decode($1, 'base64'), decode($2, 'base64'), $3, $4, false)$$;
COMMENT ON FUNCTION hwr_api.read_form(text, text, regclass, text) IS
'the fields of a filled form; page and blank form are images in base64, fields the name of a table with columns name and area';

-- Review and search.  "table" is a name as SQL writes it: forms, public.forms, "My forms".  As a regclass it is looked up by the search_path of
-- who asks, before a function has its own; PostgREST's has hwr_api and db-extra-search-path, public unless said.

CREATE FUNCTION hwr_api.review("table" regclass, model text DEFAULT NULL, "limit" integer DEFAULT 50, image_column text DEFAULT NULL,
							   label_column text DEFAULT NULL)
	RETURNS TABLE (key text, reason text, doubt double precision, label text, guess text, confidence double precision)
	LANGUAGE sql SET search_path = :"hwr", pg_catalog, pg_temp AS
	'SELECT key, reason, doubt, label, guess, confidence FROM hwr_review($1, $2, $3, NULL, $4::name, $5::name)';
COMMENT ON FUNCTION hwr_api.review(regclass, text, integer, text, text) IS 'rows of a table that a person should look at first, and why';
CREATE FUNCTION hwr_api.search("table" regclass, ink text, key_column text, query text, "limit" integer DEFAULT 50)
	RETURNS TABLE (key text, text text, relevance double precision)
	LANGUAGE plpgsql STABLE SET search_path = :"hwr", pg_catalog, pg_temp AS $$
BEGIN
	-- a cast to text may be a function of the type's owner, and would run as whoever searches
	RETURN QUERY EXECUTE format('SELECT ' || CASE WHEN (SELECT a.atttypid < 16384 FROM pg_attribute a WHERE a.attrelid = $1 AND a.attname = $3)
		THEN 't.%1$I::text' ELSE 'CASE WHEN t.%1$I IS NOT NULL THEN format(''%%s'', t.%1$I) END' END ||
		', hwr_text(t.%2$I), 1 - (t.%2$I <~> $1) FROM %3$s t WHERE t.%2$I @~ $1 ORDER BY t.%2$I <~> $1 LIMIT $2', $3, $2, $1) USING $4::hwr_query, $5;
END $$;
COMMENT ON FUNCTION hwr_api.search(regclass, text, text, text, integer) IS
'rows whose kept posterior, column ink, has what is looked for; key_column tells rows apart';

-- Training

CREATE FUNCTION hwr_api.train("table" regclass, model text DEFAULT 'default', image_column text DEFAULT NULL, label_column text DEFAULT NULL,
							  options jsonb DEFAULT '{}', activate text DEFAULT 'auto') RETURNS bigint
	LANGUAGE sql SET search_path = :"hwr", pg_catalog, pg_temp AS
	'SELECT job FROM hwr_train($1, $2, $3::name, $4::name, $5, false, $6)';
COMMENT ON FUNCTION hwr_api.train(regclass, text, text, text, jsonb, text) IS 'start a training in the background; returns its job';
CREATE FUNCTION hwr_api.improve(model text DEFAULT 'default', training regclass DEFAULT NULL, options jsonb DEFAULT '{}')
	RETURNS TABLE (job bigint, corrections bigint, held_out bigint, former_rows bigint)
	LANGUAGE sql SET search_path = :"hwr", pg_catalog, pg_temp AS
	'SELECT job, corrections, held_out, former_rows FROM hwr_improve($1, $2, options => $3, wait => false)';
COMMENT ON FUNCTION hwr_api.improve(text, regclass, jsonb) IS 'start to learn from corrections in the background; the job''s message says what the gate decided';
CREATE FUNCTION hwr_api.try("table" regclass, model text, version integer DEFAULT NULL, share double precision DEFAULT 0.1, shadow boolean DEFAULT true) RETURNS integer
	LANGUAGE sql SET search_path = :"hwr", pg_catalog, pg_temp AS 'SELECT hwr_try($1, $2, $3, $4, $5)';
COMMENT ON FUNCTION hwr_api.try(regclass, text, integer, double precision, boolean) IS 'try another version on a share of a table''s rows; returns the trial';
CREATE FUNCTION hwr_api.try_end("table" regclass) RETURNS boolean
	LANGUAGE sql SET search_path = :"hwr", pg_catalog, pg_temp AS 'SELECT hwr_try_end($1)';
COMMENT ON FUNCTION hwr_api.try_end(regclass) IS 'end a trial; false: nothing was tried';
CREATE FUNCTION hwr_api.compare("table" regclass)
	RETURNS TABLE (trial integer, shadow boolean, model_b text, version_b integer, labelled_a bigint, labelled_b bigint, cer_a double precision, cer_b double precision,
				   exact_a double precision, exact_b double precision, p_value double precision, bound double precision, verdict text)
	LANGUAGE sql STABLE SET search_path = :"hwr", pg_catalog, pg_temp AS
	'SELECT trial, shadow, model_b, version_b, labelled_a, labelled_b, cer_a, cer_b, exact_a, exact_b, p_value, bound, verdict FROM hwr_compare($1)';
COMMENT ON FUNCTION hwr_api.compare(regclass) IS 'what came of a table''s newest trial';
CREATE FUNCTION hwr_api.cancel(job bigint) RETURNS boolean
	LANGUAGE sql SET search_path = :"hwr", pg_catalog, pg_temp AS 'SELECT hwr_cancel($1)';
COMMENT ON FUNCTION hwr_api.cancel(bigint) IS 'stop a training; false if it has already ended';
CREATE FUNCTION hwr_api.finish(job bigint) RETURNS boolean
	LANGUAGE sql SET search_path = :"hwr", pg_catalog, pg_temp AS 'SELECT hwr_finish($1)';
COMMENT ON FUNCTION hwr_api.finish(bigint) IS 'end a training now and store its best epoch; false if it has already ended';
CREATE FUNCTION hwr_api.activate(model text, version integer, keep boolean DEFAULT true) RETURNS void
	LANGUAGE sql SET search_path = :"hwr", pg_catalog, pg_temp AS 'SELECT hwr_activate_model($1, $2, $3)';
COMMENT ON FUNCTION hwr_api.activate(text, integer, boolean) IS 'choose the version that readers get';
COMMIT;
