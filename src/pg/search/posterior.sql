--
-- posterior.sql
--	  The type hwr_posterior, its values from images, and what they read as.
--

CREATE TYPE hwr_posterior;
CREATE FUNCTION hwr_posterior_in(cstring) RETURNS hwr_posterior
	AS 'MODULE_PATHNAME', 'hwr_posterior_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr_posterior_in(cstring) IS 'input function of hwr_posterior';
CREATE FUNCTION hwr_posterior_out(hwr_posterior) RETURNS cstring
	AS 'MODULE_PATHNAME', 'hwr_posterior_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr_posterior_out(hwr_posterior) IS 'output function of hwr_posterior';
CREATE FUNCTION hwr_posterior_recv(internal) RETURNS hwr_posterior
	AS 'MODULE_PATHNAME', 'hwr_posterior_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr_posterior_recv(internal) IS 'binary input function of hwr_posterior';
CREATE FUNCTION hwr_posterior_send(hwr_posterior) RETURNS bytea
	AS 'MODULE_PATHNAME', 'hwr_posterior_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr_posterior_send(hwr_posterior) IS 'binary output function of hwr_posterior';

CREATE TYPE hwr_posterior (
	INPUT = hwr_posterior_in,
	OUTPUT = hwr_posterior_out,
	RECEIVE = hwr_posterior_recv,
	SEND = hwr_posterior_send,
	STORAGE = EXTERNAL
);
COMMENT ON TYPE hwr_posterior IS 'what a network said about a line: enough to read, score and search it without the image and the model';

CREATE FUNCTION hwr.posterior_from_bytes(bytes bytea) RETURNS hwr_posterior
	AS 'MODULE_PATHNAME', 'hwr_posterior_from_bytea' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.posterior_from_bytes(bytea) IS 'the cast from bytea, checked as input is';
CREATE CAST (bytea AS hwr_posterior) WITH FUNCTION hwr.posterior_from_bytes(bytea);
-- Implicit, so that hwr_score takes both images and kept posteriors.
CREATE CAST (hwr_posterior AS bytea) WITHOUT FUNCTION AS IMPLICIT;

-- Equality: the same bytes.
CREATE FUNCTION hwr_posterior_eq(hwr_posterior, hwr_posterior) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hwr_posterior_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr_posterior_eq(hwr_posterior, hwr_posterior) IS 'implementation of = operator';
CREATE FUNCTION hwr_posterior_ne(hwr_posterior, hwr_posterior) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hwr_posterior_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr_posterior_ne(hwr_posterior, hwr_posterior) IS 'implementation of <> operator';
CREATE FUNCTION hwr_posterior_hash(hwr_posterior) RETURNS integer
	AS 'MODULE_PATHNAME', 'hwr_posterior_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr_posterior_hash(hwr_posterior) IS 'hash function of hwr_posterior';
CREATE FUNCTION hwr_posterior_hash_extended(hwr_posterior, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'hwr_posterior_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr_posterior_hash_extended(hwr_posterior, bigint) IS 'seeded hash function of hwr_posterior';

CREATE OPERATOR = (
	LEFTARG = hwr_posterior, RIGHTARG = hwr_posterior, FUNCTION = hwr_posterior_eq,
	COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR = (hwr_posterior, hwr_posterior) IS 'equal';
CREATE OPERATOR <> (
	LEFTARG = hwr_posterior, RIGHTARG = hwr_posterior, FUNCTION = hwr_posterior_ne,
	COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (hwr_posterior, hwr_posterior) IS 'not equal';
CREATE OPERATOR CLASS hwr_posterior_hash_ops DEFAULT FOR TYPE hwr_posterior USING hash AS
	OPERATOR 1 =,
	FUNCTION 1 hwr_posterior_hash(hwr_posterior),
	FUNCTION 2 hwr_posterior_hash_extended(hwr_posterior, bigint);

CREATE FUNCTION hwr_posterior(image bytea, model text DEFAULT NULL, bound double precision DEFAULT NULL, language double precision DEFAULT NULL)
	RETURNS hwr_posterior
	AS 'MODULE_PATHNAME', 'hwr_posterior_of_image' LANGUAGE C STABLE PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION hwr_posterior(bytea, text, double precision, double precision) IS
'what a model says about an image, packed: characters less probable than the bound are left out; language is the share, 0 to 1, that the language model inside the model has in it';

CREATE FUNCTION hwr_posterior_batch(images bytea[], model text DEFAULT NULL, bound double precision DEFAULT NULL, language double precision DEFAULT NULL)
	RETURNS hwr_posterior[]
	AS 'MODULE_PATHNAME', 'hwr_posterior_of_images' LANGUAGE C STABLE PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION hwr_posterior_batch(bytea[], text, double precision, double precision) IS
'the same for many images, in batches; NULL elements stay NULL';

CREATE FUNCTION hwr_page_posteriors(page bytea, model text DEFAULT NULL, turn integer DEFAULT NULL, right_to_left boolean DEFAULT false,
									bound double precision DEFAULT NULL, language double precision DEFAULT NULL,
									OUT line integer, OUT region integer, OUT ink hwr_posterior, OUT outline polygon, OUT baseline path)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'hwr_page_posteriors' LANGUAGE C STABLE PARALLEL SAFE COST 4000000 ROWS 40;
COMMENT ON FUNCTION hwr_page_posteriors(bytea, text, integer, boolean, double precision, double precision) IS
'the lines of a page in reading order, each with what a model says about it, packed, and where it is';

CREATE FUNCTION hwr_text(posterior hwr_posterior) RETURNS text
	AS 'MODULE_PATHNAME', 'hwr_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION hwr_text(hwr_posterior) IS 'what the kept posterior reads as, by the ink alone';

CREATE FUNCTION hwr_confidence(posterior hwr_posterior) RETURNS double precision
	AS 'MODULE_PATHNAME', 'hwr_confidence' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION hwr_confidence(hwr_posterior) IS 'P(hwr_text | image), from 0 to 1';

CREATE FUNCTION hwr_places(posterior hwr_posterior,
						   OUT "position" integer, OUT "char" text, OUT confidence double precision, OUT x0 integer, OUT x1 integer)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'hwr_places' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50 ROWS 40;
COMMENT ON FUNCTION hwr_places(hwr_posterior) IS
'the characters of hwr_text, each with its confidence and where it was read, in pixels of the original image';

CREATE FUNCTION hwr_posterior_info(posterior hwr_posterior,
								   OUT model bytea, OUT steps integer, OUT characters text, OUT width integer, OUT bytes integer)
	AS 'MODULE_PATHNAME', 'hwr_posterior_info' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION hwr_posterior_info(hwr_posterior) IS
'what a kept posterior is of: the first bytes of the SHA-256 of the model''s file, steps, kept characters, pixels across, bytes';
