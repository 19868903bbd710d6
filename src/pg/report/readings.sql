--
-- readings.sql
--	  hwr_readings: every row of a table as a model reads it.
--

-- Whatever is shown is a function of rows that can be had by themselves.  Functions of schema hwr are the parts:
-- those that take hwr.reading[] work on one pass over a table, so that a page reads each image once.

-- A row of a table as a model reads it.
CREATE TYPE hwr.reading AS (
	"row"		bigint,				-- from 1, in the order of the scan
	key			text,				-- primary key, or else ctid
	label		text,				-- as the model sees it: normalised, case mapped
	guess		text,				-- NULL: the image cannot be read
	confidence	double precision,	-- probability that the guess is right
	sharpness	double precision,	-- geometric mean over the network's steps of what was most probable
	loss		double precision,	-- -log P(label | image); NULL: the model cannot write the label
	margin		double precision,	-- loss less that of the guess: how much likelier the guess is, in nats
	length		integer,			-- of the label, in characters
	distance	integer,			-- edits between label and guess
	words		integer,
	word_edits	integer,
	width		integer,			-- of the image, in pixels
	ink			double precision,	-- share of the image that is ink
	characters	jsonb,				-- of the guess: character, confidence, left and right in pixels
	edits		jsonb,				-- the errors: truth, guess, left and right in pixels
	"by"		text,				-- the column asked for
	problem		text,				-- why the image or the label cannot be used
	image		bytea
);
COMMENT ON TYPE hwr.reading IS 'a row of a table as a model reads it';

CREATE FUNCTION hwr_readings(data regclass, model text DEFAULT NULL, version integer DEFAULT NULL,
							 image_column name DEFAULT NULL, label_column name DEFAULT NULL, "by" name DEFAULT NULL,
							 OUT "row" bigint, OUT key text, OUT label text, OUT guess text, OUT confidence double precision,
							 OUT sharpness double precision, OUT loss double precision, OUT margin double precision,
							 OUT length integer, OUT distance integer, OUT words integer, OUT word_edits integer,
							 OUT width integer, OUT ink double precision, OUT characters jsonb, OUT edits jsonb, OUT "by" text,
							 OUT problem text, OUT image bytea)
	RETURNS SETOF record		-- the columns of hwr.reading, by name, so that \df shows them
	AS 'MODULE_PATHNAME', 'hwr_readings' LANGUAGE C COST 1000000 ROWS 1000;
COMMENT ON FUNCTION hwr_readings(regclass, text, integer, name, name, name) IS
'every row of a table as a model reads it: reading, the probability that it is right, the place of each character, and the errors where there is a label';
