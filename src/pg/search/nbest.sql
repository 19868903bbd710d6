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
COMMENT ON FUNCTION hwr.check_list(oid) IS 'the list to which a CHECK binds its column, if it does';

-- What a column may hold.  As whoever asks: he sees no values that he may not read, and the CHECKs are his to compute, as in an INSERT.
CREATE FUNCTION hwr_constraint("table" regclass, "column" name) RETURNS text[] LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	attribute	pg_attribute;
	base		pg_type;	-- under all domains
	modifier	integer;
	subjects	oid[] := '{}';	-- the domains
	bound		record;
	cast_to		text;
	conditions	text[] := '{}';	-- of u.v, a text
	result		text[];
BEGIN
	SELECT * INTO attribute FROM pg_attribute WHERE attrelid = "table" AND attname = "column" AND attnum > 0 AND NOT attisdropped;
	IF NOT FOUND THEN
		RAISE undefined_column USING MESSAGE = format('column "%s" of relation "%s" does not exist', "column", "table");
	END IF;
	SELECT * INTO base FROM pg_type WHERE oid = attribute.atttypid;
	modifier := attribute.atttypmod;
	WHILE base.typtype = 'd' LOOP
		subjects := subjects || base.oid;
		modifier := base.typtypmod;
		SELECT * INTO base FROM pg_type WHERE oid = base.typbasetype;
	END LOOP;
	cast_to := format_type(base.oid, modifier);

	-- The first list that there is, of all values or more, and what else has to hold of each
	IF base.typtype = 'e' THEN
		result := (SELECT array_agg(enumlabel::text ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = base.oid);
	END IF;
	-- those of a partitioned table have one more for each of its partitions
	FOR bound IN SELECT format('%s', c.confrelid::regclass) AS other, a.attname FROM pg_constraint c
		JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = c.confkey[1]
		WHERE c.conrelid = "table" AND c.contype = 'f' AND c.conkey = ARRAY[attribute.attnum] AND coalesce((to_jsonb(c)->>'conenforced')::boolean, true) AND
			NOT EXISTS (SELECT FROM pg_constraint p WHERE p.oid = c.conparentid AND p.conrelid = c.conrelid) ORDER BY c.conname
	LOOP
		IF result IS NULL THEN
			EXECUTE format('SELECT coalesce(array_agg(DISTINCT %1$I::text), ''{}'') FROM %2$s WHERE %1$I IS NOT NULL', bound.attname, bound.other) INTO result;
		ELSE
			conditions := conditions || format('EXISTS (SELECT FROM %s o WHERE o.%I = u.v::%s)', bound.other, bound.attname, cast_to);
		END IF;
	END LOOP;
	FOR bound IN SELECT pg_get_expr(c.conbin, c.conrelid) AS expression, CASE WHEN c.contypid <> 0 THEN 'value' ELSE quote_ident("column") END AS subject,
		hwr.check_list(c.oid) AS list FROM pg_constraint c WHERE c.contype = 'c' AND coalesce((to_jsonb(c)->>'conenforced')::boolean, true) AND
			(c.contypid = ANY (subjects) OR c.conrelid = "table" AND c.conkey = ARRAY[attribute.attnum]) ORDER BY c.conname
	LOOP
		result := coalesce(result, bound.list);
		conditions := conditions || format('(SELECT (%s) IS NOT FALSE FROM (SELECT u.v::%s AS %s) t)', bound.expression, cast_to, bound.subject);
	END LOOP;

	IF result IS NULL THEN
		RAISE invalid_parameter_value USING MESSAGE = format('nothing is known of what column "%s" of relation "%s" may hold', "column", "table"),
			DETAIL = 'It is no enum, has no foreign key, and no CHECK that binds it to a list of constants by = or IN.',
			HINT = format('Give the list yourself, or take the values that are there: (SELECT array_agg(DISTINCT %I::text) FROM %s).', "column", "table");
	END IF;
	IF conditions <> '{}' THEN
		EXECUTE format('SELECT coalesce(array_agg(t.v ORDER BY t.n), ''{}'') FROM (SELECT u.v::%s::text AS v, min(u.n) AS n
			FROM unnest($1) WITH ORDINALITY u (v, n) WHERE %s GROUP BY 1) t', cast_to, array_to_string(conditions, ' AND ')) INTO result USING result;
	END IF;
	RETURN result;
END $$;
COMMENT ON FUNCTION hwr_constraint(regclass, name) IS
'the values that a column may hold, of its enum, its foreign key or its CHECK with a list: to be a lexicon or candidates';
