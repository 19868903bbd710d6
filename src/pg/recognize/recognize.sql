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
