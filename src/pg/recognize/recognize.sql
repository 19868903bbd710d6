--
-- recognize.sql
--	  hwr_recognize, and hwr_recognize_batch for an array.
--

-- COST: reading a line of handwriting takes some milliseconds.
CREATE FUNCTION hwr_recognize(image bytea, model text DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'hwr_recognize' LANGUAGE C STABLE PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION hwr_recognize(bytea, text) IS
'read the handwriting in a JPEG or PNG image; without a model, the one named default';

CREATE FUNCTION hwr_recognize_batch(images bytea[], model text DEFAULT NULL) RETURNS text[]
	AS 'MODULE_PATHNAME', 'hwr_recognize_batch' LANGUAGE C STABLE PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION hwr_recognize_batch(bytea[], text) IS
'read the handwriting in an array of JPEG or PNG images, in batches; NULL elements stay NULL';

-- A name of its own arguments, and no defaults, so that no call is ambiguous.
CREATE FUNCTION hwr_recognize(image bytea, model text, version integer) RETURNS text
	AS 'MODULE_PATHNAME', 'hwr_recognize_version' LANGUAGE C STABLE PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION hwr_recognize(bytea, text, integer) IS
'read the handwriting in an image with a version of a model that need not be the active one';

CREATE FUNCTION hwr_read_batch(images bytea[], model text DEFAULT NULL, version integer DEFAULT NULL,
							   OUT n integer, OUT text text, OUT confidence double precision, OUT problem text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'hwr_read_batch' LANGUAGE C STABLE PARALLEL SAFE ROWS 100 COST 1000000;
COMMENT ON FUNCTION hwr_read_batch(bytea[], text, integer) IS
'read an array of images, one row an element, n from 1: the text with the probability that it is right, or why the image cannot be read';

CREATE FUNCTION hwr_canvas(image bytea, model text DEFAULT NULL, version integer DEFAULT NULL,
						   OUT height integer, OUT width integer, OUT ink bytea)
	AS 'MODULE_PATHNAME', 'hwr_canvas' LANGUAGE C STABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION hwr_canvas(bytea, text, integer) IS
'what a model''s network is given of an image: height times width bytes, row by row, 0 for paper to 255 for ink';
