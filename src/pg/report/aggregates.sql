--
-- aggregates.sql
--	  Metrics as aggregates.
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

CREATE AGGREGATE hwr_confusion_matrix(truth text, guess text) (
	SFUNC = hwr.confusions_accum, STYPE = internal, SSPACE = 4096, FINALFUNC = hwr.confusions_final,
	COMBINEFUNC = hwr.confusions_combine, SERIALFUNC = hwr.confusions_serialize, DESERIALFUNC = hwr.confusions_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE hwr_confusion_matrix(text, text) IS
'how often each character was read as which, as an array for unnest()';

-- Their owner is who needs these.
REVOKE EXECUTE ON FUNCTION
	hwr.metrics_accum(internal, text, text), hwr.metrics_combine(internal, internal), hwr.metrics_serialize(internal),
	hwr.metrics_deserialize(bytea, internal), hwr.metrics_final_cer(internal), hwr.metrics_final_wer(internal),
	hwr.metrics_final_exact(internal),
	hwr.confusions_accum(internal, text, text), hwr.confusions_combine(internal, internal), hwr.confusions_serialize(internal),
	hwr.confusions_deserialize(bytea, internal), hwr.confusions_final(internal)
	FROM PUBLIC;
