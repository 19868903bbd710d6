--
-- The extension, and what the other tests read with and from
--
SET client_min_messages = warning;
CREATE EXTENSION hwr;
RESET client_min_messages;
SELECT extversion FROM pg_extension WHERE extname = 'hwr';

-- Every function and view says what it does.
SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass
	JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'hwr'
	WHERE obj_description(p.oid, 'pg_proc') IS NULL;
SELECT c.oid::regclass FROM pg_class c JOIN pg_depend d ON d.objid = c.oid AND d.classid = 'pg_class'::regclass
	JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'hwr'
	WHERE c.relkind = 'v' AND obj_description(c.oid, 'pg_class') IS NULL;

-- The catalog is nobody's to read or write directly.
SELECT relname FROM pg_class WHERE relnamespace = 'hwr'::regnamespace AND relkind IN ('r', 'S')
	AND (has_table_privilege('public', oid, 'SELECT') OR has_table_privilege('public', oid, 'INSERT'));

-- Settings
SELECT name, boot_val, unit, min_val, context FROM pg_settings WHERE name LIKE 'hwr.%' AND context <> 'postmaster' ORDER BY name COLLATE "C";
SET hwr.max_image_pixels = 0;
SET hwr.precision = int4;
SET hwr.precision = int8;
RESET hwr.precision;

--
-- A model that can be checked by eye.  Its alphabet is I, ^ and _: a stroke over the whole height of
-- the image, its upper or its lower half.  The network pools an image of 16 x 64 into 16
-- steps of two values, the most ink above and below, and has one layer on top.
--
CREATE FUNCTION stroke_model(metadata jsonb DEFAULT '{}', tensors jsonb DEFAULT '{}', data bytea DEFAULT NULL)
RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	header bytea;
	length text;
BEGIN
	header := convert_to((jsonb_strip_nulls(jsonb_build_object(
		'__metadata__', '{"format": "hwr", "format_version": "1", "version": "1.0", "architecture": "[1,16,64,1 Mp8,4 S1(1x0)1,3 O1c4]",
			"alphabet": "I^_", "fit": "pad", "case": "upper", "options": "{}", "result": "{}"}'::jsonb || metadata,
		'2.output.kernel', '{"dtype": "F32", "shape": [2, 4], "data_offsets": [0, 32]}'::jsonb,
		'2.output.bias', '{"dtype": "F32", "shape": [4], "data_offsets": [32, 48]}'::jsonb) || tensors))::text, 'UTF8');
	length := lpad(to_hex(octet_length(header)), 4, '0');
	RETURN decode(right(length, 2) || left(length, 2) || '000000000000', 'hex') || header || coalesce(data,
		'\x00000000000020410000204100'
		'0020c1000000000000204100'
		'0020c10000204100000000000070c10000a0c00000a0c0');
END $$;

-- What became of a statement that should fail
CREATE FUNCTION outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

CREATE TABLE strokes (id integer PRIMARY KEY, label text, image bytea);
INSERT INTO strokes VALUES
	(1, 'I', '\x89504e470d0a1a0a0000000d49484452000000400000001001000000008e9c4484000000104944415478da63f8f01f02180607030097d57e91c3273d210000000049454e44ae426082'),
	(2, '^_', '\x89504e470d0a1a0a0000000d49484452000000400000001001000000008e9c4484000000144944415478da63f8f01f02182864fcff40150600984d7e91a03f229b0000000049454e44ae426082'),
	(3, 'I^I_', '\x89504e470d0a1a0a0000000d49484452000000400000001001000000008e9c4484000000174944415478da63f8f0e1c37f1060a094f11fc2a29001000e057cb140acee8a0000000049454e44ae426082'),
	(4, '_', '\x89504e470d0a1a0a0000000d49484452000000400000001001000000008e9c4484000000124944415478da63f80f050c14323e50870100cc197f09b14b810f0000000049454e44ae426082'),
	(5, 'III', '\x89504e470d0a1a0a0000000d49484452000000400000001001000000008e9c4484000000124944415478da63f8f0e1c37f1060181c0c000d157cb1c24b13af0000000049454e44ae426082'),
	(6, '^', '\x89504e470d0a1a0a0000000d49484452000000400000001001000000008e9c4484000000134944415478da63f8f01f02182864fca70e0300aa597f096338d4de0000000049454e44ae426082'),
	(7, 'I_I^_I^', '\x89504e470d0a1a0a0000000d49484452000000400000001001000000008e9c4484000000144944415478da63f8f0ff03183150ca80d094320089c67ad1fb03373e0000000049454e44ae426082'),
	(8, '', '\x89504e470d0a1a0a0000000d49484452000000400000001001000000008e9c44840000000f4944415478da63f80f050c83830100de9d7f814d67adfe0000000049454e44ae426082');
