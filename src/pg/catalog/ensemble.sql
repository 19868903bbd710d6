--
-- ensemble.sql
--	  Several models that read an image together, as a version of a model.
--

CREATE FUNCTION hwr_make_ensemble(model text, members text[], versions integer[] DEFAULT NULL, method text DEFAULT NULL,
								  activate boolean DEFAULT true) RETURNS integer
	AS 'MODULE_PATHNAME', 'hwr_make_ensemble' LANGUAGE C;
COMMENT ON FUNCTION hwr_make_ensemble(text, text[], integer[], text, boolean) IS
'store several models that read together as a model''s next version, and return its number; versions: of each, NULL: the active one; method: average, vote, or NULL for what suits';

-- What is costly or writes is for those to whom an administrator grants it: see doc/privileges.md.
REVOKE EXECUTE ON FUNCTION
	hwr_make_ensemble(text, text[], integer[], text, boolean)
	FROM PUBLIC;
