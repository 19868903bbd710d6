--
-- relevance.sql
--	  Words in kept posteriors: how probable, where; queries and operators.
--

CREATE TYPE hwr_query;
CREATE FUNCTION hwr_query_in(cstring) RETURNS hwr_query
	AS 'MODULE_PATHNAME', 'hwr_query_in' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr_query_in(cstring) IS 'input function of hwr_query';
CREATE FUNCTION hwr_query_out(hwr_query) RETURNS cstring
	AS 'textout' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr_query_out(hwr_query) IS 'output function of hwr_query';
CREATE FUNCTION hwr_query_recv(internal) RETURNS hwr_query
	AS 'MODULE_PATHNAME', 'hwr_query_recv' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr_query_recv(internal) IS 'binary input function of hwr_query';
CREATE FUNCTION hwr_query_send(hwr_query) RETURNS bytea
	AS 'textsend' LANGUAGE internal STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr_query_send(hwr_query) IS 'binary output function of hwr_query';

CREATE TYPE hwr_query (
	INPUT = hwr_query_in,
	OUTPUT = hwr_query_out,
	RECEIVE = hwr_query_recv,
	SEND = hwr_query_send,
	STORAGE = EXTENDED
);
COMMENT ON TYPE hwr_query IS 'words to look for: & (or nothing) between them for and, | for or, ! for not, parentheses, "phrases", ? and * in words';

CREATE FUNCTION hwr_plain_query(words text) RETURNS hwr_query
	AS 'MODULE_PATHNAME', 'hwr_plain_query' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr_plain_query(text) IS 'a query for just these words in a row, whatever characters they have';

CREATE FUNCTION hwr_fold(string text) RETURNS text
	AS 'MODULE_PATHNAME', 'hwr_fold_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION hwr_fold(text) IS
'a text as a search sees it: small letters without accents, one space for white space and punctuation';

CREATE FUNCTION hwr_relevance(posterior hwr_posterior, word text, whole_word boolean DEFAULT true) RETURNS double precision
	AS 'MODULE_PATHNAME', 'hwr_relevance' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION hwr_relevance(hwr_posterior, text, boolean) IS
'P(the word occurs in the line), exact for what is kept; without regard to case and accents; ? stands for a letter, * for any number';

CREATE FUNCTION hwr_query_relevance(posterior hwr_posterior, query hwr_query) RETURNS double precision
	AS 'MODULE_PATHNAME', 'hwr_relevance_of_query' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION hwr_query_relevance(hwr_posterior, hwr_query) IS
'what a query is worth: the probability of a word, the smaller of both for and, the larger for or, 1 less it for not';

CREATE FUNCTION hwr_finds(posterior hwr_posterior, query hwr_query) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hwr_finds' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION hwr_finds(hwr_posterior, hwr_query) IS 'implementation of @~ operator';
CREATE FUNCTION hwr_irrelevance(posterior hwr_posterior, query hwr_query) RETURNS double precision
	AS 'MODULE_PATHNAME', 'hwr_irrelevance' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION hwr_irrelevance(hwr_posterior, hwr_query) IS 'implementation of <~> operator';

CREATE FUNCTION hwr_finds_selectivity(internal, oid, internal, integer) RETURNS double precision
	AS 'MODULE_PATHNAME', 'hwr_finds_selectivity' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr_finds_selectivity(internal, oid, internal, integer) IS 'how many lines a query finds, for the planner';

CREATE OPERATOR @~ (
	LEFTARG = hwr_posterior, RIGHTARG = hwr_query, FUNCTION = hwr_finds,
	RESTRICT = hwr_finds_selectivity, JOIN = contjoinsel
);
COMMENT ON OPERATOR @~ (hwr_posterior, hwr_query) IS 'has what is looked for with a probability of hwr.search_threshold or more';
CREATE OPERATOR <~> (
	LEFTARG = hwr_posterior, RIGHTARG = hwr_query, FUNCTION = hwr_irrelevance
);
COMMENT ON OPERATOR <~> (hwr_posterior, hwr_query) IS '1 less the relevance: to sort by, the best first';
