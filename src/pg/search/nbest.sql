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

-- The list to which a CHECK binds its column, or the VALUE of its domain, by = and IN; NULL: to none.  It may bind it further.
CREATE FUNCTION hwr.check_list("check" oid) RETURNS text[]
	AS 'MODULE_PATHNAME', 'hwr_check_list' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.check_list(oid) IS 'the list to which a CHECK binds its column, if it does; an error if its functions are not all PostgreSQL''s own';
CREATE FUNCTION hwr.check_allows("check" oid, texts text[]) RETURNS text[]
	AS 'MODULE_PATHNAME', 'hwr_check_allows' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.check_allows(oid, text[]) IS 'those of the texts that are values that a CHECK allows';

-- The values of a table's column as texts.  Casts of types that are not PostgreSQL's own may be functions of anyone's, and are not used.
CREATE FUNCTION hwr.column_values("table" regclass, "column" name) RETURNS text[] LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	result	text[];
BEGIN
	EXECUTE format('SELECT array_agg(DISTINCT ' || CASE WHEN (SELECT a.atttypid < 16384 FROM pg_attribute a WHERE a.attrelid = "table" AND a.attname = "column")
		THEN 'k.%1$I::text' ELSE 'format(''%%s'', k.%1$I)' END || ') FROM %2$s k WHERE k.%1$I IS NOT NULL', "column", "table") INTO result;
	RETURN coalesce(result, '{}');
END $$;
COMMENT ON FUNCTION hwr.column_values(regclass, name) IS 'the values of a column as texts, without casts that may be anyone''s';

-- What a column may hold.  As whoever asks: he sees no values that he may not read, and runs no functions of others.
CREATE FUNCTION hwr_constraint("table" regclass, "column" name) RETURNS text[] LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	attribute	pg_attribute;
	base		pg_type;	-- under all domains
	modifier	integer;
	domains		oid[] := '{}';
	checks		oid[];
	"check"		oid;
	"values"	text[];
	result		text[];
BEGIN
	SELECT * INTO attribute FROM pg_attribute WHERE attrelid = "table" AND attname = "column" AND attnum > 0 AND NOT attisdropped;
	IF NOT FOUND THEN
		RAISE undefined_column USING MESSAGE = format('column "%s" of relation "%s" does not exist', "column", "table");
	END IF;
	SELECT * INTO base FROM pg_type WHERE oid = attribute.atttypid;
	modifier := attribute.atttypmod;
	WHILE base.typtype = 'd' LOOP
		domains := domains || base.oid;
		modifier := base.typtypmod;
		SELECT * INTO base FROM pg_type WHERE oid = base.typbasetype;
	END LOOP;
	IF base.typtype = 'e' THEN
		result := (SELECT array_agg(enumlabel::text ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = base.oid);
	END IF;
	-- of a partitioned table there is one more for each of its partitions
	FOR "values" IN SELECT hwr.column_values(c.confrelid, a.attname) FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = c.confkey[1]
		WHERE c.conrelid = "table" AND c.contype = 'f' AND c.conkey = ARRAY[attribute.attnum] AND coalesce((to_jsonb(c)->>'conenforced')::boolean, true) AND
			NOT EXISTS (SELECT FROM pg_constraint p WHERE p.oid = c.conparentid AND p.conrelid = c.conrelid)
	LOOP
		result := CASE WHEN result IS NULL THEN "values" ELSE ARRAY(SELECT v FROM unnest(result) WITH ORDINALITY u (v, n) WHERE v = ANY ("values") ORDER BY n) END;
	END LOOP;
	checks := ARRAY(SELECT c.oid FROM pg_constraint c WHERE c.contype = 'c' AND coalesce((to_jsonb(c)->>'conenforced')::boolean, true) AND
		(c.contypid = ANY (domains) OR c.conrelid = "table" AND c.conkey = ARRAY[attribute.attnum]) ORDER BY c.conname);
	-- the constants as the column shows them: it may be shorter, or of other digits
	IF result IS NULL AND base.oid < 16384 THEN
		SELECT l INTO "values" FROM unnest(checks) c, hwr.check_list(c) l WHERE l IS NOT NULL LIMIT 1;
		EXECUTE format('SELECT CASE WHEN $1 IS NOT NULL THEN ARRAY(SELECT v::%s::text FROM unnest($1) WITH ORDINALITY u (v, n) GROUP BY 1 ORDER BY min(n)) END',
			format_type(base.oid, modifier)) INTO result USING "values";
	END IF;
	IF result IS NULL THEN
		RAISE invalid_parameter_value USING MESSAGE = format('nothing is known of what column "%s" of relation "%s" may hold', "column", "table"),
			DETAIL = 'It is no enum, has no foreign key, and no CHECK that binds it to a list of constants by = or IN.',
			HINT = format('Give the list yourself, or take the values that are there: (SELECT array_agg(DISTINCT %I::text) FROM %s).', "column", "table");
	END IF;
	-- made of text, a value of such a type runs what its owner made of it
	IF cardinality(checks) > 0 AND NOT hwr.is_plain_key(base.oid) THEN
		RAISE invalid_parameter_value USING MESSAGE = format('cannot tell what column "%s" of relation "%s" may hold', "column", "table"),
			DETAIL = format('It has a CHECK, and checks within its type %s would run as the current user.', format_type(base.oid, NULL)),
			HINT = 'Give the list yourself.';
	END IF;
	FOREACH "check" IN ARRAY checks LOOP
		result := hwr.check_allows("check", result);
	END LOOP;
	RETURN result;
END $$;
COMMENT ON FUNCTION hwr_constraint(regclass, name) IS
'the values that a column may hold, of its enum, its foreign key or its CHECK with a list: to be a lexicon or candidates';
