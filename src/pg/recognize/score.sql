--
-- score.sql
--	  hwr_score: the probability of a given text.
--

CREATE FUNCTION hwr_score(image bytea, label text, model text DEFAULT NULL) RETURNS double precision
	AS 'MODULE_PATHNAME', 'hwr_score' LANGUAGE C STABLE PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION hwr_score(bytea, text, text) IS
'log P(label | image): 0 where it is certain, -Infinity where the model cannot write the label';
