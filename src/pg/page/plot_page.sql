--
-- plot_page.sql
--	  A page with its lines drawn on it.
--

CREATE FUNCTION hwr_plot_page(
	page			bytea,
	model			text			DEFAULT NULL,
	readings		boolean			DEFAULT true,
	turn			integer			DEFAULT NULL,
	right_to_left	boolean			DEFAULT false
)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 5000000 SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1
AS $$
DECLARE
	colours CONSTANT text[] := '{#0b61a4,#b8500a,#1d7a3c,#8a2b8f,#7a6000,#a3123a}';
	size record;
	unit numeric;
	svg text;
	before point;
	l record;
BEGIN
	IF page IS NULL THEN
		RETURN NULL;
	END IF;
	SELECT * INTO size FROM @extschema@.hwr_image_size(page);
	unit := greatest(size.width, size.height) / 1000.0;
	svg := format('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%s" height="%s" font-family="sans-serif">',
		size.width, size.height, size.width, size.height)
		|| format('<image width="%s" height="%s" href="data:image/%s;base64,%s"/>', size.width, size.height,
			CASE WHEN substr(page, 2, 3) = 'PNG' THEN 'png' ELSE 'jpeg' END, translate(encode(page, 'base64'), E'\n', ''));
	FOR l IN SELECT n.line, n.region, n.kind, n.reason, n.confidence, r.text,
			array_to_string(regexp_split_to_array(btrim(n.outline::text, '()'), '[)],[(]'), ' ') AS outline,
			array_to_string(regexp_split_to_array(btrim(n.baseline::text, '[]()'), '[)],[(]'), ' ') AS baseline,
			p.angle, p.start, p.corner, p.length
		FROM @extschema@.hwr_lines(page, turn, right_to_left, false) n
			-- where a reader of the line, however it lies, sees its beginning and its upper left corner
			CROSS JOIN LATERAL (SELECT (n.outline::box)[0] AS high, (n.outline::box)[1] AS low,
				regexp_match(n.baseline::text, '^.[(]([^,]*),([^)]*)[)].*[(]([^,]*),([^)]*)[)].$')::float8[] AS ends) e
			CROSS JOIN LATERAL (SELECT CASE WHEN abs(ends[3] - ends[1]) >= abs(ends[4] - ends[2]) THEN CASE WHEN ends[3] >= ends[1] THEN 0 ELSE 180 END
				WHEN ends[4] >= ends[2] THEN 90 ELSE -90 END AS angle) a
			CROSS JOIN LATERAL (SELECT a.angle, CASE a.angle WHEN 0 THEN point(low[0], (low[1] + high[1]) / 2) WHEN 180 THEN point(high[0], (low[1] + high[1]) / 2)
					WHEN 90 THEN point((low[0] + high[0]) / 2, low[1]) ELSE point((low[0] + high[0]) / 2, high[1]) END AS start,
				CASE a.angle WHEN 0 THEN low WHEN 180 THEN high WHEN 90 THEN point(high[0], low[1]) ELSE point(low[0], high[1]) END AS corner,
				CASE WHEN a.angle IN (0, 180) THEN high[0] - low[0] ELSE high[1] - low[1] END AS length) p
			LEFT JOIN (SELECT * FROM @extschema@.hwr_read_page(page, model, turn, right_to_left) WHERE readings) r USING (line)
		ORDER BY n.line LOOP
		IF l.kind = 'rejected' THEN
			svg := svg || format('<polygon points="%s" fill="none" stroke="#777" stroke-width="%s" stroke-dasharray="%s"><title>%s</title></polygon>',
				l.outline, round(unit, 2), round(4 * unit, 2), l.reason);
			CONTINUE;
		END IF;
		svg := svg || format('<polygon points="%s" fill="%s" fill-opacity="0.12" stroke="%2$s" stroke-width="%s"><title>%s: %s</title></polygon>',
				l.outline, colours[1 + (l.region - 1) % 6], round(unit, 2), l.line, round(l.confidence::numeric, 2))
			|| format('<polyline points="%s" fill="none" stroke="%s" stroke-width="%s"/>', l.baseline, colours[1 + (l.region - 1) % 6], round(1.5 * unit, 2))
			-- From each line to the next, so that the order can be seen.
			|| CASE WHEN before IS NULL THEN '' ELSE format('<line x1="%s" y1="%s" x2="%s" y2="%s" stroke="#d00" stroke-width="%s" stroke-opacity="0.5"/>',
				before[0], before[1], l.start[0], l.start[1], round(unit, 2)) END
			|| format('<text transform="translate(%s %s) rotate(%s)" font-size="%s" fill="#d00" text-anchor="end">%s</text>', l.start[0], l.start[1], l.angle,
				round(14 * unit, 1), l.line)
			|| CASE WHEN coalesce(l.text, '') = '' THEN '' ELSE format('<text transform="translate(%s %s) rotate(%s)" font-size="%s" fill="%s" stroke="#fff" stroke-width="%s" paint-order="stroke">%s</text>',
				l.corner[0], l.corner[1], l.angle,
				-- as long as the line at most, as far as it can still be read
				round(greatest(least(14 * unit, l.length::numeric / (0.55 * length(l.text))), 6 * unit), 1),
				colours[1 + (l.region - 1) % 6], round(2 * unit, 1), hwr.escape(l.text)) END;
		before := l.start;
	END LOOP;
	RETURN svg || '</svg>';
END
$$;

COMMENT ON FUNCTION hwr_plot_page(bytea, text, boolean, integer, boolean) IS
'a page as SVG with its lines, their order and what was read; what was rejected is dashed';
