--
-- evaluate.sql
--	  hwr_evaluate.
--

CREATE FUNCTION hwr_evaluate(data regclass, model text DEFAULT NULL,
							 image_column name DEFAULT NULL, label_column name DEFAULT NULL,
							 version integer DEFAULT NULL,
							 OUT model text, OUT version integer, OUT images bigint, OUT skipped bigint, OUT overlap bigint,
							 OUT loss double precision, OUT cer double precision, OUT wer double precision,
							 OUT exact_match double precision, OUT "precision" double precision,
							 OUT recall double precision, OUT f1 double precision,
							 OUT seconds double precision, OUT images_per_second double precision)
	AS 'MODULE_PATHNAME', 'hwr_evaluate' LANGUAGE C COST 1000000;
COMMENT ON FUNCTION hwr_evaluate(regclass, text, name, name, integer) IS
'measure a model on a table of labelled images, and keep the figures for hwr_metrics and hwr_confusions; overlap: images that it was trained or validated on, NULL: unknown';

-- What is costly or writes is for those to whom an administrator grants it: see doc/privileges.md.
REVOKE EXECUTE ON FUNCTION
	hwr_evaluate(regclass, text, name, name, integer)
	FROM PUBLIC;
