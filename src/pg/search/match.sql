--
-- match.sql
--	  Which of many names stands in a line.
--

CREATE FUNCTION hwr_match(posterior hwr_posterior, candidates text[], n integer DEFAULT 1,
						  OUT rank integer, OUT candidate text, OUT "index" integer, OUT probability double precision,
						  OUT log_probability double precision, OUT outside double precision)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'hwr_match' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 20000 ROWS 1;
COMMENT ON FUNCTION hwr_match(hwr_posterior, text[], integer) IS
'the candidates that fit a line best, as wholes and folded: outside is what probability is left for any other text';

CREATE FUNCTION hwr_match_query(posterior hwr_posterior, query text, n integer DEFAULT 1,
								OUT rank integer, OUT candidate text, OUT key text, OUT probability double precision,
								OUT log_probability double precision, OUT outside double precision)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'hwr_match_query' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 20000 ROWS 1;
COMMENT ON FUNCTION hwr_match_query(hwr_posterior, text, integer) IS
'as hwr_match, of the candidates in the first column of a query; key is its second column; candidates that are the same folded have a row each';
