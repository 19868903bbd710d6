--
-- Pages in and out: PAGE XML, ALTO, hOCR
--
-- Lines found without a model: those of a model change with it (train_lines.sql).
SET hwr.line_model = '';

-- What is written can be read: the same lines, texts, places.
SELECT count(*), count(*) FILTER (WHERE l.text = r.text) AS texts, count(*) FILTER (WHERE l.region = 'r' || r.region) AS regions,
	count(*) FILTER (WHERE abs(((l.outline::box)[0])[0] - ((r.outline::box)[0])[0]) <= 0.5 AND npoints(l.outline) = npoints(r.outline)) AS outlines,
	count(*) FILTER (WHERE npoints(l.baseline) = npoints(r.baseline)) AS baselines, count(l.image) AS images
	FROM page, hwr_pagexml_lines(hwr_pagexml(page, 'strokes'), page) l, hwr_read_page(page, 'strokes') r WHERE l.line = r.line;
SELECT count(*), count(*) FILTER (WHERE l.text = r.text) AS texts, count(*) FILTER (WHERE l.region = 'r' || r.region) AS regions,
	count(*) FILTER (WHERE abs(((l.outline::box)[0])[0] - ((r.outline::box)[0])[0]) <= 0.5 AND npoints(l.outline) = npoints(r.outline)) AS outlines,
	count(*) FILTER (WHERE npoints(l.baseline) = npoints(r.baseline)) AS baselines, count(l.image) AS images
	FROM page, hwr_alto_lines(hwr_alto(page, 'strokes'), page) l, hwr_read_page(page, 'strokes') r WHERE l.line = r.line;
SELECT (xpath('count(//*[@class="ocr_line"])', hocr))[1] AS lines, (xpath('count(//*[@class="ocr_par"])', hocr))[1] AS paragraphs,
	(xpath('string(//*[@class="ocr_page"]/@title)', hocr))[1] AS page
	FROM page, hwr_hocr(page, 'strokes', 'scan 1.png') hocr;
SELECT (xpath('string(/*/*/@imageFilename)', document))[1] AS file, (xpath('string(/*/*/@imageWidth)', document))[1] AS width,
	(xpath('string(/*/*/@imageHeight)', document))[1] AS height, (xpath('count(//*[local-name()="TextRegion"])', document))[1] AS regions
	FROM page, hwr_pagexml(page, 'strokes', 'a <b> & "c".png') document;
SELECT hwr_pagexml(NULL) IS NULL AS page, hwr_alto(NULL) IS NULL AS alto, hwr_hocr(NULL) IS NULL AS hocr;
-- Blank paper makes a page without lines.
SELECT (SELECT count(*) FROM hwr_pagexml_lines(hwr_pagexml(part, 'strokes'))) AS page, (SELECT count(*) FROM hwr_alto_lines(hwr_alto(part, 'strokes'))) AS alto
	FROM page, hwr_crop(page, polygon(box '(2,2),(60,30)')) part;

-- PAGE as others write it: any namespace or none, points as elements, words without a line's text, a choice of texts
SELECT line, id, region, text, baseline, outline FROM hwr_pagexml_lines('<PcGts><Page><TextRegion id="a">
	<TextLine id="one"><Coords points="0,0 10,0 10,5 0,5"/><Baseline points="0,4 10,4"/><TextEquiv><Unicode>A &amp; B</Unicode></TextEquiv></TextLine>
	<TextLine id="two"><Coords><Point x="1" y="2"/><Point x="9" y="2"/><Point x="9" y="8"/></Coords>
		<Word><TextEquiv><Unicode>two</Unicode></TextEquiv></Word><Word><TextEquiv><Unicode>words</Unicode></TextEquiv></Word></TextLine></TextRegion>
	<TextRegion><TextLine><Coords points=""/><TextEquiv index="1"><Unicode>second</Unicode></TextEquiv><TextEquiv index="0"><Unicode>first</Unicode></TextEquiv></TextLine>
	<TextLine id="bare"/></TextRegion></Page></PcGts>');
SELECT count(*) FROM hwr_pagexml_lines('<p:PcGts xmlns:p="http://schema.primaresearch.org/PAGE/gts/pagecontent/2013-07-15"><p:Page><p:TextRegion><p:TextLine/></p:TextRegion></p:Page></p:PcGts>');
SELECT count(*) FROM hwr_pagexml_lines(NULL);
SELECT count(*) FROM hwr_pagexml_lines('<PcGts><Page/></PcGts>');
-- Numbers without a digit before the point, choices of texts of words, and a baseline that goes nowhere
SELECT text, baseline, outline, image IS NOT NULL AS image FROM page, hwr_pagexml_lines('<PcGts><Page><TextRegion>
	<TextLine><Coords points=".5,2 7.,20 30,60"/><Word><TextEquiv index="1"><Unicode>second</Unicode></TextEquiv><TextEquiv index="0"><Unicode>first</Unicode></TextEquiv></Word></TextLine>
	<TextLine><Coords points="10,10 60,10 60,30 10,3e1"/><Baseline points="20,25 20,25"/></TextLine></TextRegion></Page></PcGts>', page);

-- ALTO: points with and without commas, a baseline of one number, no shape, hyphens and spaces
SELECT line, id, region, text, baseline, outline FROM hwr_alto_lines('<alto xmlns="http://www.loc.gov/standards/alto/ns-v2#"><Description><MeasurementUnit>pixel</MeasurementUnit></Description>
	<Layout><Page><PrintSpace><TextBlock ID="b">
	<TextLine ID="one" BASELINE="0,4 10,4" HPOS="0" VPOS="0" WIDTH="10" HEIGHT="5"><Shape><Polygon POINTS="0 0 10 0 10 5 0 5"/></Shape><String CONTENT="A &amp;"/><SP/><String CONTENT="B"/></TextLine>
	<TextLine ID="two" BASELINE="14" HPOS="0" VPOS="10" WIDTH="10" HEIGHT="5"><String CONTENT="two"/><String CONTENT="wor"/><HYP CONTENT="-"/></TextLine>
	<TextLine/></TextBlock></PrintSpace></Page></Layout></alto>');
SELECT count(*) FROM hwr_alto_lines(NULL);

-- Errors
SELECT outcome($$SELECT * FROM hwr_pagexml_lines('<alto/>')$$);
SELECT outcome($$SELECT * FROM hwr_alto_lines('<PcGts/>')$$);
SELECT outcome($$SELECT * FROM hwr_alto_lines('<alto><Description><MeasurementUnit>mm10</MeasurementUnit></Description><Layout/></alto>')$$);
SELECT outcome($$SELECT * FROM hwr_pagexml_lines('<PcGts><Page><TextLine id="x"><Coords points="1,2 3"/></TextLine></Page></PcGts>')$$);
SELECT outcome($$SELECT * FROM hwr_pagexml_lines('<PcGts><Page><TextLine id="x"><Coords points="1,2 a,b"/></TextLine></Page></PcGts>')$$);
SELECT outcome(format('SELECT * FROM hwr_pagexml_lines(''<PcGts><Page><TextLine id="x"><Coords points="1,2 %s"/></TextLine></Page></PcGts>'')', p))
	FROM unnest('{"1.2.3,4","1-2,3","e,.","1,2e",". ,1"}'::text[]) p;
SELECT outcome($$SELECT * FROM hwr_pagexml_lines('<PcGts><Page><TextLine>', NULL)$$) LIKE '2200N%' AS broken;
-- Nothing outside the document is read.
SELECT outcome($$SELECT * FROM hwr_pagexml_lines('<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><PcGts><Page><TextLine><TextEquiv><Unicode>&e;</Unicode></TextEquiv></TextLine></Page></PcGts>')$$) LIKE '2200N%' AS refused;
SELECT outcome($$SELECT hwr_pagexml_lines('<PcGts><Page><TextLine/></Page></PcGts>', 'x')$$);
SELECT outcome($$SELECT hwr_alto(page, 'nobody') FROM page$$);

-- A picture: one outline a line, numbers in order, readings above
SELECT (xpath('count(//*[local-name()="polygon" and not(@stroke-dasharray)])', svg))[1]::text::int AS lines,
	(xpath('count(//*[local-name()="polyline"])', svg))[1]::text::int AS baselines, (xpath('count(//*[local-name()="image"])', svg))[1]::text::int AS image,
	(SELECT array_agg(t::text ORDER BY i) FROM unnest(xpath('//*[local-name()="text" and @text-anchor="end"]/text()', svg)) WITH ORDINALITY AS n (t, i)) AS numbers
	FROM page, CAST(hwr_plot_page(page, readings => false) AS xml) svg;
SELECT count(*) FROM page, CAST(hwr_plot_page(page, 'strokes') AS xml) svg, unnest(xpath('//*[local-name()="text" and not(@text-anchor)]', svg)) t
	HAVING count(*) <> (SELECT count(*) FROM page, hwr_read_page(page, 'strokes') WHERE text <> '');
SELECT hwr_plot_page(NULL) IS NULL AS null;
SELECT outcome($$SELECT hwr_plot_page('x')$$);
SELECT outcome($$SELECT hwr_plot_page(page, turn => 1) FROM page$$);

-- What the functions mean depends on none of these settings of the session.
CREATE VIEW written AS SELECT i, regexp_replace(x, '[0-9-]+T[0-9:]+', 'T', 'g') AS x, NULL::polygon AS outline, NULL::path AS baseline
	FROM page, unnest(ARRAY[hwr_pagexml(page, 'strokes')::text, hwr_alto(page, 'strokes')::text, hwr_hocr(page, 'strokes')::text, hwr_plot_page(page, 'strokes')]) WITH ORDINALITY w (x, i)
	UNION ALL SELECT 5, text, outline, baseline FROM hwr_alto_lines('<alto><Layout><TextLine BASELINE=" 14 " HPOS="10.25" VPOS="110.5" WIDTH="10" HEIGHT="5"/></Layout></alto>')
	UNION ALL SELECT 6, text, outline, baseline FROM hwr_pagexml_lines('<PcGts><Page><TextLine><Coords points="1.25,2 30,4 50,60"/><Baseline points="1.5,1.5 2,3"/></TextLine></Page></PcGts>');
CREATE TABLE written_before AS SELECT * FROM written;
\c -
SET hwr.line_model = '';
SET escape_string_warning = off;
SET standard_conforming_strings = off;
SET extra_float_digits = -15;
SET bytea_output = 'escape';
SET quote_all_identifiers = on;
SET xmloption = 'document';
CREATE TABLE written_with AS SELECT * FROM written;
RESET ALL;
SELECT i, b.x = w.x AND (i < 5 OR b.outline ~= w.outline AND pclose(b.baseline)::polygon ~= pclose(w.baseline)::polygon) AS same FROM written_before b JOIN written_with w USING (i) ORDER BY i;
DROP TABLE written_before, written_with;
DROP VIEW written;

DROP TABLE page;
SELECT hwr_drop_model('strokes');
