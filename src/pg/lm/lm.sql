--
-- lm.sql
--	  Language models.
--

-- One row a language model.  What may come next tells about the texts it was built from: it is its owner's.
CREATE TABLE hwr.lm (
	id			bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,	-- another one whenever it is replaced
	name		text		NOT NULL UNIQUE,
	owner		hwr.role	NOT NULL,
	model		bytea		NOT NULL,
	ngram		integer		NOT NULL,		-- characters in an n-gram
	letter_case	text		NOT NULL,		-- keep, upper, lower
	texts		bigint		NOT NULL,		-- it was built from so many
	characters	bigint		NOT NULL,
	ngrams		bigint		NOT NULL,
	created		timestamptz	NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

SELECT pg_catalog.pg_extension_config_dump('hwr.lm', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.lm_id_seq', '');

CREATE FUNCTION hwr_train_lm_texts(name text, texts text[], letter_case text DEFAULT 'keep', ngram integer DEFAULT 6, max_ngrams integer DEFAULT NULL,
							 OUT texts_read bigint, OUT skipped bigint, OUT characters bigint, OUT ngrams bigint,
							 OUT bytes bigint)
	AS 'MODULE_PATHNAME', 'hwr_train_lm_texts' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION hwr_train_lm_texts(text, text[], text, integer, integer) IS
'build a language model over characters from texts, and store it under a name';

CREATE FUNCTION hwr_train_lm(name text, data regclass, label_column name DEFAULT NULL,
							 letter_case text DEFAULT 'keep', ngram integer DEFAULT 6, max_ngrams integer DEFAULT NULL,
							 OUT texts_read bigint, OUT skipped bigint, OUT characters bigint, OUT ngrams bigint,
							 OUT bytes bigint)
	AS 'MODULE_PATHNAME', 'hwr_train_lm' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION hwr_train_lm(text, regclass, name, text, integer, integer) IS
'build a language model over characters from a column of a table, and store it under a name';

CREATE FUNCTION hwr_drop_lm(name text) RETURNS void
	AS 'MODULE_PATHNAME', 'hwr_drop_lm' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION hwr_drop_lm(text) IS
'remove a language model';

CREATE FUNCTION hwr_lm_perplexity(name text, texts text[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'hwr_lm_perplexity_of_texts' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION hwr_lm_perplexity(text, text[]) IS
'perplexity of a language model on texts, a character: the lower, the better they were foreseen';

CREATE VIEW hwr_lms WITH (security_barrier) AS
	SELECT l.name,
		   CASE WHEN l.owner::oid <> '0'::oid THEN pg_catalog.pg_get_userbyid(l.owner) END AS owner,
		   l.ngram,
		   l.letter_case,
		   l.texts,
		   l.characters,
		   l.ngrams,
		   pg_catalog.octet_length(l.model) AS bytes,
		   l.created
	  FROM hwr.lm l
	 WHERE pg_catalog.pg_has_role(l.owner, 'USAGE');
COMMENT ON VIEW hwr_lms IS 'language models that the current user may use';
GRANT SELECT ON hwr_lms TO PUBLIC;

-- What is costly or writes is for those to whom an administrator grants it: see doc/privileges.md.
REVOKE EXECUTE ON FUNCTION
	hwr_train_lm_texts(text, text[], text, integer, integer),
	hwr_train_lm(text, regclass, name, text, integer, integer),
	hwr_drop_lm(text)
	FROM PUBLIC;
