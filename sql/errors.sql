--
-- What goes wrong, with its SQLSTATE
--
SELECT hwr_import_model(stroke_model(), 'strokes');

-- Not an image
SELECT outcome($$SELECT hwr_recognize(''::bytea, 'strokes')$$);
SELECT outcome($$SELECT hwr_recognize('plain text'::bytea, 'strokes')$$);
SELECT outcome($$SELECT hwr_recognize('\x00'::bytea, 'strokes')$$);
SELECT outcome($$SELECT hwr_recognize('GIF89a'::bytea, 'strokes')$$);
SELECT outcome(format('SELECT hwr_recognize(%L::bytea, ''strokes'')', substr(image, 1, n))) AS outcome, count(*)
	FROM strokes, generate_series(0, octet_length(image) - 13) n WHERE id = 3 GROUP BY outcome;
SELECT hwr_recognize(substr(image, 1, 60), 'strokes') FROM strokes WHERE id = 3;

-- A JPEG that ends too early
SELECT outcome(format('SELECT hwr_recognize(%L::bytea, ''strokes'')', substr(jpeg, 1, n))) AS outcome, count(*)
	FROM (VALUES ('\xffd8ffe000104a46494600010100000100010000ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffc0000b080010004001011100ffc400160001010100000000000000000000000000000901ffc40018100100030100000000000000000000000000094785c4ffda0008010100003f00c9cea4f6f809cea4f6f815512ae73a93dbe0554012ae73a93dbe05544ab9cea4f6f809cea4f6f8155007ffd9'::bytea)) v (jpeg), generate_series(0, octet_length(jpeg) - 3) n GROUP BY outcome;

-- A header of 60,000 x 60,000 pixels, a limit on pixels, one on bytes
SELECT outcome($$SELECT hwr_recognize('\x89504e470d0a1a0a0000000d494844520000ea600000ea600800000000a5b92a9e0000000b49444154789c6360800100000a00017f80745e0000000049454e44ae426082'::bytea, 'strokes')$$);
SET hwr.max_image_pixels = 1023;
SELECT hwr_recognize(image, 'strokes') FROM strokes WHERE id = 3;
SELECT outcome($$SELECT hwr_recognize(image, 'strokes') FROM strokes$$);
SET hwr.max_image_pixels = 1024;
SELECT hwr_recognize(image, 'strokes') FROM strokes WHERE id = 3;
RESET hwr.max_image_pixels;
SET hwr.max_image_bytes = '1kB';
SELECT hwr_recognize(image || convert_to(repeat('x', 2000), 'UTF8'), 'strokes') FROM strokes WHERE id = 3;
SELECT hwr_recognize_batch(ARRAY[image, image || convert_to(repeat('x', 2000), 'UTF8')], 'strokes') FROM strokes WHERE id = 3;
SELECT outcome($$SELECT hwr_recognize(image || convert_to(repeat('x', 2000), 'UTF8'), 'strokes') FROM strokes$$);
RESET hwr.max_image_bytes;

-- No such model
SELECT hwr_recognize('x'::bytea, 'nobody');
SELECT outcome($$SELECT hwr_recognize('x'::bytea, '')$$);
SELECT outcome($$SELECT hwr_recognize('x'::bytea, 'nobody')$$);
SELECT outcome($$SELECT hwr_recognize_batch('{x}'::bytea[], 'nobody')$$);
SELECT outcome($$SELECT hwr_recognize('x'::bytea, repeat('x', 64))$$);
SELECT outcome($$SELECT hwr_recognize_batch('{{x},{y}}'::bytea[], 'strokes')$$);
SELECT outcome($$SELECT hwr_activate_model('nobody', 1)$$);
SELECT outcome($$SELECT hwr_activate_model('strokes', 2)$$);
SELECT outcome($$SELECT hwr_drop_model('nobody')$$);
SELECT outcome($$SELECT hwr_export_model('nobody')$$);
SELECT outcome($$SELECT hwr_evaluate('strokes', 'nobody')$$);
SELECT outcome($$SELECT * FROM hwr_metrics('nobody')$$);
SELECT outcome($$SELECT * FROM hwr_confusions('nobody')$$);
SELECT outcome($$SELECT * FROM hwr_history('nobody')$$);

-- Models
SELECT outcome($$SELECT hwr_import_model('x', 'strokes')$$);
SELECT outcome($$SELECT hwr_import_model(NULL, 'strokes')$$);
SELECT outcome($$SELECT hwr_import_model(stroke_model('{"format_version": "3"}'), 'strokes')$$);
SELECT outcome($$SELECT hwr_import_model(stroke_model(), repeat('x', 64))$$);

-- Labelled tables
CREATE TABLE unlabelled (image bytea);
CREATE TABLE two (label text, image bytea, thumbnail bytea);
CREATE TABLE blank (label text, image bytea);
SELECT outcome($$SELECT hwr_evaluate('unlabelled', 'strokes')$$);
SELECT outcome($$SELECT hwr_evaluate('two', 'strokes')$$);
SELECT outcome($$SELECT hwr_evaluate('two', 'strokes', image_column => 'picture')$$);
SELECT outcome($$SELECT hwr_evaluate('two', 'strokes', image_column => 'label')$$);
SELECT outcome($$SELECT hwr_evaluate('blank', 'strokes')$$);
SELECT outcome($$SELECT hwr_evaluate('strokes_pkey', 'strokes')$$);
DROP TABLE unlabelled, two, blank;

-- Errors leave a session as it was.
SELECT count(*) FILTER (WHERE outcome(format('SELECT hwr_recognize(%L::bytea, ''strokes'')', 'bytes ' || n)) LIKE '22P03%') AS failed
	FROM generate_series(1, 500) n;
SELECT hwr_recognize(image, 'strokes') FROM strokes WHERE id = 3;
SELECT hwr_drop_model('strokes');
