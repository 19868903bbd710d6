--
-- nbest.sql
--	  Kept posteriors by beam search: with lexicons, language models, patterns; fields of known kinds.
--

CREATE FUNCTION hwr_nbest(
	posterior		hwr_posterior,
	n				integer			DEFAULT 5,
	lexicon			text[]			DEFAULT NULL,
	lm				text			DEFAULT NULL,
	lm_weight		double precision DEFAULT NULL,
	length_bonus	double precision DEFAULT NULL,
	allow			text			DEFAULT NULL,
	beam			integer			DEFAULT 32,
	outside_penalty	double precision DEFAULT 'Infinity',
	pattern			text			DEFAULT NULL
)
RETURNS TABLE (
	rank			integer,
	text			text,
	confidence		double precision,
	log_probability double precision,
	characters		jsonb
)
AS 'MODULE_PATHNAME', 'hwr_nbest'
LANGUAGE C STABLE PARALLEL SAFE ROWS 5 COST 10000;
COMMENT ON FUNCTION hwr_nbest(hwr_posterior, integer, text[], text, double precision, double precision, text, integer, double precision, text) IS
'the most probable texts of a kept posterior, as hwr_recognize_nbest gives them of an image';

CREATE FUNCTION hwr_field(posterior hwr_posterior, kind text, OUT text text, OUT value text, OUT confidence double precision)
	AS 'MODULE_PATHNAME', 'hwr_field' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION hwr_field(hwr_posterior, text) IS
'a field of a kind (date, integer, amount, postcode, yes_no): its text, its value to be cast, and the confidence of the value';

-- What a column may hold.  As whoever asks: he sees no values that he may not read.
CREATE FUNCTION hwr_constraint("table" regclass, "column" name) RETURNS text[] LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	attribute	pg_attribute;
	base		oid;
	reference	record;
	definition	text;
	result		text[];
BEGIN
	SELECT * INTO attribute FROM pg_attribute WHERE attrelid = "table" AND attname = "column" AND attnum > 0 AND NOT attisdropped;
	IF NOT FOUND THEN
		RAISE undefined_column USING MESSAGE = format('column "%s" of relation "%s" does not exist', "column", "table");
	END IF;
	SELECT CASE typtype WHEN 'd' THEN typbasetype ELSE t.oid END INTO base FROM pg_type t WHERE t.oid = attribute.atttypid;
	IF EXISTS (SELECT FROM pg_enum WHERE enumtypid = base) THEN
		RETURN (SELECT array_agg(enumlabel::text ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = base);
	END IF;
	FOR reference IN SELECT c.confrelid::regclass AS other, a.attname FROM pg_constraint c
		JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = c.confkey[1]
		WHERE c.conrelid = "table" AND c.contype = 'f' AND c.conkey = ARRAY[attribute.attnum]
	LOOP
		EXECUTE format('SELECT array_agg(DISTINCT %1$I::text) FROM %2$s WHERE %1$I IS NOT NULL', reference.attname, reference.other) INTO result;
		RETURN coalesce(result, '{}');
	END LOOP;
	-- IN (...) of a CHECK of the column's alone, or of its domain, as PostgreSQL writes it
	FOR definition IN SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c WHERE c.contype = 'c' AND
		(c.contypid = attribute.atttypid AND c.contypid <> 0 OR c.conrelid = "table" AND c.conkey = ARRAY[attribute.attnum])
	LOOP
		IF definition ~ '^CHECK \(\(+[^=]* = ANY \(\(?ARRAY\[.*\]\)?(::[a-z \[\]]*)?\)+$' THEN
			SELECT array_agg(replace(m[1], $q$''$q$, $q$'$q$) ORDER BY n) INTO result
				FROM regexp_matches(definition, $q$'((?:[^']|'')*)'::$q$, 'g') WITH ORDINALITY r (m, n);
			RETURN result;
		END IF;
	END LOOP;
	RAISE invalid_parameter_value USING MESSAGE = format('nothing is known of what column "%s" of relation "%s" may hold', "column", "table"),
		DETAIL = 'It is no enum, and has no foreign key and no CHECK with a list.';
END $$;
COMMENT ON FUNCTION hwr_constraint(regclass, name) IS
'the values that a column may hold, of its enum, its foreign key or its CHECK with a list: to be a lexicon or candidates';
