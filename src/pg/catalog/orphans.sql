--
-- orphans.sql
--	  What DROP EXTENSION leaves.
--

-- What DROP EXTENSION leaves: it cannot remove large objects.
CREATE FUNCTION hwr_orphans(OUT weights oid, OUT owner name, OUT bytes bigint, OUT architecture text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'hwr_orphans' LANGUAGE C STABLE ROWS 10 COST 1000000;
COMMENT ON FUNCTION hwr_orphans() IS
'large objects that hold a model but belong to no version, as far as the current user may read them';
