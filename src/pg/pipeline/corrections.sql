--
-- corrections.sql
--	  What persons have corrected: as a table to train from, and as what is to be looked at next.
--

-- The condition under which row t of an attached table has the key k, an array of text.
CREATE FUNCTION hwr.key_matches(data regclass, key_columns name[]) RETURNS text
	AS 'MODULE_PATHNAME', 'hwr_key_matches' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION hwr.key_matches(regclass, name[]) IS 'SQL that joins row t of an attached table with its key k.key';

-- Is an image of those on which an improvement is measured?  By its hash, so that it is never on both sides.
CREATE FUNCTION hwr.is_held_out(hash bytea) RETURNS boolean
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT get_byte(hash, 0) < 64;
$$;
COMMENT ON FUNCTION hwr.is_held_out(bytea) IS 'whether an image, by its SHA-256, is of the quarter of the corrections that improvements are measured on';

-- False: it is no table any more (PostgreSQL 15 makes a view of an empty one), or the user may read nothing of it.
CREATE FUNCTION hwr.lock_table(data regclass) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hwr_lock_table' LANGUAGE C STRICT;
COMMENT ON FUNCTION hwr.lock_table(regclass) IS 'keep a table that the current user may read as it is until the transaction ends; false: there is no such';

CREATE FUNCTION hwr.may_look(data regclass, image_column name, key_columns name[]) RETURNS boolean
	LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
	SELECT bool_and(coalesce(has_column_privilege(a.attrelid, a.attnum, 'SELECT')
							 AND CASE WHEN k.image THEN hwr.base_type(a.atttypid) = 'bytea'::regtype ELSE hwr.is_plain_key(a.atttypid) END, false))
	  FROM (SELECT $2, true UNION ALL SELECT c, false FROM unnest($3) c) k (name, image)
		   LEFT JOIN pg_attribute a ON a.attrelid = $1 AND a.attname = k.name AND a.attnum > 0 AND NOT a.attisdropped;
$$;
COMMENT ON FUNCTION hwr.may_look(regclass, name, name[]) IS
'whether an attached table still has its columns, whether the current user may read them, and whether reading them runs nothing of the table''s owner';

-- Rows of tables of schema hwr for whom they concern; the texts are data of the attached table.  Its owner sees all; the role that attached it what
-- row-level security lets it see.
CREATE VIEW hwr.own_corrections WITH (security_barrier) AS
	SELECT c.* FROM hwr.correction c JOIN hwr.attachment a ON a.id = c.attachment JOIN pg_catalog.pg_class t ON t.oid = a.data::oid
	 WHERE CASE WHEN pg_catalog.pg_has_role(c.who, 'USAGE') OR pg_catalog.pg_has_role(t.relowner, 'USAGE') THEN true
				WHEN NOT pg_catalog.pg_has_role(a.role, 'USAGE') THEN false
				ELSE NOT pg_catalog.row_security_active(t.oid) OR hwr.role_sees_row(a.id, c.key) END;
COMMENT ON VIEW hwr.own_corrections IS 'corrections that the current user has made, and those of rows that he sees of attached tables of his roles';
GRANT SELECT ON hwr.own_corrections TO PUBLIC;

-- Keys and figures, no texts; of tables with row-level security, what the attachment's role has read itself.
CREATE VIEW hwr.own_rows WITH (security_barrier) AS
	SELECT r.* FROM hwr.read_row r JOIN hwr.attachment a ON a.id = r.attachment JOIN pg_catalog.pg_class t ON t.oid = a.data::oid
	 WHERE CASE WHEN pg_catalog.pg_has_role(t.relowner, 'USAGE') THEN true
				WHEN NOT pg_catalog.pg_has_role(a.role, 'USAGE') THEN false
				ELSE NOT pg_catalog.row_security_active(t.oid) OR r.model IS NOT NULL END;
COMMENT ON VIEW hwr.own_rows IS 'what is known of rows of attached tables of the current user''s roles';
GRANT SELECT ON hwr.own_rows TO PUBLIC;

-- The newest correction of each row of a table whose image is still the same, read as the current user: what he may not see is not there.
CREATE FUNCTION hwr.table_corrections(number integer, attached regclass, image_column name, key_columns name[])
	RETURNS TABLE (id bigint, attachment integer, data regclass, key text[], image bytea, label text, reading text, was text, who name,
		"at" timestamptz, model text, version integer, confidence double precision, held_out boolean)
	LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' SET timezone = 'UTC' AS $$
BEGIN
	-- what its owner has made of it must not be in the way of others
	IF hwr.lock_table($2) AND hwr.may_look($2, $3, $4) THEN
		RETURN QUERY EXECUTE format('SELECT k.id, k.attachment, %s::regclass, k.key, t.%I, k.label, k.reading, k.was,
				CASE WHEN k.who::oid <> ''0''::oid THEN pg_get_userbyid(k.who) END, k."at", k.model, k.version, k.confidence, hwr.is_held_out(k.hash)
			FROM (SELECT DISTINCT ON (c.key) c.* FROM hwr.own_corrections c WHERE c.attachment = %s ORDER BY c.key, c.id DESC) k JOIN %s t ON %s
			WHERE sha256(t.%I) = k.hash', quote_literal($2), $3, $1, hwr.only_table($2), hwr.key_matches($2, $4), $3);
	END IF;
END $$;
COMMENT ON FUNCTION hwr.table_corrections(integer, regclass, name, name[]) IS 'the rows of hwr_corrections of one table, as the current user sees it';

CREATE FUNCTION hwr.corrections_of(number integer)
	RETURNS TABLE (id bigint, attachment integer, data regclass, key text[], image bytea, label text, reading text, was text, who name,
		"at" timestamptz, model text, version integer, confidence double precision, held_out boolean)
	AS 'MODULE_PATHNAME', 'hwr_corrections_of' LANGUAGE C STABLE STRICT ROWS 1000;
COMMENT ON FUNCTION hwr.corrections_of(integer) IS
'the same, read as the table''s owner or the role that attached it where the current user may do what they may, so that nothing of theirs runs as him';

CREATE FUNCTION hwr.corrections()
	RETURNS TABLE (id bigint, attachment integer, data regclass, key text[], image bytea, label text, reading text, was text, who name,
		"at" timestamptz, model text, version integer, confidence double precision, held_out boolean)
	LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	a record;
BEGIN
	FOR a IN SELECT h.* FROM @extschema@.hwr_attachments h WHERE EXISTS (SELECT FROM hwr.own_corrections c WHERE c.attachment = h.attachment) LOOP
		RETURN QUERY SELECT * FROM hwr.corrections_of(a.attachment);
	END LOOP;
END $$;
COMMENT ON FUNCTION hwr.corrections() IS 'the rows of hwr_corrections';

CREATE VIEW hwr_corrections WITH (security_barrier) AS
	SELECT c.id, c.data, c.key, c.image, c.label, c.reading, c.was, c.who, c."at", c.model, c.version, c.confidence, c.held_out FROM hwr.corrections() c;
COMMENT ON VIEW hwr_corrections IS
'corrections of attached tables that the current user may see, one a row, with its image: a table to train from (label_column => ''label'')';
COMMENT ON COLUMN hwr_corrections.reading IS 'what the model had read; NULL: it had not read the row';
COMMENT ON COLUMN hwr_corrections.was IS 'what the table had; the same as label where it was confirmed';
COMMENT ON COLUMN hwr_corrections.held_out IS 'kept apart by hwr_improve, to measure on';
GRANT SELECT ON hwr_corrections TO PUBLIC;

CREATE FUNCTION hwr.confirm_row(attachment integer, key text[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hwr_confirm_row' LANGUAGE C STRICT;
COMMENT ON FUNCTION hwr.confirm_row(integer, text[]) IS 'what hwr_confirm does';

CREATE FUNCTION hwr.undo_correction(attachment integer, key text[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hwr_undo_correction' LANGUAGE C STRICT;
COMMENT ON FUNCTION hwr.undo_correction(integer, text[]) IS 'what hwr_undo_correction does';

CREATE FUNCTION hwr_undo_correction(data regclass, key text[], text_column name DEFAULT NULL) RETURNS boolean
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.undo_correction(hwr.find_attachment($1, $3), $2);
$$;
COMMENT ON FUNCTION hwr_undo_correction(regclass, text[], name) IS
'take back one''s own newest correction or confirmation of a row, as if it had not been made; the former text is written; false: the newest is not one''s own, or somebody has changed the text since';

CREATE FUNCTION hwr_confirm(data regclass, key text[], text_column name DEFAULT NULL) RETURNS boolean
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.confirm_row(hwr.find_attachment($1, $3), $2);
$$;
COMMENT ON FUNCTION hwr_confirm(regclass, text[], name) IS
'say that the text of a row is right as it is, which is a correction that changes nothing; the key is that of hwr_corrections; false: there is no such row, or it has no text';
