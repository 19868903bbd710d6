--
-- What applications call: bad images, batches with their problems, versions that are not active, hints
--
SELECT hwr_import_model(stroke_model(), 'app');
SELECT hwr_import_model(stroke_model('{"alphabet": "abc"}'), 'app', activate => false);
CREATE TABLE scans AS SELECT id, image, NULL::text AS text FROM strokes;
INSERT INTO scans VALUES (101, 'no image'), (102, ''), (103, NULL);

-- A bad image is an error that says what is the matter, or NULL, counted once a statement.
SELECT hwr_recognize(image, 'app') FROM scans WHERE id = 101;
SELECT hwr_recognize(image, 'app') FROM scans WHERE id = 102;
-- The CONTEXT finds the row, whichever function reads; of too many bytes it has the number.
CREATE FUNCTION row_of(statement text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	context text;
BEGIN
	EXECUTE statement;
	RETURN NULL;
EXCEPTION WHEN invalid_binary_representation OR program_limit_exceeded THEN
	GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
	RETURN (SELECT id FROM scans WHERE octet_length(image) = substring(context FROM 'octet_length (\d+)')::integer
		AND sha256(image) = coalesce(substring(context FROM 'sha256 (\\x[0-9a-f]+)')::bytea, sha256(image)));
END $$;
SELECT call, row_of('SELECT ' || call || ' FROM scans WHERE id > 100') FROM unnest(ARRAY['hwr_recognize(image, ''app'')',
	'hwr_recognize_batch(ARRAY[NULL, image], ''app'')', 'hwr_recognize_nbest(image, 1, ''app'')', 'hwr_score(image, ''I'', ''app'')',
	'hwr_canvas(image, ''app'')', 'hwr_posterior(image, ''app'')', 'hwr_posterior_batch(ARRAY[NULL, image], ''app'')',
	'hwr_image_size(image)', 'hwr_lines(image)', 'hwr_crop(image, ''(0,0),(1,0),(1,1)'')']) AS call;
SET hwr.max_image_bytes = '1kB';
INSERT INTO scans VALUES (104, convert_to(repeat('x', 1025), 'UTF8'));
SELECT row_of('SELECT hwr_recognize(image, ''app'') FROM scans WHERE id = 104');
RESET hwr.max_image_bytes;
DELETE FROM scans WHERE id = 104;
DROP FUNCTION row_of;
SET hwr.on_bad_image = 'null';
SELECT id, hwr_recognize(image, 'app') FROM scans WHERE id > 100 ORDER BY id;
UPDATE scans SET text = hwr_recognize(image, 'app');
SELECT count(*), count(text) FROM scans;
SELECT hwr_recognize_batch(array_agg(image ORDER BY id DESC), 'app') FROM scans WHERE id > 7;
SELECT count(hwr_recognize(image, 'app')) FROM scans WHERE id < 100;
SELECT hwr_recognize('\x89504e470d0a1a0a0000000d4948445200000001000000010100000000376ef9240000000a4944415478da6368000000820081da45083b0000000049454e44ae426082', 'nobody');
-- In a trigger for each row, and in a function: told once, by the statement that the client sent.
CREATE FUNCTION read_it() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.text := (SELECT hwr_recognize(NEW.image, 'app'));
	RETURN NEW;
END $$;
CREATE TRIGGER read_it BEFORE INSERT ON scans FOR EACH ROW EXECUTE FUNCTION read_it();
INSERT INTO scans SELECT 200 + id, image FROM scans WHERE id > 6;
SELECT count(*), count(text) FROM scans WHERE id > 200;
CREATE TABLE copied AS SELECT id, hwr_recognize(image, 'app') FROM scans WHERE id > 300;
-- What fails has told nothing, and leaves nothing for the next.
SELECT hwr_recognize(image, 'app'), 1 / (id - 102) FROM scans WHERE id IN (101, 102) ORDER BY id;
SELECT hwr_recognize(image, 'app') FROM scans WHERE id = 1;
SET hwr.on_bad_image = 'ignore';
RESET hwr.on_bad_image;
DROP TRIGGER read_it ON scans;
DELETE FROM scans WHERE id > 200;

-- One row an element, none lost
SELECT n, text, confidence BETWEEN 0 AND 1 AS confidence, problem
	FROM hwr_read_batch((SELECT array_agg(image ORDER BY id) FROM scans WHERE id > 6), 'app') ORDER BY n;
SELECT count(*), count(text), count(problem), sum(n) FROM hwr_read_batch((SELECT array_agg(image) FROM scans, generate_series(1, 5)), 'app');
SELECT bool_and(abs(r.confidence - exp(hwr_score(s.image, r.text, 'app'))) < 1e-4) AS probability
	FROM strokes s, hwr_read_batch(ARRAY[s.image], 'app') r;
SELECT * FROM hwr_read_batch('{}', 'app');
SELECT * FROM hwr_read_batch(NULL, 'app');
SELECT * FROM hwr_read_batch(ARRAY[ARRAY['x'::bytea]], 'app');
SELECT * FROM hwr_read_batch(ARRAY['x'::bytea], 'nobody');

-- A version that is not active
SELECT id, hwr_recognize(image, 'app') AS active, hwr_recognize(image, 'app', 1) AS first, hwr_recognize(image, 'app', 2) AS second,
	hwr_recognize(image, 'app', NULL) AS unsaid FROM strokes WHERE id < 4 ORDER BY id;
SELECT s.id, r.text FROM strokes s, hwr_recognize_nbest(s.image, 1, 'app', version => 2) r WHERE s.id < 4 ORDER BY s.id;
SELECT s.id, r.text FROM strokes s, hwr_read_batch(ARRAY[s.image], 'app', 2) r WHERE s.id < 4 ORDER BY s.id;
SELECT id, hwr_score(image, 'ab', 'app', 2) > hwr_score(image, 'ab', 'app') AS differs FROM strokes WHERE id = 2;
SELECT hwr_recognize(image, 'app', 3) FROM strokes WHERE id = 1;
SELECT hwr_recognize(image, 'app', 0) FROM strokes WHERE id = 1;
SELECT hwr_recognize(image, 'names', 1) FROM strokes WHERE id = 1;

-- Hints
SELECT hwr_recognize(image, 'apq') FROM strokes WHERE id = 1;
SELECT hwr_recognize(image, 'name') FROM strokes WHERE id = 1;
SELECT hwr_recognize(image, 'something else') FROM strokes WHERE id = 1;
CREATE ROLE regress_hwr_stranger;
GRANT SELECT ON strokes TO regress_hwr_stranger;
SET ROLE regress_hwr_stranger;
SELECT hwr_recognize(image, 'apq') FROM strokes WHERE id = 1;
RESET ROLE;
SELECT hwr_import_model(stroke_model('{"alphabet": "IVX", "case": "keep"}'), 'roman');
SELECT id, hwr_score(image, 'xiv', 'roman') FROM strokes WHERE id < 3 ORDER BY id;
SELECT hwr_score(image, 'abc', 'roman') FROM strokes WHERE id = 1;
SELECT text FROM strokes, hwr_recognize_nbest(image, 1, 'app', lexicon => ARRAY['I', 'apple', 'pear', 'plum', 'quince', 'cherry', repeat('long', 30), NULL]) WHERE id = 1;

-- With a lexicon, "none of these" keeps its share.
SELECT s.id, r.text, r.confidence < 0.2 AS doubted FROM strokes s, hwr_recognize_nbest(s.image, 1, 'app', lexicon => '{_,__}') r WHERE s.id = 2;
SELECT count(*) FILTER (WHERE r.text = s.label AND r.confidence > 0.5) AS sure
	FROM strokes s, hwr_recognize_nbest(s.image, 1, 'app', lexicon => ARRAY[s.label, '_', '__']) r WHERE s.label <> '';

-- The network's input
SELECT c.height, c.width, octet_length(c.ink) = c.height * c.width AS whole FROM strokes s, hwr_canvas(s.image, 'app') c WHERE s.id = 1;
SELECT * FROM hwr_canvas(NULL, 'app');
SELECT * FROM hwr_canvas('no image', 'app');
SELECT (hwr_canvas(image, 'app', 2)).ink = (hwr_canvas(image, 'app', 1)).ink AS same FROM strokes WHERE id = 1;

-- Who may use what
SELECT hwr_grant_model('app', 'regress_hwr_stranger');
SELECT model, role = current_user AS mine, CASE WHEN role <> current_user THEN role END AS role, versions, owner FROM hwr_model_grants WHERE model IN ('app', 'names') ORDER BY 1, 5, 3;
SET ROLE regress_hwr_stranger;
SELECT DISTINCT model FROM hwr_model_grants ORDER BY 1;
RESET ROLE;

SELECT hwr_drop_model('app'), hwr_drop_model('roman');
DROP TABLE scans, copied;
DROP FUNCTION read_it();
DROP OWNED BY regress_hwr_stranger;
DROP ROLE regress_hwr_stranger;
