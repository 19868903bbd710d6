--
-- Models that find lines: hwr_train_lines, hwr.line_model, and what they are refused for
--
SET hwr.line_model = '';
CREATE TABLE tl_pages (page bytea, document xml);
-- The page of test "page" with ground truth of its heading and columns, three times
INSERT INTO tl_pages SELECT page, convert_from(convert_to('<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"><Page imageFilename="a" imageWidth="620" imageHeight="310"><TextRegion id="r">'
		|| (SELECT string_agg(format('<TextLine id="l%s"><Coords points="%s,%s %s,%s %s,%s %s,%s"/><Baseline points="%s,%s %s,%s"/></TextLine>',
			line, x0, y0, x1, y0, x1, y1, x0, y1, x0, y1 - 5, x1, y1 - 5), '')
			FROM (SELECT line, round((o[1])[0])::int AS x0, round((o[0])[0])::int AS x1, round((o[1])[1])::int AS y0, round((o[0])[1])::int AS y1
				FROM (SELECT line, outline::box AS o FROM hwr_lines(page) WHERE kind = 'text') b) c)
		|| '</TextRegion></Page></PcGts>', 'UTF8'), 'UTF8')::xml
	FROM page, generate_series(1, 3);
INSERT INTO tl_pages VALUES ('no image', '<PcGts><Page/></PcGts>'), (NULL, '<PcGts><Page/></PcGts>');
RESET hwr.line_model;

-- A small network learns for a few steps.
\set small '[1,256,0,1 Cr3,3,4,2,2 Bn Cr3,3,4,2,2 Bn O2l4]'
SELECT model, version, pages, validation_pages, lines > 10 AS lines, skipped, steps, loss > 0 AS loss, validation_loss > 0 AS validation, seconds >= 0 AS seconds
	FROM hwr_train_lines('tl_pages', 'tl_small', steps => 20, architecture => :'small', validation => 3);
SELECT model, version, active, alphabet = '' AS no_alphabet, architecture FROM hwr_model_details WHERE model = 'tl_small';
SELECT version, loss < 10 AS loss FROM hwr_train_lines('tl_pages', 'tl_small', steps => 5, base => 'tl_small', validation => 0);
-- The same again is the same, bit for bit.
SELECT hwr_train_lines('tl_pages', 'tl_again', steps => 20, architecture => :'small', validation => 3) IS NOT NULL AS trained;
SELECT hwr_export_model('tl_small', 1) = hwr_export_model('tl_again') AS same;
-- It ends when its time is over, measured and stored.
SELECT steps < 1000000 AS early, best_step BETWEEN 1 AND steps AS best, validation_loss > 0 AS validation
	FROM hwr_train_lines('tl_pages', 'tl_again', steps => 1000000, architecture => :'small', validation => 3, max_minutes => 0.02);
-- It goes out and in, and finds lines, whatever it thinks of them.
SELECT hwr_import_model(hwr_export_model('tl_small', half => true), 'tl_half');
SET hwr.line_model = 'tl_half';
SELECT count(*) FILTER (WHERE (kind = 'text') = (reason IS NULL)) = count(*) AS found FROM page, hwr_lines(page);
-- Each kind is refused for the other's work.
SELECT outcome($$SELECT hwr_recognize(page, 'tl_small') FROM page$$);
SELECT outcome($$SELECT hwr_read_page(page, 'tl_small') FROM page$$);
SELECT outcome($$SELECT hwr_export_model('tl_small', format => 'onnx')$$);
SELECT hwr_import_model(stroke_model(), 'tl_strokes');
SET hwr.line_model = 'tl_strokes';
SELECT outcome($$SELECT count(*) FROM page, hwr_lines(page)$$);
SELECT outcome($$SELECT hwr_train_lines('tl_pages', 'tl_x', base => 'tl_strokes')$$);
SET hwr.line_model = 'tl_none';
SELECT outcome($$SELECT count(*) FROM page, hwr_lines(page)$$);
-- Without a model
SET hwr.line_model = '';
SELECT count(*) FROM page, hwr_lines(page) WHERE kind = 'text';
RESET hwr.line_model;
-- With the bundled one, what the other way would have found besides is rejected, with a reason.
SELECT count(*) BETWEEN 8 AND 10 AS about_nine FROM page, hwr_lines(page) WHERE kind = 'text';
SELECT bool_and(reason IS NOT NULL) IS NOT false AS reasons FROM page, hwr_lines(page) WHERE kind = 'rejected';

-- Errors
SELECT outcome($$SELECT hwr_train_lines(NULL)$$);
SELECT outcome($$SELECT hwr_train_lines('tl_pages', NULL)$$);
SELECT outcome($$SELECT hwr_train_lines('tl_pages', 'tl_x', steps => 0)$$);
SELECT outcome($$SELECT hwr_train_lines('tl_pages', 'tl_x', validation => 1)$$);
SELECT outcome($$SELECT hwr_train_lines('tl_pages', 'tl_x', batch => 65)$$);
SELECT outcome($$SELECT hwr_train_lines('tl_pages', 'tl_x', max_minutes => 0)$$);
SELECT outcome($$SELECT hwr_train_lines('tl_pages', 'tl_x', max_minutes => 'NaN')$$);
SELECT outcome($$SELECT hwr_train_lines('tl_pages', 'tl_x', page_column => 'image')$$);
SELECT outcome($$SELECT hwr_train_lines('tl_pages', 'tl_x', architecture => '[1,16,64,1 Mp8,4 S1(1x0)1,3 O1c4]')$$);
SELECT outcome($$SELECT hwr_train_lines('tl_pages', 'tl_x', architecture => '[1,256,0,1 Cr3,3,4,4,4 O2l3]')$$);
SELECT outcome($$SELECT hwr_train_lines('tl_pages', 'tl_x', architecture => '[1,256,0,1 Cr3,3,4,4,4 O2x3]')$$);
SELECT outcome($$SELECT hwr_train_lines('tl_pages', 'tl_x', architecture => '[1,256,0,1 O2l4]', base => 'tl_small')$$);
SELECT outcome($$SELECT hwr_train_lines('tl_pages', 'tl_x', base => 'tl_none')$$);
CREATE TABLE tl_empty (page bytea, document xml);
SELECT outcome($$SELECT hwr_train_lines('tl_empty', 'tl_x')$$);
-- Reading text cannot be learned by such a network.
SELECT outcome($$SELECT hwr_train('strokes', 'tl_x', options => '{"architecture": "[1,256,0,1 O2l4]"}')$$);
-- Nothing was stored by what failed.
SELECT count(*) FROM hwr_model_details WHERE model = 'tl_x';
DROP TABLE tl_empty;
SELECT hwr_drop_model(m) FROM unnest('{tl_small,tl_again,tl_half,tl_strokes}'::text[]) m;
