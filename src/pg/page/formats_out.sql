--
-- formats_out.sql
--	  A read page as PAGE XML, ALTO and hOCR.
--

-- The words of a line: runs of characters between spaces, with their bounds and the mean of their confidences.
CREATE FUNCTION hwr.words(characters jsonb)
RETURNS TABLE (word text, x0 integer, y0 integer, x1 integer, y1 integer, confidence double precision)
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT string_agg(c.char, '' ORDER BY c.i), min(c.x0), min(c.y0), max(c.x1), max(c.y1), avg(c.confidence)
		FROM (SELECT e.i, e.c ->> 'char' AS char, (e.c ->> 'x0')::integer AS x0, (e.c ->> 'y0')::integer AS y0,
				(e.c ->> 'x1')::integer AS x1, (e.c ->> 'y1')::integer AS y1, (e.c ->> 'confidence')::double precision AS confidence,
				count(*) FILTER (WHERE e.c ->> 'char' ~ '^[[:space:]]$') OVER (ORDER BY e.i) AS word
			FROM jsonb_array_elements(characters) WITH ORDINALITY AS e (c, i)) c
		WHERE c.char !~ '^[[:space:]]$' GROUP BY c.word ORDER BY c.word
$$;

COMMENT ON FUNCTION hwr.words(jsonb) IS
'the words of a line read by hwr_read_page';

-- Points as whole numbers, none negative: "x,y x,y" for PAGE, "x y x y" for ALTO.
CREATE FUNCTION hwr.point_list(points text, separator text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT string_agg(greatest(round(m[1]::numeric), 0) || separator || greatest(round(m[2]::numeric), 0), ' ' ORDER BY i)
		FROM regexp_matches(points, '[(]([-0-9.e+]+),([-0-9.e+]+)[)]', 'g') WITH ORDINALITY AS r (m, i)
$$;

COMMENT ON FUNCTION hwr.point_list(text, text) IS
'the points of a path or polygon as PAGE XML and ALTO write them';

CREATE FUNCTION hwr_pagexml(
	page			bytea,
	model			text			DEFAULT NULL,
	file			text			DEFAULT 'page',
	turn			integer			DEFAULT NULL,
	right_to_left	boolean			DEFAULT false
)
RETURNS xml
LANGUAGE sql STABLE PARALLEL SAFE COST 4000000 SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1
AS $$
	WITH l AS MATERIALIZED (
		SELECT * FROM @extschema@.hwr_read_page(page, model, turn, right_to_left)
	), r AS (
		SELECT l.region,
			floor(min(((l.outline::box)[1])[0]))::integer AS x0, floor(min(((l.outline::box)[1])[1]))::integer AS y0,
			ceil(max(((l.outline::box)[0])[0]))::integer AS x1, ceil(max(((l.outline::box)[0])[1]))::integer AS y1,
			xmlagg(xmlelement(name "TextLine", xmlattributes('l' || l.line AS id),
				xmlelement(name "Coords", xmlattributes(hwr.point_list(l.outline::text, ',') AS points)),
				xmlelement(name "Baseline", xmlattributes(hwr.point_list(l.baseline::text, ',') AS points)),
				xmlelement(name "TextEquiv", xmlattributes(round(l.confidence::numeric, 4) AS conf),
					xmlelement(name "Unicode", l.text))) ORDER BY l.line) AS lines
			FROM l GROUP BY l.region
	)
	SELECT xmlelement(name "PcGts", xmlattributes('http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15' AS xmlns),
		xmlelement(name "Metadata", xmlelement(name "Creator", 'hwr'),
			xmlelement(name "Created", to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')),
			xmlelement(name "LastChange", to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS'))),
		xmlelement(name "Page", xmlattributes(file AS "imageFilename", s.width AS "imageWidth", s.height AS "imageHeight"),
			(SELECT xmlelement(name "ReadingOrder", xmlelement(name "OrderedGroup", xmlattributes('order' AS id),
				xmlagg(xmlelement(name "RegionRefIndexed", xmlattributes(r.region - 1 AS index, 'r' || r.region AS "regionRef")) ORDER BY r.region)))
				FROM r HAVING count(*) > 0),
			(SELECT xmlagg(xmlelement(name "TextRegion", xmlattributes('r' || r.region AS id),
				xmlelement(name "Coords", xmlattributes(format('%s,%s %s,%s %s,%s %s,%s', r.x0, r.y0, r.x1, r.y0, r.x1, r.y1, r.x0, r.y1) AS points)),
				r.lines) ORDER BY r.region) FROM r)))
		FROM @extschema@.hwr_image_size(page) s WHERE page IS NOT NULL
$$;

COMMENT ON FUNCTION hwr_pagexml(bytea, text, text, integer, boolean) IS
'a page, read, as PAGE XML of 2019';

CREATE FUNCTION hwr_alto(
	page			bytea,
	model			text			DEFAULT NULL,
	file			text			DEFAULT 'page',
	turn			integer			DEFAULT NULL,
	right_to_left	boolean			DEFAULT false
)
RETURNS xml
LANGUAGE sql STABLE PARALLEL SAFE COST 4000000 SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1
AS $$
	WITH l AS MATERIALIZED (
		SELECT *, floor(((outline::box)[1])[0])::integer AS x0, floor(((outline::box)[1])[1])::integer AS y0,
			ceil(((outline::box)[0])[0])::integer AS x1, ceil(((outline::box)[0])[1])::integer AS y1
			FROM @extschema@.hwr_read_page(page, model, turn, right_to_left)
	), r AS (
		SELECT l.region, min(l.x0) AS x0, min(l.y0) AS y0, max(l.x1) AS x1, max(l.y1) AS y1,
			xmlagg(xmlelement(name "TextLine", xmlattributes('l' || l.line AS "ID", l.x0 AS "HPOS", l.y0 AS "VPOS",
					l.x1 - l.x0 AS "WIDTH", l.y1 - l.y0 AS "HEIGHT", hwr.point_list(l.baseline::text, ' ') AS "BASELINE"),
				xmlelement(name "Shape", xmlelement(name "Polygon", xmlattributes(hwr.point_list(l.outline::text, ' ') AS "POINTS"))),
				coalesce((SELECT xmlagg(CASE WHEN w.i = 1 THEN w.string ELSE xmlconcat(xmlelement(name "SP"), w.string) END ORDER BY w.i)
					FROM (SELECT w.i, xmlelement(name "String", xmlattributes(format('l%s_w%s', l.line, w.i) AS "ID", w.word AS "CONTENT",
							w.x0 AS "HPOS", w.y0 AS "VPOS", w.x1 - w.x0 AS "WIDTH", w.y1 - w.y0 AS "HEIGHT",
							round(w.confidence::numeric, 4) AS "WC")) AS string
						FROM hwr.words(l.characters) WITH ORDINALITY AS w (word, x0, y0, x1, y1, confidence, i)) w),
					xmlelement(name "String", xmlattributes('' AS "CONTENT", l.x0 AS "HPOS", l.y0 AS "VPOS",
						l.x1 - l.x0 AS "WIDTH", l.y1 - l.y0 AS "HEIGHT")))) ORDER BY l.line) AS lines
			FROM l GROUP BY l.region
	)
	SELECT xmlelement(name "alto", xmlattributes('http://www.loc.gov/standards/alto/ns-v4#' AS xmlns),
		xmlelement(name "Description", xmlelement(name "MeasurementUnit", 'pixel'),
			xmlelement(name "sourceImageInformation", xmlelement(name "fileName", file)),
			xmlelement(name "Processing", xmlattributes('hwr' AS "ID"),
				xmlelement(name "processingSoftware", xmlelement(name "softwareName", 'hwr')))),
		xmlelement(name "Layout",
			xmlelement(name "Page", xmlattributes('page' AS "ID", 1 AS "PHYSICAL_IMG_NR", s.width AS "WIDTH", s.height AS "HEIGHT"),
				xmlelement(name "PrintSpace", xmlattributes(0 AS "HPOS", 0 AS "VPOS", s.width AS "WIDTH", s.height AS "HEIGHT"),
					(SELECT xmlagg(xmlelement(name "TextBlock", xmlattributes('r' || r.region AS "ID", r.x0 AS "HPOS", r.y0 AS "VPOS",
						r.x1 - r.x0 AS "WIDTH", r.y1 - r.y0 AS "HEIGHT"), r.lines) ORDER BY r.region) FROM r)))))
		FROM @extschema@.hwr_image_size(page) s WHERE page IS NOT NULL
$$;

COMMENT ON FUNCTION hwr_alto(bytea, text, text, integer, boolean) IS
'a page, read, as ALTO 4';

CREATE FUNCTION hwr_hocr(
	page			bytea,
	model			text			DEFAULT NULL,
	file			text			DEFAULT 'page',
	turn			integer			DEFAULT NULL,
	right_to_left	boolean			DEFAULT false
)
RETURNS xml
LANGUAGE sql STABLE PARALLEL SAFE COST 4000000 SET search_path = pg_catalog, pg_temp
AS $$
	WITH l AS MATERIALIZED (
		SELECT *, floor(((outline::box)[1])[0])::integer AS x0, floor(((outline::box)[1])[1])::integer AS y0,
			ceil(((outline::box)[0])[0])::integer AS x1, ceil(((outline::box)[0])[1])::integer AS y1
			FROM @extschema@.hwr_read_page(page, model, turn, right_to_left)
	), r AS (
		SELECT l.region, format('bbox %s %s %s %s', min(l.x0), min(l.y0), max(l.x1), max(l.y1)) AS bounds,
			xmlagg(xmlelement(name "span", xmlattributes('ocr_line' AS class, 'line_' || l.line AS id,
					format('bbox %s %s %s %s; x_wconf %s', l.x0, l.y0, l.x1, l.y1, round((100 * l.confidence)::numeric)) AS title),
				(SELECT xmlagg(xmlconcat(xmlelement(name "span", xmlattributes('ocrx_word' AS class, format('word_%s_%s', l.line, w.i) AS id,
						format('bbox %s %s %s %s; x_wconf %s', w.x0, w.y0, w.x1, w.y1, round((100 * w.confidence)::numeric)) AS title), w.word),
						xmltext.space) ORDER BY w.i)
					FROM hwr.words(l.characters) WITH ORDINALITY AS w (word, x0, y0, x1, y1, confidence, i),
						(SELECT xmlparse(CONTENT ' ') AS space) xmltext)) ORDER BY l.line) AS lines
			FROM l GROUP BY l.region
	)
	SELECT xmlelement(name "html", xmlattributes('http://www.w3.org/1999/xhtml' AS xmlns),
		xmlelement(name "head", xmlelement(name "title", file),
			xmlelement(name "meta", xmlattributes('Content-Type' AS "http-equiv", 'text/html;charset=utf-8' AS content)),
			xmlelement(name "meta", xmlattributes('ocr-system' AS name, 'hwr' AS content)),
			xmlelement(name "meta", xmlattributes('ocr-capabilities' AS name, 'ocr_page ocr_carea ocr_par ocr_line ocrx_word' AS content))),
		xmlelement(name "body",
			xmlelement(name "div", xmlattributes('ocr_page' AS class, 'page_1' AS id,
					format('image "%s"; bbox 0 0 %s %s; ppageno 0', replace(file, '"', ''), s.width, s.height) AS title),
				(SELECT xmlagg(xmlelement(name "div", xmlattributes('ocr_carea' AS class, 'block_' || r.region AS id, r.bounds AS title),
					xmlelement(name "p", xmlattributes('ocr_par' AS class, 'par_' || r.region AS id, r.bounds AS title), r.lines))
					ORDER BY r.region) FROM r))))
		FROM @extschema@.hwr_image_size(page) s WHERE page IS NOT NULL
$$;

COMMENT ON FUNCTION hwr_hocr(bytea, text, text, integer, boolean) IS
'a page, read, as hOCR';
