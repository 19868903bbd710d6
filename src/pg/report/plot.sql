--
-- plot.sql
--	  Charts as SVG.
--

CREATE FUNCTION hwr.draw_lines(title text, description text, x_title text, y_title text, names text[], series double precision[],
							   x double precision[], y double precision[], percent boolean DEFAULT false,
							   marked double precision DEFAULT NULL, marked_label text DEFAULT NULL, decades boolean DEFAULT false) RETURNS text
	AS 'MODULE_PATHNAME', 'hwr_draw_lines' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION hwr.draw_lines(text, text, text, text, text[], double precision[], double precision[], double precision[], boolean, double precision, text, boolean) IS
'a line chart as SVG';
CREATE FUNCTION hwr.draw_bars(title text, description text, x_title text, y_title text, labels text[], value double precision[],
							  low double precision[] DEFAULT NULL, high double precision[] DEFAULT NULL, percent boolean DEFAULT false) RETURNS text
	AS 'MODULE_PATHNAME', 'hwr_draw_bars' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION hwr.draw_bars(text, text, text, text, text[], double precision[], double precision[], double precision[], boolean) IS
'a bar chart as SVG, with intervals where there are any';
CREATE FUNCTION hwr.draw_matrix(title text, description text, row_title text, column_title text, labels text[], rows text[],
								columns text[], value double precision[]) RETURNS text
	AS 'MODULE_PATHNAME', 'hwr_draw_matrix' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION hwr.draw_matrix(text, text, text, text, text[], text[], text[], double precision[]) IS
'a heat map as SVG';
CREATE FUNCTION hwr.draw_reliability(title text, description text, x_title text, y_title text, names text[], series double precision[],
									 x double precision[], y double precision[], low double precision[], high double precision[],
									 images double precision[]) RETURNS text
	AS 'MODULE_PATHNAME', 'hwr_draw_reliability' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION hwr.draw_reliability(text, text, text, text, text[], double precision[], double precision[], double precision[], double precision[], double precision[], double precision[]) IS
'a reliability diagram as SVG';

-- Plots of what is stored

CREATE FUNCTION hwr_plot_history(model text DEFAULT NULL, version integer DEFAULT NULL, figure text DEFAULT 'loss') RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	names	text[];
	title	text;
	y_title text;
	best	double precision;
	result	text;
BEGIN
	PERFORM hwr.check_model(coalesce($1, 'default'));
	CASE figure
		WHEN 'loss' THEN names := '{training,validation}'; title := 'Loss'; y_title := 'nats an image';
		WHEN 'errors' THEN names := '{CER,WER,wrong images}'; title := 'Errors on validation images'; y_title := 'share';
		WHEN 'learning_rate' THEN names := '{learning rate}'; title := 'Learning rate'; y_title := 'step size';
		WHEN 'speed' THEN names := '{images/s}'; title := 'Training speed'; y_title := 'images a second';
		ELSE RAISE EXCEPTION 'unrecognized figure "%"', figure USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Valid figures are "loss", "errors", "learning_rate" and "speed".';
	END CASE;
	SELECT max(e.epoch) FILTER (WHERE e.best) INTO best FROM hwr.shown_epochs($1, $2) e;
	SELECT hwr.draw_lines(title,
						  format('%s epochs%s', count(DISTINCT p.epoch), '; the best is ' || best),
						  'epoch', y_title, names, array_agg(p.series ORDER BY p.series, p.epoch), array_agg(p.epoch ORDER BY p.series, p.epoch),
						  array_agg(p.y ORDER BY p.series, p.epoch), figure = 'errors', best, 'best', figure = 'loss')
	  INTO result
	  FROM (SELECT e.epoch::double precision AS epoch, s.series::double precision AS series, s.y
			  FROM hwr.shown_epochs($1, $2) e
				   CROSS JOIN LATERAL unnest(CASE figure
					   WHEN 'loss' THEN ARRAY[e.train_loss, e.validation_loss]
					   WHEN 'errors' THEN ARRAY[e.cer, e.wer, 1 - e.exact_match]
					   WHEN 'learning_rate' THEN ARRAY[e.learning_rate]
					   ELSE ARRAY[e.images_per_second] END) WITH ORDINALITY AS s(y, series)) p
	 WHERE p.y IS NOT NULL;
	RETURN result;
END $$;
COMMENT ON FUNCTION hwr_plot_history(text, integer, text) IS
'the training of a version as an SVG line chart of hwr_history''s rows: loss, errors, learning_rate or speed by epoch';

-- Characters with the most errors, and the pairs between them.
CREATE FUNCTION hwr.draw_confusions(pairs hwr.character_pair[], title text, size integer) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH p AS (SELECT * FROM unnest(pairs)),
	worst AS (
		SELECT x.c FROM (SELECT truth AS c, count FROM p WHERE truth <> guess
						 UNION ALL SELECT guess, count FROM p WHERE truth <> guess) x
		 GROUP BY x.c ORDER BY sum(x.count) DESC, x.c COLLATE "C" LIMIT size),
	cells AS (
		SELECT p.* FROM p JOIN worst t ON t.c = p.truth JOIN worst g ON g.c = p.guess)
	SELECT hwr.draw_matrix(title,
		format('%s errors among the %s characters that are most often wrong', (SELECT sum(count) FROM cells WHERE truth <> guess), (SELECT count(*) FROM worst)),
		'Rows: what is written. Columns: what was read. The number is how often.',
		'The crossed circle is nothing: a character missed, or one too many. Dots: read rightly.',
		(SELECT array_agg(c ORDER BY c COLLATE "C") FROM worst),
		(SELECT array_agg(truth ORDER BY truth COLLATE "C", guess COLLATE "C") FROM cells),
		(SELECT array_agg(guess ORDER BY truth COLLATE "C", guess COLLATE "C") FROM cells),
		(SELECT array_agg(count::double precision ORDER BY truth COLLATE "C", guess COLLATE "C") FROM cells));
$$;
COMMENT ON FUNCTION hwr.draw_confusions(hwr.character_pair[], text, integer) IS 'a heat map of confusions as SVG';

CREATE FUNCTION hwr_plot_confusions(model text DEFAULT NULL, version integer DEFAULT NULL, size integer DEFAULT 18) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.draw_confusions(array_agg(ROW(c.truth, c.guess, c.count)::hwr.character_pair), 'Confusions', $3)
	  FROM @extschema@.hwr_confusions($1, $2) c;
$$;
COMMENT ON FUNCTION hwr_plot_confusions(text, integer, integer) IS
'which character was read as which in a version''s latest measurement, as an SVG heat map of hwr_confusions'' rows';

-- Distributions of the labels of a table

CREATE FUNCTION hwr_lengths(data regclass, label_column name DEFAULT NULL, OUT length integer, OUT count bigint) RETURNS SETOF record
	LANGUAGE plpgsql ROWS 30 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY EXECUTE format(
		'SELECT char_length(%1$s::text), pg_catalog.count(*) FROM %2$s WHERE %1$s IS NOT NULL GROUP BY 1 ORDER BY 1',
		hwr.label_column($1, $2), $1);
END $$;
COMMENT ON FUNCTION hwr_lengths(regclass, name) IS 'how many labels of a table have which length';

CREATE FUNCTION hwr_characters(data regclass, label_column name DEFAULT NULL, OUT "character" text, OUT count bigint) RETURNS SETOF record
	LANGUAGE plpgsql ROWS 80 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY EXECUTE format(
		'SELECT c, pg_catalog.count(*) FROM %2$s, unnest(string_to_array(%1$s::text, NULL)) c GROUP BY c ORDER BY 2 DESC, c COLLATE "C"',
		hwr.label_column($1, $2), $1);
END $$;
COMMENT ON FUNCTION hwr_characters(regclass, name) IS 'how often each character is in the labels of a table';

CREATE FUNCTION hwr_plot_lengths(data regclass, label_column name DEFAULT NULL) RETURNS text
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.draw_bars('Lengths of labels', format('%s labels of %s to %s characters', sum(l.count), min(l.length), max(l.length)),
						 'characters', 'labels', array_agg(l.length::text ORDER BY l.length), array_agg(l.count::double precision ORDER BY l.length))
	  FROM @extschema@.hwr_lengths($1, $2) l;
$$;
COMMENT ON FUNCTION hwr_plot_lengths(regclass, name) IS 'hwr_lengths as an SVG bar chart';

CREATE FUNCTION hwr_plot_characters(data regclass, label_column name DEFAULT NULL) RETURNS text
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.draw_bars('Characters in labels', format('%s different characters', count(*)), 'character, the most frequent first', 'times',
						 array_agg(c."character" ORDER BY c.count DESC, c."character" COLLATE "C"),
						 array_agg(c.count::double precision ORDER BY c.count DESC, c."character" COLLATE "C"))
	  FROM (SELECT * FROM @extschema@.hwr_characters($1, $2) LIMIT 100) c;
$$;
COMMENT ON FUNCTION hwr_plot_characters(regclass, name) IS 'hwr_characters as an SVG bar chart: the hundred most frequent';

-- Reliability: rows in ten groups of equal size by what the model thinks of its readings

CREATE FUNCTION hwr.reliability(readings hwr.reading[], OUT bin integer, OUT images bigint, OUT mean double precision,
								OUT exact_match double precision, OUT low double precision, OUT high double precision) RETURNS SETOF record
	LANGUAGE sql IMMUTABLE ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
	SELECT b.bin, count(*), avg(b.value), avg((b.distance = 0)::integer),
		   (hwr.wilson(count(*) FILTER (WHERE b.distance = 0), count(*)))[1], (hwr.wilson(count(*) FILTER (WHERE b.distance = 0), count(*)))[2]
	  FROM (SELECT r.confidence AS value, r.distance, ntile(10) OVER (ORDER BY r.confidence, r."row") AS bin
			  FROM unnest(readings) r WHERE r.distance IS NOT NULL) b
	 GROUP BY b.bin ORDER BY b.bin;
$$;
COMMENT ON FUNCTION hwr.reliability(hwr.reading[]) IS 'rows of hwr_reliability';

CREATE FUNCTION hwr.draw_reliability(readings hwr.reading[]) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.draw_reliability('Does it know when it is right?', 'share of exact readings by their confidence, in ten groups of equal size',
		'confidence', 'share read without an error', ARRAY['confidence'],
		array_agg(1::double precision), array_agg(b.mean), array_agg(b.exact_match),
		array_agg(b.low), array_agg(b.high), array_agg(b.images::double precision))
	  FROM hwr.reliability(readings) b;
$$;
COMMENT ON FUNCTION hwr.draw_reliability(hwr.reading[]) IS 'the reliability diagram of hwr_plot_reliability and hwr_report';

-- All rows without their images.
CREATE FUNCTION hwr.read_all(data regclass, model text, version integer, image_column name, label_column name) RETURNS hwr.reading[]
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT array_agg(ROW(r."row", r.key, r.label, r.guess, r.confidence, r.sharpness, r.loss, r.margin, r.length, r.distance, r.words,
						 r.word_edits, r.width, r.ink, r.characters, r.edits, r."by", r.problem, NULL)::hwr.reading ORDER BY r."row")
	  FROM @extschema@.hwr_readings($1, $2, $3, $4, $5) r;
$$;
COMMENT ON FUNCTION hwr.read_all(regclass, text, integer, name, name) IS 'hwr_readings as an array, without the images';

CREATE FUNCTION hwr_reliability(data regclass, model text DEFAULT NULL, version integer DEFAULT NULL,
								image_column name DEFAULT NULL, label_column name DEFAULT NULL,
								OUT bin integer, OUT images bigint, OUT mean double precision,
								OUT exact_match double precision, OUT low double precision, OUT high double precision) RETURNS SETOF record
	LANGUAGE sql ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
	SELECT * FROM hwr.reliability(hwr.read_all($1, $2, $3, $4, $5));
$$;
COMMENT ON FUNCTION hwr_reliability(regclass, text, integer, name, name) IS
'whether a model knows when it is right: ten groups of equal size by confidence, with the share of exact readings in each';

CREATE FUNCTION hwr_plot_reliability(data regclass, model text DEFAULT NULL, version integer DEFAULT NULL,
									 image_column name DEFAULT NULL, label_column name DEFAULT NULL) RETURNS text
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.draw_reliability(hwr.read_all($1, $2, $3, $4, $5));
$$;
COMMENT ON FUNCTION hwr_plot_reliability(regclass, text, integer, name, name) IS 'hwr_reliability as an SVG diagram';

-- Samples: the first rows in an order that is the same each time and has nothing to do with that of the table

CREATE FUNCTION hwr_plot_samples(data regclass, model text DEFAULT NULL, version integer DEFAULT NULL, samples integer DEFAULT 12,
								 image_column name DEFAULT NULL, label_column name DEFAULT NULL) RETURNS text
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	WITH s AS (
		SELECT x.*, (x.n - 1) % 2 * 470 + 12 AS left, (x.n - 1) / 2 * 112 + 40 AS top, least(440, round(x.thumbnail_width * 48.0 / 64)) AS shown
		  FROM (SELECT r.*, row_number() OVER (ORDER BY md5(r."row"::text)) AS n, t.png,
					   ('x' || encode(substr(t.png, 17, 4), 'hex'))::bit(32)::integer AS thumbnail_width
				  FROM (SELECT * FROM @extschema@.hwr_readings($1, $2, $3, $5, $6) q
						 WHERE q.guess IS NOT NULL ORDER BY md5(q."row"::text) LIMIT greatest(1, least($4, 500))) r
					   CROSS JOIN LATERAL (SELECT hwr.thumbnail(r.image, 64) AS png) t) x)
	SELECT format('<svg xmlns="http://www.w3.org/2000/svg" width="960" height="%1$s" viewBox="0 0 960 %1$s" role="img" aria-label="Sample readings">'
				  '<style>svg{font:15px system-ui,sans-serif}tspan{unicode-bidi:isolate}.soft{fill:#5b6270;font-size:12px}.wrong{fill:#b3261e}</style>'
				  '<rect width="960" height="%1$s" fill="#fff"/><text x="12" y="24" font-weight="600">Sample readings</text>%2$s</svg>',
				  (coalesce(max(s.n), 0) + 1) / 2 * 112 + 48,
				  string_agg(format('<g class="sample"><image x="%s" y="%s" width="%s" height="48" preserveAspectRatio="xMinYMid" href="%s"/>'
									'<text x="%1$s" y="%5$s" class="soft">written: <tspan font-size="15" fill="#000">%6$s</tspan></text>'
									'<text x="%1$s" y="%7$s" class="soft">read: <tspan font-size="15" class="%8$s" fill="#000">%9$s</tspan> (%10$s %%)</text></g>',
									s.left, s.top, s.shown, hwr.data_uri(s.png), s.top + 66, coalesce(hwr.escape(s.label), '?'), s.top + 86,
									CASE WHEN s.distance > 0 THEN 'wrong' ELSE 'right' END, hwr.escape(s.guess), round(s.confidence::numeric * 100, 1)),
							 '' ORDER BY s.n))
	  FROM s;
$$;
COMMENT ON FUNCTION hwr_plot_samples(regclass, text, integer, integer, name, name) IS
'some images with their labels and readings as SVG, differences in red; the same each time';
