--
-- index.sql
--	  The GIN operator class for kept posteriors.
--

CREATE FUNCTION hwr_gin_extract_value(hwr_posterior, internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'hwr_gin_extract_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 500;
COMMENT ON FUNCTION hwr_gin_extract_value(hwr_posterior, internal, internal) IS 'support function of hwr_posterior_ops';
CREATE FUNCTION hwr_gin_extract_query(hwr_query, internal, smallint, internal, internal, internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'hwr_gin_extract_query' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr_gin_extract_query(hwr_query, internal, smallint, internal, internal, internal, internal) IS
'support function of hwr_posterior_ops';
CREATE FUNCTION hwr_gin_consistent(internal, smallint, hwr_query, integer, internal, internal, internal, internal) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hwr_gin_consistent' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr_gin_consistent(internal, smallint, hwr_query, integer, internal, internal, internal, internal) IS
'support function of hwr_posterior_ops';
CREATE FUNCTION hwr_gin_options(internal) RETURNS void
	AS 'MODULE_PATHNAME', 'hwr_gin_options' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr_gin_options(internal) IS 'support function of hwr_posterior_ops';

CREATE OPERATOR CLASS hwr_posterior_ops DEFAULT FOR TYPE hwr_posterior USING gin AS
	OPERATOR 1 @~ (hwr_posterior, hwr_query),
	FUNCTION 1 btint8cmp(bigint, bigint),
	FUNCTION 2 hwr_gin_extract_value(hwr_posterior, internal, internal),
	FUNCTION 3 hwr_gin_extract_query(hwr_query, internal, smallint, internal, internal, internal, internal),
	FUNCTION 4 hwr_gin_consistent(internal, smallint, hwr_query, integer, internal, internal, internal, internal),
	FUNCTION 7 hwr_gin_options(internal),
	STORAGE bigint;
