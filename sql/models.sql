--
-- Models: import, export, activate, drop, and who may do it
--
CREATE ROLE regress_hwr_owner;
CREATE ROLE regress_hwr_reader;
GRANT SELECT ON strokes TO regress_hwr_owner, regress_hwr_reader;
GRANT EXECUTE ON FUNCTION hwr_import_model, hwr_activate_model, hwr_drop_model TO regress_hwr_owner, regress_hwr_reader;

SET ROLE regress_hwr_owner;
SELECT hwr_import_model(stroke_model(), 'strokes');
SELECT hwr_import_model(stroke_model('{"alphabet": "abc"}'), 'strokes');
SELECT hwr_import_model(stroke_model('{"alphabet": "Ixy"}'), 'strokes', activate => false);
SELECT model, version, active, owner, validation_cer, evaluation_cer, parameters, bytes > 400 AS bytes, architecture, alphabet, options, job
	FROM hwr_model_details ORDER BY model, version;

-- A file comes back as it went in.
SELECT hwr_export_model('strokes', 1) = stroke_model() AS first,
	hwr_export_model('strokes') = stroke_model('{"alphabet": "abc"}') AS active;
SELECT hwr_import_model(hwr_export_model('strokes', 1), 'copy');
SELECT hwr_export_model('copy') = stroke_model() AS same;

-- Activation is transactional.
SELECT hwr_recognize(image, 'strokes') FROM strokes WHERE id = 3;
BEGIN;
SELECT hwr_activate_model('strokes', 3);
SELECT hwr_recognize(image, 'strokes') FROM strokes WHERE id = 3;
ROLLBACK;
SELECT hwr_recognize(image, 'strokes') FROM strokes WHERE id = 3;
SELECT hwr_activate_model('strokes', 1);
SELECT hwr_recognize(image, 'strokes') FROM strokes WHERE id = 3;

-- A call site that outlives a statement follows it too.
DO $$
DECLARE
	ink bytea := (SELECT image FROM strokes WHERE id = 3);
	reading text;
BEGIN
	FOR v IN 1 .. 3 LOOP
		PERFORM hwr_activate_model('strokes', v);
		reading := hwr_recognize(ink, 'strokes');
		RAISE NOTICE 'version % reads %', v, reading;
	END LOOP;
END $$;
SELECT hwr_activate_model('strokes', 2);

-- The cache may be smaller than a model.
SET hwr.model_cache_size = 0;
SELECT hwr_recognize(image, 'strokes'), hwr_recognize(image, 'copy') FROM strokes WHERE id < 4 ORDER BY id;
RESET hwr.model_cache_size;

-- No such thing
SELECT hwr_activate_model('strokes', 4);
SELECT hwr_activate_model('strokes', 0);
SELECT hwr_activate_model('strokes', NULL);
SELECT hwr_activate_model('nobody', 1);
SELECT hwr_activate_model(NULL, 1);
SELECT hwr_drop_model('nobody');
SELECT hwr_drop_model('');
SELECT hwr_drop_model('strokes', 7);
SELECT hwr_export_model('nobody');
SELECT hwr_export_model('strokes', 7);
SELECT hwr_export_model('strokes', -1);
SELECT hwr_import_model(NULL, 'strokes');
SELECT hwr_import_model(stroke_model(), NULL);
SELECT hwr_import_model(stroke_model(), '');
SELECT hwr_import_model(stroke_model(), repeat('x', 64));

-- Another role sees and does nothing ...
SET ROLE regress_hwr_reader;
SELECT count(*) FROM hwr_models;
SELECT hwr_recognize(image, 'strokes') FROM strokes WHERE id = 3;
SELECT hwr_export_model('strokes');
SELECT hwr_activate_model('strokes', 1);
SELECT hwr_drop_model('strokes');
SELECT hwr_drop_model('strokes', 1);
SELECT hwr_import_model(stroke_model(), 'strokes');
SELECT count(*) FROM hwr.model;
INSERT INTO hwr.model (name) VALUES ('mine');

-- ... until it is granted a version's large object, which later versions inherit.
RESET ROLE;
SELECT weights AS loid FROM hwr_model_details WHERE model = 'strokes' AND version = 2 \gset
GRANT SELECT ON LARGE OBJECT :loid TO regress_hwr_reader;
SET ROLE regress_hwr_reader;
SELECT hwr_recognize(image, 'strokes') FROM strokes WHERE id = 3;
SELECT model, version, active FROM hwr_models ORDER BY model, version;
SELECT hwr_export_model('strokes', 1);
SET ROLE regress_hwr_owner;
SELECT hwr_import_model(stroke_model(), 'strokes', activate => true);
SET ROLE regress_hwr_reader;
SELECT hwr_recognize(image, 'strokes') FROM strokes WHERE id = 3;
SELECT model, version, active, owner FROM hwr_models ORDER BY model, version;
SELECT hwr_activate_model('strokes', 2);

-- A superuser's import into someone's model stays theirs.
RESET ROLE;
SELECT hwr_import_model(stroke_model(), 'strokes', activate => true);
SELECT DISTINCT owner FROM hwr_models WHERE model = 'strokes';

-- A member of the owner is as good as the owner.
GRANT regress_hwr_owner TO regress_hwr_reader;
SET ROLE regress_hwr_reader;
SELECT hwr_activate_model('strokes', 4);
SELECT model, version, active FROM hwr_models ORDER BY model, version;

-- Dropping
SET ROLE regress_hwr_owner;
SELECT hwr_drop_model('strokes', 4);
SELECT hwr_drop_model('strokes', 5);
SELECT hwr_import_model(stroke_model(), 'strokes', activate => true);	-- numbers are not used again
BEGIN;
SELECT hwr_drop_model('strokes');
SELECT hwr_recognize(image, 'strokes') FROM strokes WHERE id = 3;
ROLLBACK;
SELECT hwr_recognize(image, 'strokes') FROM strokes WHERE id = 3;
SELECT hwr_drop_model('copy', 1);	-- the only version: the model
SELECT model, version, active FROM hwr_models ORDER BY model, version;

-- Weights that someone has meddled with
RESET ROLE;
SELECT weights AS loid FROM hwr_model_details WHERE model = 'strokes' AND version = 2 \gset
\set VERBOSITY terse
SELECT lo_put(:loid, 400, '\x00');
SELECT hwr_export_model('strokes', 2);
SELECT lo_unlink(:loid);
SELECT hwr_export_model('strokes', 2);
\set VERBOSITY default
SELECT version FROM hwr_models WHERE model = 'strokes' ORDER BY version;
SELECT hwr_drop_model('strokes');
SELECT count(*) FROM hwr_models;
SELECT count(*) FROM pg_largeobject_metadata;

-- A model without an active version
SELECT hwr_import_model(stroke_model(), 'idle', activate => false);
SELECT hwr_recognize(image, 'idle') FROM strokes WHERE id = 3;
SELECT hwr_activate_model('idle', 1);
SELECT hwr_recognize(image, 'idle') FROM strokes WHERE id = 3;
SELECT hwr_drop_model('idle');

-- Nothing can be changed where nothing may be written.
BEGIN READ ONLY;
SELECT hwr_import_model(stroke_model(), 'strokes');
ROLLBACK;
BEGIN READ ONLY;
SELECT hwr_activate_model('strokes', 1);
ROLLBACK;
BEGIN READ ONLY;
SELECT hwr_drop_model('strokes');
ROLLBACK;

-- A damaged file, field by field
SELECT hwr_import_model('', 'bad');
\echo :LAST_ERROR_SQLSTATE
SELECT hwr_import_model('not a model', 'bad');
SELECT hwr_import_model(substr(stroke_model(), 1, 8), 'bad');
SELECT hwr_import_model(substr(stroke_model(), 1, 100), 'bad');
SELECT hwr_import_model(substr(stroke_model(), 1, length(stroke_model()) - 1), 'bad');
SELECT hwr_import_model(stroke_model() || '\x00', 'bad');
SELECT hwr_import_model('\xffffffffffffffff7b7d', 'bad');
SELECT hwr_import_model('\x02000000000000007b7d', 'bad');
SELECT hwr_import_model(stroke_model('{"format": "other"}'), 'bad');
SELECT hwr_import_model(stroke_model('{"format": null}'), 'bad');
SELECT hwr_import_model(stroke_model('{"format_version": "3"}'), 'bad');
\echo :LAST_ERROR_SQLSTATE
SELECT hwr_import_model(stroke_model('{"format_version": "one"}'), 'bad');
SELECT hwr_import_model(stroke_model('{"format_version": 1}'), 'bad');
SELECT hwr_import_model(stroke_model('{"version": null}'), 'bad');
SELECT hwr_import_model(stroke_model('{"architecture": null}'), 'bad');
SELECT hwr_import_model(stroke_model('{"architecture": "[1,16,64,1 Mp8,4 X O1c4]"}'), 'bad');
SELECT hwr_import_model(stroke_model('{"architecture": "[1,16,64,1 Mp8,4 S1(1x0)1,3 O1c5]"}'), 'bad');
SELECT hwr_import_model(stroke_model('{"architecture": "[1,16,64,1 Mp8,4 S1(1x0)1,3 Fr4 O1c4]"}'), 'bad');
SELECT hwr_import_model(stroke_model('{"architecture": "[1,16,64,1 Mp16,4 O1c4]"}'), 'bad');
SELECT hwr_import_model(stroke_model('{"architecture": "[1,999999999,999999999,1 O1c4]"}'), 'bad');
SELECT hwr_import_model(stroke_model('{"alphabet": null}'), 'bad');
SELECT hwr_import_model(stroke_model('{"alphabet": "I^"}'), 'bad');
SELECT hwr_import_model(stroke_model('{"alphabet": "_^I"}'), 'bad');
SELECT hwr_import_model(stroke_model('{"alphabet": "II^"}'), 'bad');
SELECT hwr_import_model(stroke_model('{"fit": "squeeze"}'), 'bad');
SELECT hwr_import_model(stroke_model('{"case": "title"}'), 'bad');
SELECT hwr_import_model(stroke_model('{"options": null}'), 'bad');
SELECT hwr_import_model(stroke_model('{"options": "{"}'), 'bad');
SELECT hwr_import_model(stroke_model('{"options": "[]"}'), 'bad');
SELECT hwr_import_model(stroke_model('{"result": "x"}'), 'bad');
SELECT hwr_import_model(stroke_model('{}', '{"2.output.bias": null}'), 'bad');
SELECT hwr_import_model(stroke_model('{}', '{"2.output.bias": {"dtype": "F32", "shape": [5], "data_offsets": [32, 48]}}'), 'bad');
SELECT hwr_import_model(stroke_model('{}', '{"2.output.bias": {"dtype": "F32", "shape": [2, 2], "data_offsets": [32, 48]}}'), 'bad');
SELECT hwr_import_model(stroke_model('{}', '{"2.output.bias": {"dtype": "I32", "shape": [4], "data_offsets": [32, 48]}}'), 'bad');
SELECT hwr_import_model(stroke_model('{}', '{"2.output.bias": {"dtype": "F32", "shape": [4], "data_offsets": [48, 32]}}'), 'bad');
SELECT hwr_import_model(stroke_model('{}', '{"2.output.bias": {"dtype": "F32", "shape": [4], "data_offsets": [32, 52]}}'), 'bad');
SELECT hwr_import_model(stroke_model('{}', '{"2.output.bias": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}'), 'bad');
SELECT hwr_import_model(stroke_model('{}', '{"2.output.bias": {"dtype": "F32", "shape": [-4], "data_offsets": [32, 48]}}'), 'bad');
SELECT hwr_import_model(stroke_model('{}', '{"2.output.bias": {"dtype": "F32", "shape": [4]}}'), 'bad');
SELECT hwr_import_model(stroke_model('{}', '{"2.output.bias": null, "2.output.bis": {"dtype": "F32", "shape": [4], "data_offsets": [32, 48]}}'), 'bad');
SELECT hwr_import_model(stroke_model('{}', '{"3.more": {"dtype": "F32", "shape": [1], "data_offsets": [48, 52]}}',
	substr(stroke_model(), length(stroke_model()) - 47) || '\x00000000'), 'bad');
SELECT hwr_import_model(stroke_model('{}', '{}', decode(repeat('0000c07f', 12), 'hex')), 'bad');	-- NaN
SELECT count(*) FROM hwr_models;

DROP OWNED BY regress_hwr_owner, regress_hwr_reader;
DROP ROLE regress_hwr_reader;
DROP ROLE regress_hwr_owner;

-- 16-bit weights: a smaller file that can be imported
SELECT hwr_import_model(stroke_model(), 'wide') AS wide;
SELECT octet_length(hwr_export_model('wide', half => true)) < octet_length(hwr_export_model('wide')) AS smaller,
	hwr_export_model('wide', half => NULL) = hwr_export_model('wide') AS same;
SELECT hwr_import_model(hwr_export_model('wide', half => true), 'wide') AS version;
SELECT hwr_drop_model('wide');
