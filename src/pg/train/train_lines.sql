--
-- train_lines.sql
--	  hwr_train_lines.
--

-- The lines of a ground truth document of either format.
CREATE FUNCTION hwr.truth_lines(document xml)
RETURNS TABLE (baseline path, outline polygon)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 40 COST 10000 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF xpath_exists('/*[local-name()="alto"]', document) THEN
		RETURN QUERY SELECT l.baseline, l.outline FROM @extschema@.hwr_alto_lines(document) l;
	ELSE
		RETURN QUERY SELECT l.baseline, l.outline FROM @extschema@.hwr_pagexml_lines(document) l;
	END IF;
END
$$;

COMMENT ON FUNCTION hwr.truth_lines(xml) IS
'baselines and outlines of the lines of a PAGE XML or ALTO document';

CREATE FUNCTION hwr_train_lines(
	pages			regclass,
	model			text				DEFAULT 'lines',
	page_column		name				DEFAULT 'page',
	document_column	name				DEFAULT 'document',
	steps			integer				DEFAULT 4000,
	base			text				DEFAULT NULL,
	architecture	text				DEFAULT NULL,
	learning_rate	double precision	DEFAULT 0.004,
	batch			integer				DEFAULT 2,
	validation		integer				DEFAULT 8,
	threads			integer				DEFAULT 1,
	seed			bigint				DEFAULT 1,
	max_minutes		double precision	DEFAULT NULL
)
RETURNS TABLE (
	model			text,
	version			integer,
	pages			integer,
	validation_pages integer,
	lines			bigint,
	skipped			bigint,
	steps			integer,
	best_step		integer,
	loss			double precision,
	validation_loss double precision,
	seconds			double precision
)
AS 'MODULE_PATHNAME', 'hwr_train_lines'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1 COST 1000000;

COMMENT ON FUNCTION hwr_train_lines(regclass, text, name, name, integer, text, text, double precision, integer, integer, integer, bigint, double precision) IS
'train the next version of a model that finds lines from a table of pages with PAGE XML or ALTO documents, in this session; base: a model to begin with; validation: every so manyth page is only measured, 0 none, and the step that does best on these is kept; max_minutes, or cancelling it, ends it early, and what did best so far is stored';

REVOKE EXECUTE ON FUNCTION
	hwr_train_lines(regclass, text, name, name, integer, text, text, double precision, integer, integer, integer, bigint, double precision)
	FROM PUBLIC;
