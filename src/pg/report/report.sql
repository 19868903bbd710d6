--
-- report.sql
--	  hwr_report: one HTML page about a model.
--

-- The report

-- Figures with their 95 % intervals.
CREATE FUNCTION hwr.figures(readings hwr.reading[], OUT figure text, OUT value double precision, OUT low double precision,
							OUT high double precision, OUT meaning text) RETURNS SETOF record
	LANGUAGE sql IMMUTABLE ROWS 3 SET search_path = pg_catalog, pg_temp AS $$
	WITH r AS (SELECT * FROM unnest(readings) WHERE distance IS NOT NULL),
	i AS (SELECT hwr.bootstrap(array_agg(distance::double precision ORDER BY "row"), array_agg(length::double precision ORDER BY "row")) AS cer,
				 hwr.bootstrap(array_agg(word_edits::double precision ORDER BY "row"), array_agg(words::double precision ORDER BY "row")) AS wer,
				 hwr.wilson(count(*) FILTER (WHERE distance = 0), count(*)) AS exact,
				 sum(distance)::double precision / nullif(sum(length), 0) AS c, sum(word_edits)::double precision / nullif(sum(words), 0) AS w,
				 avg((distance = 0)::integer)::double precision AS e FROM r)
	SELECT f.* FROM i CROSS JOIN LATERAL (VALUES
		('CER', i.c, i.cer[1], i.cer[2], 'character error rate: characters to correct, by characters written'),
		('WER', i.w, i.wer[1], i.wer[2], 'word error rate: the same in words'),
		('exact match', i.e, i.exact[1], i.exact[2], 'images that were read without any error')) f(figure, value, low, high, meaning);
$$;
COMMENT ON FUNCTION hwr.figures(hwr.reading[]) IS 'CER, WER and exact match with their 95 % intervals';

-- CER of groups of rows.
CREATE FUNCTION hwr.cer_by(readings hwr.reading[], what text, OUT "group" text, OUT images bigint, OUT cer double precision,
						   OUT low double precision, OUT high double precision, OUT exact_match double precision) RETURNS SETOF record
	LANGUAGE sql IMMUTABLE ROWS 12 SET search_path = pg_catalog, pg_temp AS $$
	WITH r AS (
		SELECT x.*, CASE WHEN what = 'length' THEN x.length WHEN what = 'width' THEN x.width WHEN what = 'ink' THEN round(x.ink::numeric * 100, 1) END AS number
		  FROM unnest(readings) x WHERE x.distance IS NOT NULL),
	-- few different numbers are groups themselves, many are cut into six of about equal size
	n AS (SELECT r.*, CASE WHEN what = 'by' THEN NULL
						   WHEN what = 'length' AND (SELECT count(DISTINCT number) FROM r) <= 16 THEN dense_rank() OVER (ORDER BY number)
						   ELSE 6 * (rank() OVER (ORDER BY number) - 1) / count(*) OVER () END AS bin FROM r),
	g AS (SELECT n.*, CASE WHEN what = 'by' THEN coalesce(n."by", 'NULL')
						   ELSE concat_ws('-', min(number) OVER w, nullif(max(number) OVER w, min(number) OVER w)) END AS name
			FROM n WINDOW w AS (PARTITION BY n.bin)),
	a AS (SELECT g.name, g.bin, count(*) AS images, sum(distance) AS edits, sum(length) AS characters, avg((distance = 0)::integer)::double precision AS exact,
				 array_agg(distance::double precision ORDER BY "row") AS numerators, array_agg(length::double precision ORDER BY "row") AS denominators
			FROM g GROUP BY g.name, g.bin)
	SELECT a.name, a.images, a.edits::double precision / nullif(a.characters, 0), i.i[1], i.i[2], a.exact
	  -- drawing from a handful of rows again and again says nothing
	  FROM a CROSS JOIN LATERAL (SELECT CASE WHEN a.images >= 5 THEN hwr.bootstrap(a.numerators, a.denominators) END AS i) i
	 ORDER BY a.bin, a.images DESC, a.name COLLATE "C" LIMIT 24;
$$;
COMMENT ON FUNCTION hwr.cer_by(hwr.reading[], text) IS
'CER by label length, image width, share of ink, or the column asked for as "by"';

-- Errors of each character that is written.
CREATE FUNCTION hwr.errors_by_character(pairs hwr.character_pair[], OUT "character" text, OUT count bigint, OUT wrong double precision,
										OUT low double precision, OUT high double precision) RETURNS SETOF record
	LANGUAGE sql IMMUTABLE ROWS 50 SET search_path = pg_catalog, pg_temp AS $$
	SELECT p.truth, sum(p.count)::bigint, sum(p.count) FILTER (WHERE p.truth <> p.guess) / sum(p.count)::double precision, i.i[1], i.i[2]
	  FROM unnest(pairs) p
		   JOIN LATERAL (SELECT hwr.wilson(coalesce(sum(q.count) FILTER (WHERE q.truth <> q.guess), 0)::bigint, sum(q.count)::bigint) AS i
						   FROM unnest(pairs) q WHERE q.truth = p.truth) i ON true
	 WHERE p.truth <> '' GROUP BY p.truth, i.i ORDER BY p.truth COLLATE "C";
$$;
COMMENT ON FUNCTION hwr.errors_by_character(hwr.character_pair[]) IS 'how often each written character was read wrongly or missed';

-- The rows that a gallery shows.
CREATE FUNCTION hwr.gallery(readings hwr.reading[], which text) RETURNS SETOF hwr.reading
	LANGUAGE sql IMMUTABLE ROWS 12 SET search_path = pg_catalog, pg_temp AS $$
	SELECT r.* FROM unnest(readings) r
	 WHERE r.guess IS NOT NULL
	   AND CASE which WHEN 'worst' THEN r.distance > 0 WHEN 'suspect' THEN r.distance > 0 AND r.confidence >= 0.5 AND coalesce(r.margin, 99) > 3 ELSE true END
	 ORDER BY CASE which WHEN 'worst' THEN -r.distance::double precision / r.length
						 WHEN 'doubt' THEN r.confidence
						 WHEN 'suspect' THEN -coalesce(r.margin, 99) END,
			  CASE which WHEN 'worst' THEN -r.distance END, CASE which WHEN 'sample' THEN md5(r."row"::text) END, r."row"
	 LIMIT CASE which WHEN 'sample' THEN 18 ELSE 9 END;
$$;
COMMENT ON FUNCTION hwr.gallery(hwr.reading[], text) IS
'rows to show: a sample that is the same each time, the worst, those with the least confidence, and suspect labels';

-- The most frequent errors, each with up to three examples.
CREATE FUNCTION hwr.error_examples(readings hwr.reading[], OUT truth text, OUT guess text, OUT count bigint, OUT rank bigint, OUT example bigint,
								   OUT "row" bigint, OUT first double precision, OUT last double precision) RETURNS SETOF record
	LANGUAGE sql IMMUTABLE ROWS 36 SET search_path = pg_catalog, pg_temp AS $$
	WITH e AS (
		SELECT r."row", r.width, x.truth, x.guess, x."left", x."right"
		  FROM unnest(readings) r CROSS JOIN LATERAL jsonb_to_recordset(r.edits) AS x(truth text, guess text, "left" double precision, "right" double precision)),
	n AS (SELECT e.*, count(*) OVER (PARTITION BY e.truth, e.guess) AS count,
				 row_number() OVER (PARTITION BY e.truth, e.guess ORDER BY md5(e."row"::text), e."left") AS example FROM e),
	k AS (SELECT n.*, dense_rank() OVER (ORDER BY n.count DESC, n.truth COLLATE "C", n.guess COLLATE "C") AS rank FROM n)
	SELECT k.truth, k.guess, k.count, k.rank, k.example, k."row", greatest(0, least(k."left" / k.width - 0.01, (k."left" + k."right") / k.width / 2 - 0.06)),
		   least(1, greatest(k."right" / k.width + 0.01, (k."left" + k."right") / k.width / 2 + 0.06))
	  FROM k WHERE k.rank <= 12 AND k.example <= 3 ORDER BY k.rank, k.example;
$$;
COMMENT ON FUNCTION hwr.error_examples(hwr.reading[]) IS 'the most frequent errors, and where examples of them are';

-- All rows, with small images for those that the page shows.
CREATE FUNCTION hwr.read_for_report(data regclass, model text, version integer, image_column name, label_column name, "by" name) RETURNS hwr.reading[]
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	WITH r AS MATERIALIZED (SELECT * FROM @extschema@.hwr_readings($1, $2, $3, $4, $5, $6)),
	n AS MATERIALIZED (
		SELECT array_agg(ROW(r."row", r.key, r.label, r.guess, r.confidence, r.sharpness, r.loss, r.margin, r.length, r.distance, r.words,
							 r.word_edits, r.width, r.ink, NULL, r.edits, NULL, r.problem, NULL)::hwr.reading) AS readings FROM r),
	shown AS (
		SELECT g."row" FROM n, unnest('{sample,worst,doubt,suspect}'::text[]) w, hwr.gallery(n.readings, w) g
		UNION SELECT e."row" FROM n, hwr.error_examples(n.readings) e)
	SELECT array_agg(ROW(r."row", r.key, r.label, r.guess, r.confidence, r.sharpness, r.loss, r.margin, r.length, r.distance, r.words,
						 r.word_edits, r.width, r.ink, CASE WHEN s."row" IS NOT NULL THEN r.characters END, r.edits, r."by", r.problem,
						 CASE WHEN s."row" IS NOT NULL THEN hwr.thumbnail(r.image, 64) END)::hwr.reading ORDER BY r."row")
	  FROM r LEFT JOIN shown s USING ("row");
$$;
COMMENT ON FUNCTION hwr.read_for_report(regclass, text, integer, name, name, name) IS
'hwr_readings as an array, with small images for the rows that a report shows';

-- Pieces of the page.  What comes from users goes through hwr.escape.

CREATE FUNCTION hwr.html_table(caption text, headers text[], body text) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT format('<div class="scroll" tabindex="0" role="region" aria-label="%1$s"><table><caption>%1$s</caption><thead><tr>%2$s</tr></thead><tbody>%3$s</tbody></table></div>',
				  caption, (SELECT string_agg('<th scope="col">' || h || '</th>', '' ORDER BY n) FROM unnest(headers) WITH ORDINALITY h(h, n)), coalesce(body, ''));
$$;
COMMENT ON FUNCTION hwr.html_table(text, text[], text) IS 'a table of a report; caption, headers and body are HTML';

-- A chart, and its numbers as a table for those who cannot see it or want them.
CREATE FUNCTION hwr.html_chart(svg text, numbers text) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT '<figure class="chart' || CASE WHEN position(' width="980"' IN svg) > 0 THEN ' wide' ELSE '' END || '"><div class="scroll">' || svg || '</div>' ||
		   coalesce('<details><summary>The numbers</summary>' || numbers || '</details>', '') || '</figure>';
$$;
COMMENT ON FUNCTION hwr.html_chart(text, text) IS 'a chart of a report';

-- One reading: image with the places of the characters, truth, reading, confidence.
CREATE FUNCTION hwr.html_card(r hwr.reading) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT format('<li class="card"><div class="picture"><img src="%s" alt="image of row %s">%s</div><dl>%s<dt>read</dt><dd class="%s"><bdi>%s</bdi></dd>'
				  '<dt>confidence</dt><dd class="soft">%s &#183; %s %s</dd></dl></li>',
				  hwr.data_uri(r.image), hwr.escape(coalesce(r.key, r."row"::text)),
				  (SELECT '<div class="places" aria-hidden="true">' || string_agg(format('<i style="left:%s%%;width:%s%%">%s</i>',
							round(100 * c."left"::numeric / r.width, 1), round(100 * (c."right" - c."left")::numeric / r.width, 1),
							CASE c."character" WHEN ' ' THEN '&#9251;' ELSE hwr.escape(c."character") END), '') || '</div>'
					 FROM jsonb_to_recordset(r.characters) AS c("character" text, "left" double precision, "right" double precision)),
				  CASE WHEN r.label IS NOT NULL THEN '<dt>written</dt><dd><bdi>' || hwr.escape(r.label) || '</bdi></dd>' ELSE '' END,
				  CASE WHEN r.distance > 0 THEN 'wrong' ELSE 'right' END,
				  CASE WHEN r.label IS NULL THEN hwr.escape(r.guess) ELSE hwr.diff(r.label, r.guess) END,
				  hwr.percent(r.confidence), CASE WHEN r.key IS NULL THEN 'row' ELSE 'key' END, hwr.escape(coalesce(r.key, r."row"::text)));
$$;
COMMENT ON FUNCTION hwr.html_card(hwr.reading) IS 'one reading of a report';

CREATE FUNCTION hwr.html_gallery(readings hwr.reading[], which text) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce('<ul class="cards">' || string_agg(hwr.html_card(g), '') || '</ul>', '<p class="soft">There are none.</p>')
	  FROM hwr.gallery(readings, which) g;
$$;
COMMENT ON FUNCTION hwr.html_gallery(hwr.reading[], text) IS 'some readings of a report';

CREATE FUNCTION hwr.html_figures(readings hwr.reading[]) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT '<ul class="tiles">' || string_agg(format('<li><b>%s</b><span class="figure">%s</span><span class="soft">95&#8239;%% interval %s to %s</span><span>%s</span></li>',
				CASE f.figure WHEN 'exact match' THEN 'Exact match' ELSE f.figure END, hwr.percent(f.value), hwr.percent(f.low), hwr.percent(f.high), f.meaning),
			'' ORDER BY f.figure = 'exact match' DESC, f.figure) ||
		   (SELECT format('<li><b>Images</b><span class="figure">%s</span><span class="soft">%s</span><span>rows with image and label that were read</span></li></ul>',
						  count(*) FILTER (WHERE r.distance IS NOT NULL),
						  CASE WHEN count(*) FILTER (WHERE r.distance IS NULL) = 0 THEN 'no row left out'
							   ELSE count(*) FILTER (WHERE r.distance IS NULL) || ' more without' END)
			  FROM unnest(readings) r)
	  FROM hwr.figures(readings) f;
$$;
COMMENT ON FUNCTION hwr.html_figures(hwr.reading[]) IS 'the figures of a report';

CREATE FUNCTION hwr.html_model(shown text, shown_version integer) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT format('<dl class="facts"><dt>architecture</dt><dd><code>%s</code></dd><dt>parameters</dt><dd>%s (a file of %s)</dd>'
				  '<dt>alphabet</dt><dd>%s characters: <bdi class="alphabet">%s</bdi></dd><dt>made</dt><dd>%s</dd>%s</dl>'
				  '<details><summary>Training options</summary>%s</details>',
				  hwr.escape(m.architecture), to_char(m.parameters, 'FM999,999,999,999'), pg_size_pretty(m.bytes),
				  char_length(m.alphabet), replace(hwr.escape(m.alphabet), ' ', '&#9251;'), 
				  CASE WHEN m.version IS NULL THEN 'comes with hwr' ELSE format('%s by %s, %s', to_char(m.created, 'YYYY-MM-DD HH24:MI'),
					hwr.escape(m.owner::text), CASE WHEN m.job IS NULL THEN 'imported from a file' ELSE 'training job ' || m.job END) END,
				  (SELECT format('<dt>learned from</dt><dd>%s: %s images to learn, %s to validate, %s left out</dd>', hwr.escape(j.training), j.images, j.validation_images, j.skipped)
					 FROM @extschema@.hwr_job_details j WHERE j.job = m.job),
				  hwr.html_table('Training options of this version', '{option,value}',
					(SELECT string_agg(format('<tr><th scope="row">%s</th><td>%s</td></tr>', hwr.escape(o.key), hwr.escape(o.value)), '' ORDER BY o.key) FROM jsonb_each_text(m.options) o)))
	  FROM hwr.shown_models m WHERE m.model = shown AND m.version IS NOT DISTINCT FROM shown_version;
$$;
COMMENT ON FUNCTION hwr.html_model(text, integer) IS 'the model card of a report';

CREATE FUNCTION hwr.html_versions(shown text, shown_version integer) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.html_table('Versions and their measurements', '{version,made,parameters,measured on,images,CER,WER,exact match,F1}',
		string_agg(format('<tr%s><th scope="row">%s%s</th><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>',
			CASE WHEN m.version = shown_version THEN ' class="this"' END, coalesce(m.version::text, 'bundled'), CASE WHEN m.active THEN ' (active)' END, to_char(m.created, 'YYYY-MM-DD'),
			to_char(m.parameters, 'FM999,999,999,999'), coalesce(hwr.escape(x.data) || ' (' || x.split || ')', '&#8211;'), x.images, hwr.percent(x.cer), hwr.percent(x.wer),
			hwr.percent(x.exact_match), hwr.percent(x.f1)), '' ORDER BY m.version DESC, x.measured DESC))
	  FROM hwr.shown_models m
		   LEFT JOIN LATERAL (SELECT DISTINCT ON (q.data, q.split) * FROM hwr.metrics q WHERE q.model = m.model AND q.version = m.version
							   ORDER BY q.data, q.split, q.measured DESC LIMIT 20) x ON true
	 WHERE m.model = shown;
$$;
COMMENT ON FUNCTION hwr.html_versions(text, integer) IS 'the versions of a report';

CREATE FUNCTION hwr.html_training(shown text, shown_version integer) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN count(*) = 0 THEN '<p class="soft">This version was not trained in this database, so there is no history.</p>'
		ELSE '<div class="charts">' || (SELECT string_agg(hwr.html_chart(@extschema@.hwr_plot_history(shown, shown_version, f), NULL), '' ORDER BY n)
			FROM unnest('{loss,errors,learning_rate,speed}'::text[]) WITH ORDINALITY u(f, n)) || '</div><details><summary>The numbers, epoch by epoch</summary>' ||
		hwr.html_table('Epochs', '{epoch,training loss,validation loss,CER,WER,exact match,learning rate,images a second,seconds}',
			string_agg(format('<tr%s><th scope="row">%s%s</th><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>',
				CASE WHEN e.epoch = e.best_epoch THEN ' class="this"' END, e.epoch, CASE WHEN e.epoch = e.best_epoch THEN ' (best)' END,
				round(e.train_loss::numeric, 4), coalesce(round(e.validation_loss::numeric, 4)::text, '&#8211;'), hwr.percent(e.cer), hwr.percent(e.wer), hwr.percent(e.exact_match),
				e.learning_rate::numeric::float4, round(e.images_per_second), round(e.seconds)), '' ORDER BY e.epoch)) || '</details>' END
	  FROM (SELECT x.*, max(x.epoch) FILTER (WHERE x.best) OVER () AS best_epoch FROM hwr.shown_epochs(shown, shown_version) x) e;
$$;
COMMENT ON FUNCTION hwr.html_training(text, integer) IS 'the training section of a report';

-- The most frequent errors in one table, with crops where there are images.
CREATE FUNCTION hwr.html_errors(pairs hwr.character_pair[], readings hwr.reading[]) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH e AS (SELECT p.truth, p.guess, p.count, row_number() OVER (ORDER BY p.count DESC, p.truth COLLATE "C", p.guess COLLATE "C") AS n
				 FROM unnest(pairs) p WHERE p.truth <> p.guess),
	x AS (SELECT s.truth, s.guess, string_agg(format('<img class="crop" src="%s" alt="example in row %s">', hwr.data_uri(t.png), s."row"), ' ' ORDER BY s.example) AS crops
			FROM hwr.error_examples(readings) s JOIN unnest(readings) r ON r."row" = s."row"
				 CROSS JOIN LATERAL (SELECT hwr.thumbnail(r.image, 48, s.first, s.last) AS png) t
		   WHERE t.png IS NOT NULL GROUP BY s.truth, s.guess)
	SELECT hwr.html_table('The most frequent errors', '{what,written,read,times,share of errors,examples}',
		string_agg(format('<tr><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>',
			CASE WHEN e.truth = '' THEN 'insertion' WHEN e.guess = '' THEN 'deletion' ELSE 'substitution' END,
			hwr.show_character(e.truth), hwr.show_character(e.guess), e.count, hwr.percent(e.count / (SELECT sum(count) FROM e)::double precision), x.crops), '' ORDER BY e.n))
	  FROM e LEFT JOIN x USING (truth, guess) WHERE e.n <= 12;
$$;
COMMENT ON FUNCTION hwr.html_errors(hwr.character_pair[], hwr.reading[]) IS 'the most frequent errors of a report';

CREATE FUNCTION hwr.html_cer_by(readings hwr.reading[], what text, title text, x_title text) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.html_chart(
		hwr.draw_bars(title, 'with 95 % intervals', x_title, 'CER', array_agg(c."group" ORDER BY c.n), array_agg(c.cer ORDER BY c.n),
					  array_agg(c.low ORDER BY c.n), array_agg(c.high ORDER BY c.n), true),
		hwr.html_table(hwr.escape(title), ARRAY[hwr.escape(x_title), 'images', 'CER', '95&#8239;% interval', 'exact match'],
			string_agg(format('<tr><th scope="row">%s</th><td>%s</td><td>%s</td><td>%s to %s</td><td>%s</td></tr>', hwr.escape(c."group"), c.images, hwr.percent(c.cer),
							  hwr.percent(c.low), hwr.percent(c.high), hwr.percent(c.exact_match)), '' ORDER BY c.n)))
	  FROM (SELECT g.*, row_number() OVER () AS n FROM hwr.cer_by(readings, what) g) c;
$$;
COMMENT ON FUNCTION hwr.html_cer_by(hwr.reading[], text, text, text) IS 'CER by groups in a report';

CREATE FUNCTION hwr.html_characters(pairs hwr.character_pair[]) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.html_chart(
		hwr.draw_bars('Errors by character', 'with 95 % intervals', 'character that is written', 'share read wrongly or missed', array_agg(c."character" ORDER BY c."character" COLLATE "C"),
					  array_agg(coalesce(c.wrong, 0) ORDER BY c."character" COLLATE "C"), array_agg(c.low ORDER BY c."character" COLLATE "C"),
					  array_agg(c.high ORDER BY c."character" COLLATE "C"), true),
		hwr.html_table('Errors by character', '{character,times written,wrong,95&#8239;% interval}',
			string_agg(format('<tr><th scope="row">%s</th><td>%s</td><td>%s</td><td>%s to %s</td></tr>', hwr.show_character(c."character"), c.count, hwr.percent(coalesce(c.wrong, 0)),
							  hwr.percent(c.low), hwr.percent(c.high)), '' ORDER BY c."character" COLLATE "C")))
	  FROM hwr.errors_by_character(pairs) c;
$$;
COMMENT ON FUNCTION hwr.html_characters(hwr.character_pair[]) IS 'errors by character in a report';

CREATE FUNCTION hwr.html_reliability(readings hwr.reading[]) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.html_chart(hwr.draw_reliability(readings),
		hwr.html_table('Reliability', '{group,images,mean confidence,read exactly,95&#8239;% interval}',
			string_agg(format('<tr><th scope="row">%s</th><td>%s</td><td>%s</td><td>%s</td><td>%s to %s</td></tr>', b.bin, b.images, hwr.percent(b.mean), hwr.percent(b.exact_match),
							  hwr.percent(b.low), hwr.percent(b.high)), '' ORDER BY b.bin)))
	  FROM hwr.reliability(readings) b;
$$;
COMMENT ON FUNCTION hwr.html_reliability(hwr.reading[]) IS 'the reliability diagram of a report';

CREATE FUNCTION hwr.html_distributions(data regclass, label_column name) RETURNS text
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT '<div class="charts">' || hwr.html_chart(@extschema@.hwr_plot_lengths($1, $2),
			   (SELECT hwr.html_table('Lengths of labels', '{characters,labels}', string_agg(format('<tr><th scope="row">%s</th><td>%s</td></tr>', l.length, l.count), '' ORDER BY l.length))
				  FROM @extschema@.hwr_lengths($1, $2) l)) ||
		   hwr.html_chart(@extschema@.hwr_plot_characters($1, $2),
			   (SELECT hwr.html_table('Characters in labels', '{character,times}', string_agg(format('<tr><th scope="row">%s</th><td>%s</td></tr>', hwr.show_character(c."character"), c.count), ''
									  ORDER BY c.count DESC, c."character" COLLATE "C"))
				  FROM @extschema@.hwr_characters($1, $2) c)) || '</div>';
$$;
COMMENT ON FUNCTION hwr.html_distributions(regclass, name) IS 'lengths and characters of labels in a report';

CREATE FUNCTION hwr.html_problems(readings hwr.reading[]) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.html_table('Rows that could not be used', '{problem,rows,the first}',
			   string_agg(format('<tr><th scope="row">%s</th><td>%s</td><td>%s</td></tr>', hwr.escape(p.problem), p.count, hwr.escape(p.first)), '' ORDER BY p.count DESC, p.problem COLLATE "C"))
	  FROM (SELECT r.problem, count(*), (array_agg(coalesce(r.key, r."row"::text) ORDER BY r."row"))[1] AS first
			  FROM unnest(readings) r WHERE r.problem IS NOT NULL GROUP BY r.problem) p
	HAVING count(*) > 0;
$$;
COMMENT ON FUNCTION hwr.html_problems(hwr.reading[]) IS 'rows that could not be used in a report';

CREATE FUNCTION hwr.html_section(id text, title text, lead text, body text) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT format(E'<section id="%s">\n<h2>%s</h2>\n<p>%s</p>\n%s\n</section>\n', id, title, lead, body);
$$;
COMMENT ON FUNCTION hwr.html_section(text, text, text, text) IS 'a section of a report';

-- Everything around the sections.  title is text, the rest HTML.
CREATE FUNCTION hwr.html_page(title text, lead text, sections text[]) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT format(E'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
		'<meta name="color-scheme" content="light dark">\n<title>%1$s</title>\n<style>%2$s</style>\n</head>\n<body>\n<a class="skip" href="#main">To the content</a>\n'
		'<header>\n<h1>%1$s</h1>\n<p>%3$s</p>\n</header>\n<nav aria-label="Sections"><ul>%4$s</ul></nav>\n<main id="main">\n%5$s</main>\n<footer><p>Made by hwr_report() on %6$s.</p></footer>\n</body>\n</html>\n',
		hwr.escape(title),
		':root{--ink:#1f2430;--soft:#5b6270;--rule:#d9dce3;--paper:#fff;--ground:#f4f5f8;--blue:#1a5ea8;--red:#b3261e;--bad:#fbe0dd;--good:#13795b}'
		'@media (prefers-color-scheme:dark){@media screen{:root{--ink:#e8eaf0;--soft:#a3aab8;--rule:#3a404c;--paper:#191c22;--ground:#101217;--blue:#6cb0f5;--red:#ff9d94;--bad:#51231f;--good:#4fc9a0}'
		'.card img,.crop{filter:invert(.91)}}}'
		'*{box-sizing:border-box}body{margin:0;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground)}'
		'header,nav,main,footer{max-width:1080px;margin:0 auto;padding:0 20px}header{padding-top:28px}h1{font-size:28px;line-height:1.2;margin:0 0 8px;overflow-wrap:anywhere}'
		'h2{font-size:20px;margin:0 0 4px}h3{font-size:16px;margin:20px 0 6px}p{margin:0 0 12px;max-width:75ch}a{color:var(--blue)}'
		'.skip{position:absolute;left:-999px}.skip:focus{left:8px;top:8px;background:var(--paper);padding:6px 10px}'
		'nav ul{display:flex;flex-wrap:wrap;gap:4px 18px;list-style:none;margin:0 0 16px;padding:0}'
		'section{background:var(--paper);border:1px solid var(--rule);border-radius:10px;padding:20px;margin:0 0 20px}'
		'.tiles,.cards{list-style:none;margin:0;padding:0;display:grid;gap:14px;grid-template-columns:repeat(auto-fill,minmax(min(100%,220px),1fr))}'
		'.tiles li{display:flex;flex-direction:column;border:1px solid var(--rule);border-radius:8px;padding:12px;font-size:14px}.figure{font-size:30px;line-height:1.25;font-weight:600}'
		'.soft{color:var(--soft)}.cards{grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),1fr))}'
		'.card{border:1px solid var(--rule);border-radius:8px;padding:10px;min-width:0}.picture{position:relative;display:inline-block;max-width:100%}'
		'.card img{display:block;max-width:100%;height:auto;max-height:64px;background:#fff}.crop{height:36px;background:#fff;border:1px solid var(--rule);vertical-align:middle}'
		'.places{position:relative;height:18px}.places i{position:absolute;font:11px/1 ui-monospace,monospace;color:var(--soft);border-top:2px solid var(--soft);padding-top:2px;text-align:center;min-width:3px}'
		'.card dl{display:grid;grid-template-columns:auto 1fr;gap:0 10px;margin:8px 0 0}.card dt,.facts dt{color:var(--soft);font-size:14px}.card dd,.facts dd{margin:0;min-width:0;overflow-wrap:anywhere}'
		'.card dd.soft{font-size:14px}.facts{display:grid;grid-template-columns:auto 1fr;gap:4px 16px;margin:0 0 12px}.alphabet,code{font-family:ui-monospace,monospace;overflow-wrap:anywhere}'
		'mark,ins,del{color:var(--red);background:var(--bad);border-radius:2px}mark{text-decoration:underline wavy}ins{text-decoration:underline double}del{text-decoration:line-through}'
		'.charts{display:grid;gap:20px;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));align-items:start}.chart{margin:0;min-width:0}.chart svg{display:block;width:100%;max-width:520px;height:auto}.wide{grid-column:1/-1}'
		'.chart .scroll{overflow-x:auto}.chart svg{min-width:310px}.charts{margin-top:16px}.wide svg{min-width:700px;max-width:980px}'
		'@media (max-width:600px){.facts{grid-template-columns:1fr}.facts dd{margin:0 0 8px}section{padding:14px}header,nav,main,footer{padding-left:10px;padding-right:10px}}'
		'.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums}caption{text-align:left;color:var(--soft);padding:4px 0}'
		'th,td{white-space:nowrap;padding:4px 14px 4px 0;text-align:left;border-bottom:1px solid var(--rule);font-weight:400;vertical-align:middle}thead th{color:var(--soft)}tr.this th,tr.this td{font-weight:600}'
		'details{margin:8px 0}summary{cursor:pointer;color:var(--blue)}kbd{font:15px ui-monospace,monospace;border:1px solid var(--rule);border-radius:4px;padding:0 5px}'
		'footer{color:var(--soft);font-size:14px;padding-bottom:30px}'
		'@media print{body{background:#fff;font-size:12px}h1{font-size:22px}h2{font-size:16px}h2,thead,caption,section>p{break-after:avoid}section{border:0;padding:0}'
		'.tiles{grid-template-columns:repeat(4,1fr)}.figure{font-size:22px}.cards{grid-template-columns:repeat(3,1fr)}.charts{grid-template-columns:1fr 1fr}.chart svg,.wide svg{min-width:0}'
		'.card,.chart,.tiles li,tr{break-inside:avoid}.scroll,.chart .scroll{overflow:visible}table{font-size:11px}th,td{white-space:normal;padding-right:8px}nav,.skip,details:not([open]){display:none}}',
		lead,
		(SELECT string_agg(format('<li><a href="#%s">%s</a></li>', m[1], m[2]), E'\n' ORDER BY n)
		   FROM unnest(sections) WITH ORDINALITY s(html, n), regexp_match(html, E'^<section id="([a-z]+)">\n<h2>([^<]*)') m),
		array_to_string(sections, ''), to_char(statement_timestamp(), 'YYYY-MM-DD HH24:MI'));
$$;
COMMENT ON FUNCTION hwr.html_page(text, text, text[]) IS 'the page around the sections of a report';

-- Sections that need readings of a table.
CREATE FUNCTION hwr.html_data_sections(readings hwr.reading[], pairs hwr.character_pair[], data regclass, label_column name, "by" name) RETURNS text[]
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT ARRAY[
		hwr.html_section('samples', 'Sample readings', 'Images chosen without regard to how well they were read. Under each image, where the network saw which character. '
			'In a reading, <mark>wavy</mark> is read wrongly, <ins>double underlined</ins> should not be there, <del>struck out</del> is missing.',
			hwr.html_gallery(readings, 'sample')),
		hwr.html_section('worst', 'The worst readings', 'Rows with the most errors for their length. Look here for broken scans, wrong labels, and kinds of writing that are missing among the training images.',
			hwr.html_gallery(readings, 'worst')),
		hwr.html_section('doubt', 'The least confident readings', 'What a person should check first when there are no labels.', hwr.html_gallery(readings, 'doubt')),
		hwr.html_section('suspects', 'Labels that may be wrong', 'The model reads something else than the label, is sure of it, and finds its own reading much likelier. Either the label is wrong, or the model is wrong with conviction.',
			hwr.html_gallery(readings, 'suspect')),
		hwr.html_section('groups', 'Where it is hard', 'Character error rate in groups of rows. Thin lines are 95&#8239;% intervals: groups whose intervals overlap widely need not differ.',
			'<div class="charts">' || hwr.html_cer_by(readings, 'length', 'CER by length of the label', 'characters') ||
			hwr.html_cer_by(readings, 'width', 'CER by width of the image', 'pixels') || hwr.html_cer_by(readings, 'ink', 'CER by amount of ink', '% of the image') ||
			CASE WHEN "by" IS NULL THEN '' ELSE hwr.html_cer_by(readings, 'by', 'CER by ' || "by", "by") END || '</div>'),
		hwr.html_section('reliability', 'Confidence', 'If a model knew exactly how sure to be, the marks would lie on the dashed line: of the readings it calls 90&#8239;% sure, 90&#8239;% would be right. '
			'<b>Confidence</b> is the chance, by the model, that the whole text is right.',
			hwr.html_reliability(readings)),
		hwr.html_section('data', 'The data', 'What is in the labels of ' || hwr.escape(data::text) || '.', hwr.html_distributions(data, label_column) || coalesce(hwr.html_problems(readings), ''))];
$$;
COMMENT ON FUNCTION hwr.html_data_sections(hwr.reading[], hwr.character_pair[], regclass, name, name) IS
'the sections of a report that show readings of a table';

CREATE FUNCTION hwr_report(model text DEFAULT NULL, data regclass DEFAULT NULL, version integer DEFAULT NULL,
						   image_column name DEFAULT NULL, label_column name DEFAULT NULL, "by" name DEFAULT NULL) RETURNS text
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	shown		text := coalesce($1, 'default');
	number		integer;
	readings	hwr.reading[];
	pairs		hwr.character_pair[];
	labelled	boolean := false;
	top			text[] := '{}';
	below		text[] := '{}';
BEGIN
	PERFORM hwr.check_model(shown);
	number := hwr.shown_version(shown, $3);
	IF NOT EXISTS (SELECT FROM hwr.shown_models m WHERE m.model = shown AND m.version IS NOT DISTINCT FROM number) THEN
		RAISE EXCEPTION 'model "%" has no version%', shown, coalesce(' ' || number, '') || ' that you may use'
			USING ERRCODE = 'undefined_object';
	END IF;
	IF $2 IS NOT NULL THEN
		readings := hwr.read_for_report($2, shown, number, $4, $5, $6);
		pairs := (SELECT @extschema@.hwr_confusion_matrix(r.label, r.guess) FROM unnest(readings) r);
		labelled := EXISTS (SELECT FROM unnest(readings) r WHERE r.distance IS NOT NULL);
		IF labelled THEN
			top := ARRAY[hwr.html_section('glance', 'At a glance', 'Measured on ' || hwr.escape($2::text) || '. Smaller is better for CER and WER, larger for exact match.', hwr.html_figures(readings))];
			below := hwr.html_data_sections(readings, pairs, $2, $5, $6);
		ELSE
			below := ARRAY[
				hwr.html_section('samples', 'Sample readings', 'There are no labels to compare with. Under each image, where the network saw which character.', hwr.html_gallery(readings, 'sample')),
				hwr.html_section('doubt', 'The least confident readings', 'What a person should check first.', hwr.html_gallery(readings, 'doubt') || coalesce(hwr.html_problems(readings), ''))];
		END IF;
	END IF;
	IF NOT labelled THEN
		pairs := (SELECT array_agg(ROW(c.truth, c.guess, c.count)::hwr.character_pair) FROM @extschema@.hwr_confusions(shown, number) c);
	END IF;
	top := top || hwr.html_section('model', 'The model', 'What it is, what it learned from, and how its versions did.', hwr.html_model(shown, number) || hwr.html_versions(shown, number)) ||
		hwr.html_section('training', 'Training', 'Training loss should fall and validation loss follow it; where validation loss turns up again, the model begins to learn by heart. The best epoch is the one that was kept.',
			hwr.html_training(shown, number));
	IF pairs IS NOT NULL THEN
		below := CASE WHEN labelled THEN below[1:1] ELSE '{}' END || hwr.html_section('errors', 'Errors',
			'Which characters are taken for which.', hwr.html_errors(pairs, readings) || '<div class="charts">' ||
			hwr.html_chart(hwr.draw_confusions(pairs, 'Confusions', 18), NULL) || hwr.html_characters(pairs) || '</div>') ||
			CASE WHEN labelled THEN below[2:] ELSE below END;
	END IF;
	RETURN hwr.html_page(format('Handwriting model %s, %s', shown, coalesce('version ' || number, 'as it comes with hwr')),
		CASE WHEN $2 IS NULL THEN 'What is stored about it. Name a table of labelled images, hwr_report(model, data), to see readings too.'
			 ELSE 'Its readings of the images of ' || hwr.escape($2::text) || ', compared with what is written there.' END,
		CASE WHEN labelled THEN top[1:1] || below[1:2] || top[2:] || below[3:] ELSE top || below END);
END $$;
COMMENT ON FUNCTION hwr_report(text, regclass, integer, name, name, name) IS
'one HTML page about a model, and about its readings of a table where one is named: figures, charts, errors, samples';
