--
-- formats_in.sql
--	  Ground truth and readings of other programs: PAGE XML and ALTO.
--
-- PostgreSQL's own XML type parses: libxml2, without external entities and without the network.
--

-- The points of an attribute, "x,y x,y" or "x y x y", as the inside of a path or polygon; NULL where there are none.
CREATE FUNCTION hwr.points(numbers text, line text) RETURNS text
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	found text;
	sound boolean;
	n bigint;
BEGIN
	IF numbers IS NULL OR numbers !~ '[^[:space:]]' THEN
		RETURN NULL;
	END IF;
	SELECT count(*), bool_and(m[1] ~ '^[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]{1,2})?$'),
		string_agg(CASE WHEN i % 2 = 1 THEN '(' || m[1] ELSE m[1] || ')' END, ',' ORDER BY i) INTO n, sound, found
		FROM regexp_matches(numbers, '[^[:space:],]+', 'g') WITH ORDINALITY AS r (m, i);
	IF NOT sound THEN
		RAISE EXCEPTION 'points of line "%" are not numbers', line USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF n % 2 = 1 OR n = 0 THEN
		RAISE EXCEPTION 'points of line "%" are not pairs', line USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN found;
END
$$;

COMMENT ON FUNCTION hwr.points(text, text) IS
'the points of an attribute of PAGE XML or ALTO as the inside of a path or polygon';

-- What both readers end with: texts, places and images of the lines.
CREATE FUNCTION hwr.xml_lines(ids text[], regions text[], texts text[], baselines text[], outlines text[], page bytea)
RETURNS TABLE (line integer, id text, region text, text text, baseline path, outline polygon, image bytea)
	LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	paths path[] := '{}';
	areas polygon[] := '{}';
	images bytea[];
	points text;
BEGIN
	FOR i IN 1 .. coalesce(cardinality(ids), 0) LOOP
		points := hwr.points(baselines[i], coalesce(ids[i], i::text));
		-- one that goes nowhere is none
		paths := paths || CASE WHEN points LIKE '%),(%' AND length(('[' || points || ']')::path) > 0 THEN ('[' || points || ']')::path END;
		points := hwr.points(outlines[i], coalesce(ids[i], i::text));
		areas := areas || CASE WHEN points LIKE '%),(%),(%' THEN ('(' || points || ')')::polygon END;
	END LOOP;
	IF page IS NOT NULL THEN
		images := @extschema@.hwr_crop_batch(page, areas, paths);
	END IF;
	RETURN QUERY SELECT i, ids[i], regions[i], texts[i], paths[i], areas[i], images[i]
		FROM generate_series(1, coalesce(cardinality(ids), 0)) i;
END
$$;

COMMENT ON FUNCTION hwr.xml_lines(text[], text[], text[], text[], text[], bytea) IS
'the lines of a PAGE XML or ALTO document with their images';

CREATE FUNCTION hwr_pagexml_lines(document xml, page bytea DEFAULT NULL)
RETURNS TABLE (line integer, id text, region text, text text, baseline path, outline polygon, image bytea)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 40 COST 10000 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	ids text[];
	regions text[];
	texts text[];
	baselines text[];
	outlines text[];
BEGIN
	IF document IS NULL THEN
		RETURN;
	END IF;
	IF NOT xpath_exists('/*[local-name()="PcGts"]/*[local-name()="Page"]', document) THEN
		RAISE EXCEPTION 'document is not PAGE XML' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'It has no element PcGts with a Page in it.';
	END IF;
	-- Documents before 2013 have the points as elements.
	SELECT array_agg(x.id ORDER BY x.i), array_agg(x.region ORDER BY x.i),
		array_agg(coalesce(x.whole, (SELECT string_agg(w.word, ' ' ORDER BY w.i)
			FROM xmltable('/*/*[local-name()="Word"]' PASSING x.node COLUMNS
				i FOR ORDINALITY, word text PATH '*[local-name()="TextEquiv"][not(@index) or @index="0" or not(../*[local-name()="TextEquiv"][not(@index) or @index="0"])][1]/*[local-name()="Unicode"]') w), '') ORDER BY x.i),
		array_agg(x.baseline ORDER BY x.i),
		array_agg(coalesce(x.outline, (SELECT string_agg(p::text, ' ' ORDER BY n)
			FROM unnest(xpath('/*/*[local-name()="Coords"]/*[local-name()="Point"]/@x | /*/*[local-name()="Coords"]/*[local-name()="Point"]/@y', x.node)) WITH ORDINALITY AS points (p, n))) ORDER BY x.i)
		INTO ids, regions, texts, baselines, outlines
		FROM xmltable('//*[local-name()="TextLine"]' PASSING document COLUMNS
			i FOR ORDINALITY,
			id text PATH '@id',
			region text PATH '../@id',
			whole text PATH '*[local-name()="TextEquiv"][not(@index) or @index="0" or not(../*[local-name()="TextEquiv"][not(@index) or @index="0"])][1]/*[local-name()="Unicode"]',
			baseline text PATH '*[local-name()="Baseline"]/@points',
			outline text PATH '*[local-name()="Coords"]/@points',
			node xml PATH '.') x;
	RETURN QUERY SELECT * FROM hwr.xml_lines(ids, regions, texts, baselines, outlines, page);
END
$$;

COMMENT ON FUNCTION hwr_pagexml_lines(xml, bytea) IS
'the lines of a PAGE XML document in its order, with their images if the page is given: ground truth as a training table';

CREATE FUNCTION hwr_alto_lines(document xml, page bytea DEFAULT NULL)
RETURNS TABLE (line integer, id text, region text, text text, baseline path, outline polygon, image bytea)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 40 COST 10000 SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1
AS $$
DECLARE
	unit text;
	ids text[];
	regions text[];
	texts text[];
	baselines text[];
	outlines text[];
BEGIN
	IF document IS NULL THEN
		RETURN;
	END IF;
	IF NOT xpath_exists('/*[local-name()="alto"]/*[local-name()="Layout"]', document) THEN
		RAISE EXCEPTION 'document is not ALTO' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'It has no element alto with a Layout in it.';
	END IF;
	unit := (xpath('/*[local-name()="alto"]/*[local-name()="Description"]/*[local-name()="MeasurementUnit"]/text()', document))[1]::text;
	IF btrim(unit) <> 'pixel' THEN
		RAISE EXCEPTION 'measurement unit "%" is not supported', btrim(unit) USING ERRCODE = 'feature_not_supported',
			HINT = 'Convert the document to pixels.';
	END IF;
	-- A line without a shape has its box; a baseline of one number is a height.
	SELECT array_agg(x.id ORDER BY x.i), array_agg(x.region ORDER BY x.i),
		array_agg(coalesce((SELECT string_agg(s.content, '' ORDER BY s.i) FROM (SELECT i, CASE WHEN name = 'SP' THEN ' '
			WHEN lag(name) OVER (ORDER BY i) = 'String' AND name = 'String' THEN ' ' || content ELSE content END AS content
			FROM xmltable('/*/*[local-name()="String" or local-name()="SP" or local-name()="HYP"]' PASSING x.node COLUMNS
				i FOR ORDINALITY, name text PATH 'local-name()', content text PATH '@CONTENT') t) s), '') ORDER BY x.i),
		array_agg(CASE WHEN x.baseline ~ '^[[:space:]]*[0-9.]+[[:space:]]*$' THEN x.x || ' ' || x.baseline || ' ' || x.x + x.width || ' ' || x.baseline
			ELSE x.baseline END ORDER BY x.i),
		array_agg(coalesce(x.outline, concat_ws(' ', x.x, x.y, x.x + x.width, x.y, x.x + x.width, x.y + x.height, x.x, x.y + x.height)) ORDER BY x.i)
		INTO ids, regions, texts, baselines, outlines
		FROM xmltable('//*[local-name()="TextLine"]' PASSING document COLUMNS
			i FOR ORDINALITY,
			id text PATH '@ID',
			region text PATH '../@ID',
			baseline text PATH '@BASELINE',
			outline text PATH '*[local-name()="Shape"]/*[local-name()="Polygon"]/@POINTS',
			x double precision PATH '@HPOS',
			y double precision PATH '@VPOS',
			width double precision PATH '@WIDTH',
			height double precision PATH '@HEIGHT',
			node xml PATH '.') x;
	RETURN QUERY SELECT * FROM hwr.xml_lines(ids, regions, texts, baselines, outlines, page);
END
$$;

COMMENT ON FUNCTION hwr_alto_lines(xml, bytea) IS
'the lines of an ALTO document in its order, with their images if the page is given: ground truth as a training table';
