--
-- Models that come with the extension: files in the share directory
--
SELECT model, active, validation_cer BETWEEN 0.01 AND 0.5 AS validation, evaluation_cer BETWEEN 0.01 AND 0.5 AS evaluation, exact_match BETWEEN 0.1 AND 1 AS exact_match, parameters > 0 AS parameters, bytes > 0 AS bytes,
	architecture LIKE '[1,48,%' AS architecture, alphabet LIKE '%ABC%' AS alphabet, options->>'preset' AS preset
	FROM hwr_bundled_model_details ORDER BY model COLLATE "C";

-- Reading without any training: without a name, as default, under the file's name, in an array, n best.
SELECT hwr_recognize(image) IS NOT NULL AS read,
	hwr_recognize(image) = hwr_recognize(image, 'default') AS by_default,
	hwr_recognize(image) = hwr_recognize(image, 'latin') AS by_name,
	hwr_recognize(image) = (hwr_recognize_batch(ARRAY[image]))[1] AS in_array,
	hwr_score(image, 'A') < 0 AS score
	FROM strokes WHERE id = 1;
SELECT count(*) FROM strokes, hwr_recognize_nbest(image, 3) WHERE id = 1;

-- Anyone may use them, and a standby or a read-only transaction can.
CREATE ROLE regress_hwr_anyone;
GRANT SELECT ON strokes TO regress_hwr_anyone;
SET ROLE regress_hwr_anyone;
BEGIN READ ONLY;
SELECT hwr_recognize(image) IS NOT NULL AS read FROM strokes WHERE id = 1;
COMMIT;
RESET ROLE;
REVOKE SELECT ON strokes FROM regress_hwr_anyone;
DROP ROLE regress_hwr_anyone;

-- Only plain names lead to files.
SELECT hwr_recognize(image, '../hwr/names') FROM strokes WHERE id = 1;
SELECT hwr_recognize(image, 'names.safetensors') FROM strokes WHERE id = 1;
SELECT hwr_recognize(image, 'Names') FROM strokes WHERE id = 1;

-- They have no version to name, to activate or to drop, and no figures are kept.
SELECT hwr_export_model('names', 1);
SELECT hwr_activate_model('names', 1);
SELECT hwr_activate_model('names', NULL);
SELECT hwr_drop_model('names');
SELECT hwr_grant_model('names', 'public');
SELECT images FROM hwr_evaluate('strokes');
SELECT count(*) > 0 AS shown FROM hwr_metrics('names');
SELECT count(*) > 0 AS shown FROM hwr_confusions('names');
SELECT hwr_report() LIKE '%as it comes with hwr%comes with hwr</dd>%' AS report;
SELECT hwr_report('names', 'strokes') LIKE '%</html>%' AS report;

-- A model of the same name in the database takes their place, until it is dropped.
SELECT hwr_import_model(stroke_model(), 'default');
SELECT model, active FROM hwr_bundled_models ORDER BY model COLLATE "C";
SELECT label, hwr_recognize(image), hwr_recognize(image, 'names') <> label AS other FROM strokes WHERE id = 1;
-- The bundled one can be chosen, and then an import does not take its place in silence.
SELECT hwr_activate_model('default', NULL);
SELECT model, active, chosen FROM hwr_bundled_models ORDER BY model COLLATE "C";
SELECT hwr_import_model(stroke_model(), 'default');
SELECT hwr_recognize(image) = hwr_recognize(image, 'latin') AS bundled FROM strokes WHERE id = 1;
SELECT hwr_drop_model('default');
SELECT hwr_recognize(image) = hwr_recognize(image, 'latin') AS bundled_again FROM strokes WHERE id = 1;

-- Stored, it is a model like any other.
SELECT hwr_import_model(hwr_export_model('latin'), 'mine');
SELECT hwr_recognize(image) = hwr_recognize(image, 'mine') AS same FROM strokes WHERE id = 1;
SELECT hwr_export_model('mine') = hwr_export_model() AS same_file, length(hwr_export_model(half => true)) = length(hwr_export_model()) AS half_already;
SELECT images FROM hwr_evaluate('strokes', 'mine');
SELECT count(*) FROM hwr_metrics('mine');
SELECT hwr_drop_model('mine');

-- A field with a frame, uneven light and no writing is empty, whatever a network would make of it.
CREATE TABLE blank_field AS SELECT decode('iVBORw0KGgoAAAANSUhEUgAAAGAAAAAgCAAAAADIqyKIAAAARklEQVR42u3Wyw2AIADAUIZw/8UA+SlzmJAu4EESk74Fem04PhY2BOZy48JAR0NFwYmMhLgYMGDAgAEDBgwYMPAm8PO7fgABJ/pBeWwImwAAAABJRU5ErkJggg==', 'base64') AS image;
SELECT hwr_recognize(image, 'names') = '' AS empty FROM blank_field;
SELECT rank, text = '' AS empty, confidence < 0.2 AS low FROM blank_field, hwr_recognize_nbest(image, 1, 'names');
DROP TABLE blank_field;

-- A bundled model has no versions.
SELECT count(*) FROM hwr_readings('strokes', 'names', 3);
