--
-- nbest.sql
--	  hwr_recognize_nbest: beam search.
--

CREATE FUNCTION hwr_recognize_nbest(
	image			bytea,
	n				integer			DEFAULT 5,
	model			text			DEFAULT NULL,
	lexicon			text[]			DEFAULT NULL,
	lm				text			DEFAULT NULL,
	lm_weight		double precision DEFAULT NULL,
	length_bonus	double precision DEFAULT NULL,
	allow			text			DEFAULT NULL,
	beam			integer			DEFAULT 32,
	outside_penalty	double precision DEFAULT 'Infinity',
	version			integer			DEFAULT NULL,
	pattern			text			DEFAULT NULL
)
RETURNS TABLE (
	rank			integer,
	text			text,
	confidence		double precision,
	log_probability double precision,
	characters		jsonb
)
AS 'MODULE_PATHNAME', 'hwr_recognize_nbest'
LANGUAGE C STABLE PARALLEL SAFE ROWS 5 COST 100000;

COMMENT ON FUNCTION hwr_recognize_nbest(bytea, integer, text, text[], text, double precision, double precision, text, integer, double precision, integer, text) IS
'the most probable texts of an image by beam search, best first, with a lexicon, a language model, a list of allowed characters and a pattern if wanted';
