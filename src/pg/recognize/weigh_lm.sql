--
-- weigh_lm.sql
--	  How much the language model inside a model weighs, and how far its confidence can be believed, fitted on labelled images.
--

CREATE FUNCTION hwr_weigh_lm(data regclass, model text, image_column name DEFAULT NULL, label_column name DEFAULT NULL,
							 lm_weight double precision DEFAULT NULL, length_bonus double precision DEFAULT NULL,
							 version integer DEFAULT NULL, activate boolean DEFAULT NULL,
							 OUT version integer, OUT images bigint, OUT skipped bigint, OUT lm_weight double precision,
							 OUT length_bonus double precision, OUT cer_without double precision, OUT cer_with double precision)
	AS 'MODULE_PATHNAME', 'hwr_weigh_lm' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION hwr_weigh_lm(regclass, text, name, name, double precision, double precision, integer, boolean) IS
'store a model''s next version, with the weight of the language model inside it, the bonus and the confidence that fit a table of labelled images best; lm_weight: fit the confidence alone; version NULL: the language model does not lower the CER';

-- What is costly or writes is for those to whom an administrator grants it: see doc/privileges.md.
REVOKE EXECUTE ON FUNCTION
	hwr_weigh_lm(regclass, text, name, name, double precision, double precision, integer, boolean)
	FROM PUBLIC;
