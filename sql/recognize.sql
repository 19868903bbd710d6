--
-- Reading images
--
SELECT hwr_import_model(stroke_model(), 'strokes');
SELECT id, label, hwr_recognize(image, 'strokes') FROM strokes ORDER BY id;

-- The model named default is what a call without a model means.
SELECT hwr_import_model(stroke_model(), 'default');
SELECT hwr_recognize(image) FROM strokes WHERE id = 1;
SELECT hwr_recognize(image, NULL) FROM strokes WHERE id = 1;
SELECT hwr_recognize(image => image, model => 'strokes') FROM strokes WHERE id = 1;

-- Parameters need no type, and neither do literals.
PREPARE untyped AS SELECT hwr_recognize($1, $2);
SELECT parameter_types FROM pg_prepared_statements WHERE name = 'untyped';
DEALLOCATE untyped;
SELECT hwr_recognize('\x');

-- NULL
SELECT hwr_recognize(NULL::bytea) IS NULL AS no_image, hwr_recognize_batch(NULL::bytea[]) IS NULL AS no_array;
SELECT hwr_recognize(NULL::bytea, 'nobody') IS NULL AS no_image;

-- Arrays: a text for each image, in order; NULL stays NULL; bounds are kept.
SELECT hwr_recognize_batch(array_agg(image ORDER BY id), 'strokes') = array_agg(label ORDER BY id) AS same FROM strokes;
SELECT hwr_recognize_batch(array_agg(CASE WHEN id <> 3 THEN image END ORDER BY id), 'strokes') FROM strokes;
SELECT hwr_recognize_batch('{NULL,NULL}', 'strokes');
SELECT hwr_recognize_batch('{}'::bytea[], 'strokes');
SELECT array_lower(hwr_recognize_batch(('[5:6]=' || array_agg(image ORDER BY id)::text)::bytea[], 'strokes'), 1) FROM strokes WHERE id < 3;
SELECT hwr_recognize_batch(array_agg(ARRAY[image]), 'strokes') FROM strokes;

-- More than one batch
SELECT count(*), count(*) FILTER (WHERE reading = label) AS same
	FROM (SELECT array_agg(label ORDER BY n, id) AS labels, hwr_recognize_batch(array_agg(image ORDER BY n, id), 'strokes') AS readings
			FROM strokes, generate_series(1, 9) n) a, unnest(labels, readings) AS u (label, reading);

-- An error tells which element it is about.
SELECT hwr_recognize_batch(ARRAY[image, NULL, 'xyz'], 'strokes') FROM strokes WHERE id = 1;

-- JPEG: grey, colour, CMYK
SELECT hwr_recognize('\xffd8ffe000104a46494600010100000100010000ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffc0000b080010004001011100ffc400160001010100000000000000000000000000000901ffc40018100100030100000000000000000000000000094785c4ffda0008010100003f00c9cea4f6f809cea4f6f815512ae73a93dbe0554012ae73a93dbe05544ab9cea4f6f809cea4f6f8155007ffd9'::bytea, 'strokes') AS grey;
SELECT hwr_recognize('\xffd8ffe000104a46494600010100000100010000ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffdb00430103040405040509050509140d0b0d1414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414ffc00011080010004003012200021101031101ffc400160001010100000000000000000000000000000901ffc40018100100030100000000000000000000000000094785c4ffc40014010100000000000000000000000000000000ffc40014110100000000000000000000000000000000ffda000c03010002110311003f00c9cea4f6f809cea4f6f809cea4f6f8155004ab9cea4f6f809cea4f6f809cea4f6f801550000007ffd9'::bytea, 'strokes') AS rgb;
SELECT hwr_recognize('\xffd8ffee000e41646f626500640000000000ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffc000140800100040044311004d11005911004b1100ffc400160001010100000000000000000000000000000901ffc40018100100030100000000000000000000000000094785c4ffda000e0443004d0059004b00003f00aa6aa6aa6c9cea4f6f800273a93dbe00155004ab9cea4f6f800554000000012ae73a93dbe00155004ab9cea4f6f800273a93dbe001550000001fffd9'::bytea, 'strokes') AS cmyk;

-- One pixel
SELECT hwr_recognize('\x89504e470d0a1a0a0000000d4948445200000001000000010100000000376ef9240000000a4944415478da6368000000820081da45083b0000000049454e44ae426082'::bytea,
	'strokes') AS one_pixel;

-- Any width
SELECT hwr_import_model(stroke_model('{"architecture": "[1,16,0,1 Mp8,4 S1(1x0)1,3 O1c4]"}'), 'wide');
SELECT id, hwr_recognize(image, 'wide') = label AS same FROM strokes ORDER BY id;

-- In a view, but not in an index: the function is stable, not immutable.
CREATE VIEW readings AS SELECT id, hwr_recognize(image, 'strokes') AS reading FROM strokes;
SELECT * FROM readings WHERE reading LIKE 'I%' ORDER BY id;
DROP VIEW readings;
CREATE INDEX ON strokes (hwr_recognize(image, 'strokes'));

-- In parallel workers
BEGIN;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_leader_participation = off;
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL hwr.batch = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM strokes WHERE hwr_recognize(image, 'strokes') = label;
SELECT count(*) FROM strokes WHERE hwr_recognize(image, 'strokes') = label;
ROLLBACK;

-- In a read-only transaction
BEGIN READ ONLY;
SELECT hwr_recognize(image, 'strokes') FROM strokes WHERE id = 7;
ROLLBACK;

-- The planner knows that reading is dear: the cheap condition goes first.
SET hwr.batch = off;
EXPLAIN (COSTS OFF) SELECT 1 FROM strokes WHERE hwr_recognize(image, 'strokes') = 'I' AND label = 'I';
RESET hwr.batch;

SELECT hwr_drop_model(model) FROM (SELECT DISTINCT model FROM hwr_models) m;

-- What is no JPEG or PNG file is named, with what to do.
SELECT hwr_recognize('\x49492a0008000000', 'names');
SELECT hwr_recognize('GIF89a', 'names');
SELECT hwr_recognize('\x0000001866747970686569630000', 'names');
SELECT hwr_recognize('%PDF-1.7', 'names');
SELECT hwr_recognize('/9j/4AAQSkZJRg==', 'names');
SELECT hwr_recognize('ffd8ffe000104a46', 'names');

-- Sides that no line of text has.
SELECT hwr_recognize('\x89504e470d0a1a0a0000000d4948445205f5e100000000010100000000', 'names');
