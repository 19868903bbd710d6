--
-- score.sql
--	  hwr_score: the probability of a given text.
--

CREATE FUNCTION hwr_score(image bytea, label text, model text DEFAULT NULL) RETURNS double precision
	AS 'MODULE_PATHNAME', 'hwr_score' LANGUAGE C STABLE PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION hwr_score(bytea, text, text) IS
'log P(label | image): 0 where it is certain, -Infinity where the model cannot write the label; also of a kept posterior, without a model';

CREATE FUNCTION hwr_score(image bytea, label text, model text, version integer) RETURNS double precision
	AS 'MODULE_PATHNAME', 'hwr_score_version' LANGUAGE C STABLE PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION hwr_score(bytea, text, text, integer) IS
'log P(label | image) by a version of a model that need not be the active one';
