--
-- bind_lm.sql
--	  A model with a language model inside.
--

CREATE FUNCTION hwr_bind_lm(model text, lm text, lm_weight double precision DEFAULT NULL, length_bonus double precision DEFAULT NULL,
							version integer DEFAULT NULL, activate boolean DEFAULT NULL) RETURNS integer
	AS 'MODULE_PATHNAME', 'hwr_bind_lm' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION hwr_bind_lm(text, text, double precision, double precision, integer, boolean) IS
'store a model''s next version, with a language model that all reading with it uses; lm NULL: without one; returns its number; activate NULL: unless a person has chosen what is active';

-- What is costly or writes is for those to whom an administrator grants it: see doc/privileges.md.
REVOKE EXECUTE ON FUNCTION
	hwr_bind_lm(text, text, double precision, double precision, integer, boolean)
	FROM PUBLIC;
