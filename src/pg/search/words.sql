--
-- words.sql
--	  Places of words, and the words of a line.
--

CREATE FUNCTION hwr_spots(posterior hwr_posterior, word text, whole_word boolean DEFAULT true, bound double precision DEFAULT 0.05,
						  OUT x0 integer, OUT x1 integer, OUT probability double precision)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'hwr_spots' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 1;
COMMENT ON FUNCTION hwr_spots(hwr_posterior, text, boolean, double precision) IS
'where a word is in a line, from left to right, in pixels of the original image, and how probable it is there';

CREATE FUNCTION hwr_words(posterior hwr_posterior, bound double precision DEFAULT 0.01,
						  OUT word text, OUT probability double precision, OUT x0 integer, OUT x1 integer)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'hwr_words' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5000 ROWS 50;
COMMENT ON FUNCTION hwr_words(hwr_posterior, double precision) IS
'the words that a line may have, folded, down to a probability, the most probable first, each with its most probable place';
