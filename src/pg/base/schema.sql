--
-- schema.sql
--	  The schema of the catalog, and the type hwr.role.
--

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION hwr" to load this file. \quit

-- The tables live in schema hwr and are written only by the extension's C code, under the
-- identity of the extension's owner.  Users see them through the views.
--
-- There are no foreign keys: pg_restore with several jobs loads an extension's tables in any order, and its
-- constraints exist from the beginning.  Triggers delete dependent rows; who inserts one sees to it that it has a parent.

CREATE SCHEMA hwr;
GRANT USAGE ON SCHEMA hwr TO PUBLIC;

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

-- Some functions name the extension's schema, and all of them schema hwr.
CREATE FUNCTION hwr.keep_schemas() RETURNS event_trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF to_regnamespace('hwr') IS NULL OR to_regnamespace('@extschema@') IS DISTINCT FROM
			(SELECT e.extnamespace::regnamespace FROM pg_extension e WHERE e.extname = 'hwr') THEN
		RAISE EXCEPTION 'cannot rename a schema of extension "hwr"' USING ERRCODE = 'feature_not_supported',
			DETAIL = 'Its functions name the schemas hwr and @extschema@.',
			HINT = 'To have it in another schema, export the models, drop the extension and create it there.';
	END IF;
END $$;
COMMENT ON FUNCTION hwr.keep_schemas() IS 'refuse to rename the extension''s schemas';
CREATE EVENT TRIGGER hwr_keep_schemas ON ddl_command_end WHEN TAG IN ('ALTER SCHEMA') EXECUTE FUNCTION hwr.keep_schemas();
COMMENT ON EVENT TRIGGER hwr_keep_schemas IS 'refuse to rename the schemas of extension hwr';
REVOKE EXECUTE ON FUNCTION hwr.keep_schemas() FROM PUBLIC;
