--
-- form.sql
--	  Filled forms: how well a page fits a blank one, and its fields read.
--

CREATE FUNCTION hwr_fit_form(
	page			bytea,
	blank			bytea,
	OUT score		double precision,
	OUT fits		boolean,
	OUT outline		polygon
)
AS 'MODULE_PATHNAME', 'hwr_fit_form'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 3000000;

COMMENT ON FUNCTION hwr_fit_form(bytea, bytea) IS
'how well a page fits a blank form, 0 to 1, whether that is enough to read it, and where the blank lies on the page';

CREATE FUNCTION hwr_read_form(
	page			bytea,
	blank			bytea,
	fields			text,
	model			text			DEFAULT NULL,
	images			boolean			DEFAULT true,
	least_fit		double precision DEFAULT 0.78
)
RETURNS TABLE (
	field			text,
	text			text,
	value			text,
	confidence		double precision,
	fit				double precision,
	area			polygon,
	image			bytea
)
AS 'MODULE_PATHNAME', 'hwr_read_form'
LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 30 COST 6000000;

COMMENT ON FUNCTION hwr_read_form(bytea, bytea, text, text, boolean, double precision) IS
'the fields of a filled form: the page is laid over the blank one, print is taken out, and each field that a table or a query names is cut out and read as its kind, model, lexicon and allowed characters say; a page that does not fit is an error';

CREATE FUNCTION hwr_read_form(
	page			bytea,
	blank			bytea,
	fields			regclass,
	model			text			DEFAULT NULL,
	images			boolean			DEFAULT true,
	least_fit		double precision DEFAULT 0.78
)
RETURNS TABLE (
	field			text,
	text			text,
	value			text,
	confidence		double precision,
	fit				double precision,
	area			polygon,
	image			bytea
)
AS 'MODULE_PATHNAME', 'hwr_read_form_table'
LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 30 COST 6000000;

COMMENT ON FUNCTION hwr_read_form(bytea, bytea, regclass, text, boolean, double precision) IS
'the same with the fields in a table';
