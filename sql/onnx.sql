--
-- Models as ONNX files.  What is in them: test/unit/model/test_onnx.c; whether they compute the same: test/reference/check_onnx.py.
--
SELECT hwr_import_model(stroke_model(), 'out') AS out;
SELECT hwr_import_model(stroke_model('{"alphabet": "abc"}'), 'out', activate => false) AS out;

-- Another file than the stored one, the same each time; each version its own.
SELECT hwr_export_model('out', format => 'onnx') <> hwr_export_model('out') AS another,
	hwr_export_model('out', format => 'onnx') = hwr_export_model('out', 1, format => 'onnx') AS same,
	hwr_export_model('out', 2, format => 'onnx') <> hwr_export_model('out', 1, format => 'onnx') AS by_version,
	hwr_export_model('out', format => 'safetensors') = hwr_export_model('out') AS default,
	hwr_export_model('out', format => NULL) = hwr_export_model('out') AS null_is_default,
	hwr_export_model('out', half => true, format => 'onnx') <> hwr_export_model('out', format => 'onnx') AS half;

-- What names the ends, and what readers need, is there in plain text.
SELECT word, position(convert_to(word, 'UTF8') IN hwr_export_model('out', 2, format => 'onnx')) > 0 AS there
	FROM unnest('{canvas,log_posteriors,abc,architecture,preprocessing,LogSoftmax}'::text[]) word;

-- Half the size, where weights are what makes the size.
SELECT 2 * length(hwr_export_model('names', format => 'onnx', half => true)) < length(hwr_export_model('names', format => 'onnx')) * 1.05 AS half_the_size,
	length(hwr_export_model('names', format => 'onnx')) > length(hwr_export_model('names', format => 'onnx', half => true)) * 1.9 AS twice;

-- What cannot be had
SELECT hwr_export_model('out', format => 'pickle');
SELECT hwr_export_model('out', format => '');
SELECT hwr_export_model('out', 7, format => 'onnx');
SELECT hwr_import_model(hwr_export_model('out', format => 'onnx'), 'back');
-- a weight that 16 bits cannot hold
SELECT hwr_import_model(stroke_model('{}', '{}', set_byte(set_byte(set_byte(decode(repeat('00000000', 12), 'hex'), 1, 36), 2, 116), 3, 73)), 'wide') AS wide;
SELECT length(hwr_export_model('wide', format => 'onnx')) > 0 AS whole;
SELECT hwr_export_model('wide', format => 'onnx', half => true);

-- Whoever may use a model may export it; nobody else.
CREATE ROLE regress_hwr_onnx;
SET ROLE regress_hwr_onnx;
SELECT hwr_export_model('out', format => 'onnx');
RESET ROLE;
SELECT hwr_grant_model('out', 'regress_hwr_onnx');
SET ROLE regress_hwr_onnx;
SELECT length(hwr_export_model('out', format => 'onnx')) > 0 AS may;
RESET ROLE;
SELECT hwr_drop_model('out');
SELECT hwr_drop_model('wide');
DROP ROLE regress_hwr_onnx;
