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

-- Review and search.  "table" is a name as SQL writes it: forms, public.forms, "My forms".

CREATE FUNCTION hwr_api.review("table" text, model text DEFAULT NULL, "limit" integer DEFAULT 50, image_column text DEFAULT NULL,
							   label_column text DEFAULT NULL)
	RETURNS TABLE (key text, reason text, doubt double precision, label text, guess text, confidence double precision)
	LANGUAGE sql SET search_path = :"hwr", pg_catalog, pg_temp AS
	'SELECT key, reason, doubt, label, guess, confidence FROM hwr_review($1::regclass, $2, $3, NULL, $4::name, $5::name)';
COMMENT ON FUNCTION hwr_api.review(text, text, integer, text, text) IS 'rows of a table that a person should look at first, and why';
CREATE FUNCTION hwr_api.search("table" text, ink text, key_column text, query text, "limit" integer DEFAULT 50)
	RETURNS TABLE (key text, text text, relevance double precision)
	LANGUAGE plpgsql STABLE SET search_path = :"hwr", pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT t.%1$I::text, hwr_text(t.%2$I), 1 - (t.%2$I <~> $1) FROM %3$s t WHERE t.%2$I @~ $1 ORDER BY t.%2$I <~> $1 LIMIT $2',
		$3, $2, $1::regclass) USING $4::hwr_query, $5;
END $$;
COMMENT ON FUNCTION hwr_api.search(text, text, text, text, integer) IS
'rows whose kept posterior, column ink, has what is looked for; key_column tells rows apart';

-- Training

CREATE FUNCTION hwr_api.train("table" text, model text DEFAULT 'default', image_column text DEFAULT NULL, label_column text DEFAULT NULL,
							  options jsonb DEFAULT '{}', activate text DEFAULT 'auto') RETURNS bigint
	LANGUAGE sql SET search_path = :"hwr", pg_catalog, pg_temp AS
	'SELECT job FROM hwr_train($1::regclass, $2, $3::name, $4::name, $5, false, $6)';
COMMENT ON FUNCTION hwr_api.train(text, text, text, text, jsonb, text) IS 'start a training in the background; returns its job';
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
