--
-- Filled forms: hwr_fit_form, hwr_read_form
--
-- Drawn by tools/generate-forms: a blank form, a copy filled in and scanned, one photographed, and another form.
\set registration `base64 -w 0 test/data/forms/registration.jpg`
\set questionnaire `base64 -w 0 test/data/forms/questionnaire.jpg`
\set scan `base64 -w 0 test/data/forms/scan.jpg`
\set photo `base64 -w 0 test/data/forms/photo.jpg`
CREATE TABLE form_images (name text PRIMARY KEY, image bytea);
INSERT INTO form_images VALUES ('registration', decode(:'registration', 'base64')), ('questionnaire', decode(:'questionnaire', 'base64')),
	('scan', decode(:'scan', 'base64')), ('photo', decode(:'photo', 'base64'));
CREATE TABLE all_fields (blank text, name text, kind text, area box, cells integer);
\copy all_fields FROM 'test/data/forms/fields.csv' CSV HEADER
CREATE TABLE form_fields AS SELECT name, area, kind, NULL::text AS model, CASE WHEN name = 'pass' THEN 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789' END AS allow,
	CASE WHEN name = 'family_name' THEN ARRAY['SIMONSEN', 'FERNANDEZ', 'SAMSON', 'HERNANDEZ'] END AS lexicon, cells FROM all_fields;
CREATE TABLE truth (page text, form text, name text, kind text, text text, outline text);
\copy truth FROM 'test/data/forms/truth.csv' CSV HEADER FORCE NOT NULL text

-- Whether a page fits
SELECT p.name, b.name, f.fits, f.score > 0.9 AS well, f.score < 0.3 AS badly
FROM form_images p, form_images b, hwr_fit_form(p.image, b.image) f
WHERE b.name IN ('registration', 'questionnaire') ORDER BY 1, 2;

-- Where the fields are: within a few pixels of where they were drawn
CREATE TABLE form_read AS
	SELECT p.name AS page, r.* FROM form_images p, form_images b, hwr_read_form(p.image, b.image, 'form_fields') r
	WHERE p.name IN ('scan', 'photo') AND b.name = 'registration';
SELECT page, count(*), count(*) FILTER (WHERE area IS NULL OR image IS NULL OR fit NOT BETWEEN 0.4 AND 1 OR confidence NOT BETWEEN 0 AND 1) AS wrong
FROM form_read GROUP BY 1 ORDER BY 1;
SELECT r.page, max(abs(a.p[0] - t.p[0]) + abs(a.p[1] - t.p[1])) < 6 AS close
FROM form_read r JOIN truth t0 ON t0.page = r.page AND t0.name = r.field,
	LATERAL (SELECT (m[1] || ',' || m[2])::point, row_number() OVER () FROM regexp_matches(t0.outline, '([-0-9.]+) ([-0-9.]+)', 'g') m) t (p, n),
	LATERAL (SELECT (m[1] || ',' || m[2])::point, row_number() OVER () FROM regexp_matches(r.area::text, '\(([-0-9.e]+),([-0-9.e]+)\)', 'g') m) a (p, n)
WHERE a.n = t.n GROUP BY 1 ORDER BY 1;

-- Ticks and empty fields are exact.
SELECT r.page, t.kind = 'tick' AS tick, count(*), count(*) FILTER (WHERE r.text <> t.text) AS wrong
FROM form_read r JOIN truth t ON t.page = r.page AND t.name = r.field
WHERE t.kind = 'tick' OR t.text = '' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT r.page, count(*) FROM form_read r JOIN truth t ON t.page = r.page AND t.name = r.field
WHERE t.text <> '' AND r.text = '' GROUP BY 1;
-- Names of a list, most digits
SELECT r.page, r.text FROM form_read r WHERE r.field = 'family_name' ORDER BY 1;
SELECT count(*), count(*) FILTER (WHERE r.text = t.text) >= 6 AS most FROM form_read r JOIN truth t ON t.page = r.page AND t.name = r.field
WHERE t.kind NOT IN ('text', 'tick') AND t.text <> '';
SELECT page, text, value FROM form_read WHERE field = 'postcode' AND page = 'scan';
SELECT length(text) FROM form_read WHERE field = 'pass';
SELECT bool_and(value IS NULL OR value::date IS NOT NULL) FROM form_read WHERE field IN ('birthday', 'moved', 'signed_on');
-- Images are as large as the fields are on the page.
SELECT r.page, count(*) FILTER (WHERE abs(s.width - sqrt((t.p[0] - a.p[0]) ^ 2 + (t.p[1] - a.p[1]) ^ 2)) > 6) AS wrong
FROM form_read r, hwr_image_size(r.image) s,
	LATERAL (SELECT regexp_matches(r.area::text, '\(([-0-9.e]+),([-0-9.e]+)\)')) x (m), LATERAL (SELECT (x.m[1] || ',' || x.m[2])::point) a (p),
	LATERAL (SELECT (regexp_matches(r.area::text, '\([-0-9.e]+,[-0-9.e]+\),\([-0-9.e]+,[-0-9.e]+\),\(([-0-9.e]+,[-0-9.e]+)\)'))[1]::point) t (p) GROUP BY 1 ORDER BY 1;

-- The fields as a query, in its order, and as a regclass
CREATE FUNCTION read_scan(fields text, images boolean DEFAULT false, least_fit float8 DEFAULT 0.78, blank text DEFAULT 'registration', page text DEFAULT 'scan')
	RETURNS TABLE (field text, text text, value text, image bytea) LANGUAGE sql
	AS $$ SELECT r.field, r.text, r.value, r.image FROM form_images p, form_images b, hwr_read_form(p.image, b.image, fields, NULL, images, least_fit) r
		WHERE p.name = page AND b.name = blank $$;
SELECT field, text, value, image IS NULL FROM read_scan('SELECT * FROM form_fields WHERE kind = ''tick'' ORDER BY name DESC');
SELECT field, text, value FROM read_scan(' (VALUES (1)) ');
SELECT r.field, r.text FROM form_images p, form_images b, hwr_read_form(p.image, b.image, 'form_fields'::regclass) r
	WHERE p.name = 'scan' AND b.name = 'registration' AND r.field IN ('married', 'single') ORDER BY 1;
SELECT field FROM read_scan('SELECT * FROM form_fields WHERE false');
-- A polygon is its bounds; cells say how many boxes; whatever is left out is text.
SELECT field, text FROM read_scan($$SELECT 'p' AS name, polygon(area) AS area, 'integer'::varchar AS kind, 5 AS cells FROM form_fields WHERE name = 'postcode'$$);
SELECT count(*) FROM read_scan($$SELECT name, area FROM form_fields$$);
SELECT * FROM hwr_read_form(NULL, '\x00', 'form_fields');
SELECT count(*) FROM form_images p, hwr_read_form(p.image, NULL, 'form_fields');
SELECT count(*) FROM form_images p, hwr_read_form(p.image, p.image, NULL::text);
SELECT hwr_fit_form(NULL, image) IS NULL FROM form_images LIMIT 1;

-- A page that does not fit is an error.
\set VERBOSITY terse
SELECT * FROM read_scan('SELECT ''a'' AS name, box ''(20,20),(90,60)'' AS area', blank => 'questionnaire');
SELECT * FROM read_scan('form_fields', page => 'questionnaire');
\set VERBOSITY sqlstate
SELECT * FROM read_scan('form_fields', page => 'questionnaire', least_fit => 0);
\set VERBOSITY default
-- Another page of writing, no image, a picture with next to nothing on it
SELECT (hwr_fit_form((SELECT page FROM page), image)).fits FROM form_images WHERE name = 'registration';
SELECT outcome(format('SELECT * FROM hwr_fit_form(%L, %L)', '\x00'::bytea, image)) FROM form_images WHERE name = 'registration';
SELECT outcome(format('SELECT * FROM hwr_fit_form(%L, %L)', image, (SELECT image FROM strokes LIMIT 1))) FROM form_images WHERE name = 'scan';
SELECT f.score, f.fits, f.outline FROM form_images b, hwr_fit_form((SELECT image FROM strokes LIMIT 1), b.image) f WHERE b.name = 'registration';
-- Fields that are wrong
SELECT * FROM read_scan('no_such_table');
SELECT * FROM read_scan('SELECT 1 AS name');
SELECT * FROM read_scan('SELECT 1 AS name, ''(1,1),(2,2)''::box AS area');
SELECT * FROM read_scan('SELECT ''a'' AS name, 7 AS area');
SELECT * FROM read_scan('SELECT ''a'' AS name, box ''(1,1),(90,90)'' AS area, ''tock'' AS kind');
SELECT * FROM read_scan('SELECT ''a'' AS name, box ''(1,1),(1,1)'' AS area');
SELECT * FROM read_scan('SELECT ''a'' AS name, box ''(1,1),(9000,9000)'' AS area');
SELECT * FROM read_scan('SELECT ''a'' AS name, box ''(700,1),(800,90)'' AS area');
SELECT * FROM read_scan('SELECT NULL::text AS name, box ''(1,1),(9,9)'' AS area');
SELECT * FROM read_scan('SELECT ''a'' AS name, NULL::box AS area');
SELECT * FROM read_scan('SELECT ''a'' AS name, area, 0 AS cells FROM form_fields WHERE name = ''pass''');
SELECT * FROM read_scan('SELECT ''a'' AS name, area, ''date'' AS kind, ''[0-9]'' AS pattern FROM form_fields WHERE name = ''moved''');
SELECT * FROM read_scan('SELECT ''a'' AS name, area, ''comb'' AS kind FROM form_fields WHERE name = ''moved''');
SELECT * FROM read_scan('SELECT ''a'' AS name, area, ''no such'' AS model FROM form_fields WHERE name = ''moved''');
SELECT * FROM read_scan('SELECT ''a'' AS name, area, ARRAY[1] AS lexicon FROM form_fields WHERE name = ''moved''');
SELECT * FROM read_scan('SELECT x::text AS name, area FROM form_fields, generate_series(1, 2001) x');
SELECT * FROM read_scan('SELECT x::text AS name, box ''(0,0),(700,1000)'' AS area FROM generate_series(1, 20) x');
SELECT * FROM read_scan('form_fields', least_fit => 1.5);
SELECT * FROM read_scan('TABLE form_fields; DROP TABLE form_fields');
SELECT * FROM read_scan('WITH x AS (DELETE FROM form_fields RETURNING *) SELECT * FROM x');

-- As the caller: he may read the table of fields or not
CREATE ROLE regress_hwr_forms;
GRANT SELECT ON form_images TO regress_hwr_forms;
SET ROLE regress_hwr_forms;
SELECT * FROM read_scan('form_fields');
RESET ROLE;
DROP TABLE form_images, all_fields, form_fields, truth, form_read;
DROP FUNCTION read_scan;
DROP ROLE regress_hwr_forms;
