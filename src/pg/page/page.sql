--
-- page.sql
--	  Whole pages: their lines, parts of them, their text.
--

CREATE FUNCTION hwr_lines(
	page			bytea,
	turn			integer			DEFAULT NULL,
	right_to_left	boolean			DEFAULT false,
	images			boolean			DEFAULT true
)
RETURNS TABLE (
	line			integer,
	region			integer,
	baseline		path,
	outline			polygon,
	confidence		double precision,
	kind			text,
	reason			text,
	image			bytea
)
AS 'MODULE_PATHNAME', 'hwr_lines'
LANGUAGE C STABLE PARALLEL SAFE ROWS 40 COST 1000000;

COMMENT ON FUNCTION hwr_lines(bytea, integer, boolean, boolean) IS
'the lines of a page in reading order, each with its baseline, its outline and its own straightened image; ink that was taken for no line comes last, with the reason';

CREATE FUNCTION hwr_crop(
	image			bytea,
	area			polygon,
	baseline		path			DEFAULT NULL
)
RETURNS bytea
AS 'MODULE_PATHNAME', 'hwr_crop'
LANGUAGE C STABLE PARALLEL SAFE COST 100000;

COMMENT ON FUNCTION hwr_crop(bytea, polygon, path) IS
'the part of an image inside an area as a PNG, straightened along a baseline if one is given, with paper where the area ends';

CREATE FUNCTION hwr_crop_batch(
	image			bytea,
	areas			polygon[],
	baselines		path[]			DEFAULT NULL
)
RETURNS bytea[]
AS 'MODULE_PATHNAME', 'hwr_crop_batch'
LANGUAGE C STABLE PARALLEL SAFE COST 1000000;

COMMENT ON FUNCTION hwr_crop_batch(bytea, polygon[], path[]) IS
'as hwr_crop for several areas of one image; NULL for an area that is NULL or has nothing of the image in it';

CREATE FUNCTION hwr_uncrop(
	area			polygon,
	x0				double precision,
	x1				double precision,
	baseline		path			DEFAULT NULL
)
RETURNS polygon
AS 'MODULE_PATHNAME', 'hwr_uncrop'
LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON FUNCTION hwr_uncrop(polygon, double precision, double precision, path) IS
'where on the page the columns x0 to x1 of the image are that hwr_crop gives of an area and a baseline';

CREATE FUNCTION hwr_image_size(image bytea, OUT width integer, OUT height integer)
AS 'MODULE_PATHNAME', 'hwr_image_size'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10000;

COMMENT ON FUNCTION hwr_image_size(bytea) IS
'an image''s pixels, upright';

CREATE FUNCTION hwr_read_page(
	page			bytea,
	model			text			DEFAULT NULL,
	turn			integer			DEFAULT NULL,
	right_to_left	boolean			DEFAULT false
)
RETURNS TABLE (
	line			integer,
	region			integer,
	text			text,
	confidence		double precision,
	outline			polygon,
	baseline		path,
	characters		jsonb
)
AS 'MODULE_PATHNAME', 'hwr_read_page'
LANGUAGE C STABLE PARALLEL SAFE ROWS 40 COST 4000000;

COMMENT ON FUNCTION hwr_read_page(bytea, text, integer, boolean) IS
'the lines of a page in reading order, read, with the place of every character on the page';

CREATE FUNCTION hwr_page_text(
	page			bytea,
	model			text			DEFAULT NULL,
	turn			integer			DEFAULT NULL,
	right_to_left	boolean			DEFAULT false
)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 4000000 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	result text := '';
	region integer;
	r record;
BEGIN
	IF page IS NULL THEN
		RETURN NULL;
	END IF;
	FOR r IN
		SELECT l.region, l.text FROM @extschema@.hwr_read_page(page, model, turn, right_to_left) l WHERE l.text <> ''
	LOOP
		IF region IS NOT NULL THEN
			result := result || CASE WHEN r.region = region THEN E'\n' ELSE E'\n\n' END;
		END IF;
		result := result || r.text;
		region := r.region;
	END LOOP;
	RETURN result;
END
$$;

COMMENT ON FUNCTION hwr_page_text(bytea, text, integer, boolean) IS
'the text of a page: a row of text a line of which something is read, an empty row between regions';
