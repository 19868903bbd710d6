--
-- train.sql
--	  hwr_train.
--

CREATE FUNCTION hwr_train(
	training		regclass,
	model			text		DEFAULT 'default',
	image_column	name		DEFAULT NULL,
	label_column	name		DEFAULT NULL,
	options			jsonb		DEFAULT '{}',
	wait			boolean		DEFAULT true,
	activate		text		DEFAULT 'auto'
)
RETURNS TABLE (
	job				bigint,
	model			text,
	version			integer,
	activated		boolean,
	epochs			integer,
	best_epoch		integer,
	train_loss		double precision,
	validation_loss double precision,
	cer				double precision,
	wer				double precision,
	exact_match		double precision,
	images			bigint,
	validation_images bigint,
	skipped			bigint,
	seconds			double precision
)
AS 'MODULE_PATHNAME', 'hwr_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1 COST 1000000;

COMMENT ON FUNCTION hwr_train(regclass, text, name, name, jsonb, boolean, text) IS
'train a model''s next version from a table of labelled images, in a background worker; activate: auto (where it is better on the same validation rows than the active version), always or never';

-- What is costly or writes is for those to whom an administrator grants it: see doc/privileges.md.
REVOKE EXECUTE ON FUNCTION
	hwr_train(regclass, text, name, name, jsonb, boolean, text)
	FROM PUBLIC;
