--
-- Models of kraken's: import, use, what is kept, what is refused
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS hwr;
RESET client_min_messages;

CREATE TABLE kraken_files (name text PRIMARY KEY, file bytea);
\set file `base64 -w 0 < test/data/kraken/default.safetensors`
INSERT INTO kraken_files VALUES ('default', decode(:'file', 'base64'));
\set file `base64 -w 0 < test/data/kraken/group.safetensors`
INSERT INTO kraken_files VALUES ('group', decode(:'file', 'base64'));

-- The file with another text in its header, whose length stands before it
CREATE FUNCTION kraken_edit(name text, old text, new text) RETURNS bytea LANGUAGE plpgsql STABLE AS $$
DECLARE
	file bytea := (SELECT f.file FROM kraken_files f WHERE f.name = kraken_edit.name);
	size integer := get_byte(file, 0) + 256 * get_byte(file, 1);
	header bytea := convert_to(replace(convert_from(substr(file, 9, size), 'UTF8'), old, new), 'UTF8');
	length text := lpad(to_hex(octet_length(header)), 4, '0');
BEGIN
	RETURN decode(right(length, 2) || left(length, 2) || '000000000000', 'hex') || header || substr(file, 9 + size);
END $$;

SELECT name, hwr_import_model(file, 'kraken_' || name) FROM kraken_files ORDER BY name;
SELECT model, parameters, architecture, alphabet, options, card->'source' AS source, card->'kraken'->'seg_type' AS seg_type, card ? 'licence' AS licence
	FROM hwr_model_details WHERE model LIKE 'kraken%' ORDER BY model;

-- The canvas: as high as the network, as wide as the image then is, and 16 columns before and behind.
SELECT c.height, c.width, octet_length(c.ink) FROM strokes s, hwr_canvas(s.image, 'kraken_default') c WHERE s.id = 3;

-- It reads, alone and in batches, and knows where.
SELECT count(hwr_recognize(image, 'kraken_default')) AS scalar, count(hwr_recognize(image, 'kraken_group')) AS grouped FROM strokes;
SELECT bool_and(r = hwr_recognize(s.image, 'kraken_default')) AS same
	FROM (SELECT array_agg(id ORDER BY id) AS ids, hwr_recognize_batch(array_agg(image ORDER BY id), 'kraken_default') AS rs FROM strokes) a,
		 unnest(a.ids, a.rs) AS u(id, r) JOIN strokes s USING (id);
SELECT bool_and((c->>'left')::float8 BETWEEN 0 AND 64 AND (c->>'right')::float8 BETWEEN 0 AND 64) IS NOT FALSE AS inside
	FROM strokes s, hwr_recognize_nbest(s.image, 1, 'kraken_default') n, jsonb_array_elements(n.characters) c;
SELECT hwr_recognize(image, 'kraken_default') = '' AS empty FROM strokes WHERE id = 8;

-- What is exported is a model of hwr's, card included, in either size.
SELECT hwr_import_model(hwr_export_model('kraken_group'), 'kraken_again'), hwr_import_model(hwr_export_model('kraken_group', half => true), 'kraken_half');
SELECT a.hash = b.hash AS same, a.card = h.card AS card
	FROM hwr_model_details a, hwr_model_details b, hwr_model_details h WHERE a.model = 'kraken_group' AND b.model = 'kraken_again' AND h.model = 'kraken_half';

-- What comes with the file goes into the card.
SELECT hwr_import_model(kraken_edit('default', '\"accuracy\": []', '\"license\": \"CC-BY 4.0\", \"authors\": \"N. N.\", \"language\": \"la\"'), 'kraken_card');
SELECT card - 'kraken' AS card FROM hwr_model_details WHERE model = 'kraken_card';

-- Lines cut out as boxes are straightened; letters from right to left; an output that the codec has no text for; layers in parallel.
SELECT hwr_import_model(kraken_edit('default', 'baselines', 'bbox'), 'kraken_boxes');
SELECT hwr_import_model(kraken_edit('default', '\"a\": [8]', U&'\\"\05D0\\": [8]'), 'kraken_hebrew');
SELECT hwr_import_model(kraken_edit('default', ', \"v\": [1]', ''), 'kraken_fewer');
\set file `base64 -w 0 < test/data/kraken/residual.safetensors`
SELECT hwr_import_model(decode(:'file', 'base64'), 'kraken_residual');
SELECT c.height, c.width <> b.width AS other_width FROM strokes s, hwr_canvas(s.image, 'kraken_boxes') c, hwr_canvas(s.image, 'kraken_default') b WHERE s.id = 3;
SELECT model, architecture, length(alphabet) FROM hwr_model_details WHERE model ~ 'boxes|hebrew|fewer|residual' ORDER BY model;
SELECT count(hwr_recognize(image, 'kraken_boxes')) AS boxes, count(hwr_recognize(image, 'kraken_residual')) AS residual FROM strokes;
SELECT bool_and(r = hwr_recognize(s.image, 'kraken_residual')) AS same
	FROM (SELECT array_agg(id ORDER BY id) AS ids, hwr_recognize_batch(array_agg(image ORDER BY id), 'kraken_residual') AS rs FROM strokes) a,
		 unnest(a.ids, a.rs) AS u(id, r) JOIN strokes s USING (id);

SET client_min_messages = warning;
CREATE VIEW kraken_strokes AS SELECT * FROM strokes WHERE id < 8;
-- It can be trained further; the card says where it comes from, and the options add to it.
SELECT version FROM hwr_train('kraken_strokes', 'kraken_tuned', options => '{"base": "kraken_card", "epochs": 1, "validation_fraction": 0, "threads": 1, "description": "strokes", "language": "zxx"}');
SELECT architecture, alphabet, options->'fit' AS fit, card FROM hwr_model_details WHERE model = 'kraken_tuned';
SELECT version FROM hwr_train('kraken_strokes', 'kraken_tuned_group', options => '{"base": "kraken_group", "epochs": 1, "validation_fraction": 0, "threads": 1}');
SELECT version FROM hwr_train('kraken_strokes', 'kraken_tuned_residual', options => '{"base": "kraken_residual", "epochs": 1, "validation_fraction": 0, "threads": 1}');
SELECT outcome($$SELECT hwr_train('kraken_strokes', 'kraken_tuned', options => '{"license": "x"}')$$);

RESET client_min_messages;

-- What it cannot be
SELECT hwr_import_model(kraken_edit('default', 'Cr{C_0}3,13,4', 'CTr{C_0}3,13,4'), 'kraken_bad');
\echo :SQLSTATE
SELECT hwr_import_model(kraken_edit('default', '\"a\": [8]', '\"a\": [80]'), 'kraken_bad');
\echo :SQLSTATE
SELECT hwr_import_model(kraken_edit('default', '"kraken_meta"', '"other_meta"'), 'kraken_bad');
\echo :SQLSTATE
SELECT hwr_import_model(substr(file, 1, 3000), 'kraken_bad') FROM kraken_files WHERE name = 'default';
\echo :SQLSTATE

SELECT hwr_drop_model(model) FROM (SELECT DISTINCT model FROM hwr_models WHERE model LIKE 'kraken%') m;
DROP VIEW kraken_strokes;
DROP FUNCTION kraken_edit;
DROP TABLE kraken_files;
