--
-- attach.sql
--	  Tables that read themselves: hwr_attach, the queue, and what is known of each row.
--

-- A table, stored as its OID, which renaming does not touch and pg_upgrade keeps.  In a dump it is a qualified name, as of regclass; but
-- one that is not there becomes none, where regclass would make the restore fail.
CREATE TYPE hwr.relation;
CREATE FUNCTION hwr.relation_in(cstring) RETURNS hwr.relation
	AS 'MODULE_PATHNAME', 'hwr_relation_in' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.relation_in(cstring) IS 'input function of hwr.relation';
CREATE FUNCTION hwr.relation_out(hwr.relation) RETURNS cstring
	AS 'MODULE_PATHNAME', 'hwr_relation_out' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.relation_out(hwr.relation) IS 'output function of hwr.relation';
CREATE TYPE hwr.relation (INPUT = hwr.relation_in, OUTPUT = hwr.relation_out, LIKE = pg_catalog.oid);
COMMENT ON TYPE hwr.relation IS 'a table, by name in dumps; none if there is no such table';
CREATE CAST (oid AS hwr.relation) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (hwr.relation AS oid) WITHOUT FUNCTION AS IMPLICIT;

-- One row a text column that is filled from an image column.
CREATE TABLE hwr.attachment (
	id			integer		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	data		hwr.relation NOT NULL,
	role		hwr.role	NOT NULL,		-- who attached it: reads and writes its rows
	owner		hwr.role	NOT NULL,		-- the table's, whose triggers and policies run as that role: nobody else's do
	image_column name		NOT NULL,
	text_column name		NOT NULL,
	confidence_column name,
	key_columns name[]		NOT NULL,		-- the primary key's
	model		text		NOT NULL,
	mode		text		NOT NULL CHECK (mode IN ('queue', 'now', 'notify')),
	reread		text		NOT NULL CHECK (reread IN ('none', 'doubtful', 'all')),
	doubtful	double precision NOT NULL CHECK (doubtful BETWEEN '0'::double precision AND '1'::double precision),	-- a confidence below it is
	retries		integer		NOT NULL CHECK (retries BETWEEN 0 AND 1000),	-- attempts after the first
	retry_after interval	NOT NULL CHECK (retry_after >= '0'::interval),
	queue_limit bigint		CHECK (queue_limit > 0),						-- NULL: none
	on_full		text		NOT NULL CHECK (on_full IN ('wait', 'fail')),
	batch		integer		NOT NULL CHECK (batch BETWEEN 1 AND 1000),		-- rows a transaction
	paused		boolean		NOT NULL DEFAULT false,
	sqlstate	text,						-- why a whole batch failed, not one row
	problem		text,
	next_try	timestamptz,				-- of the background worker, after that
	baseline	jsonb,						-- features of rows that are as they should be; NULL: the model's, or those of its first rows
	baseline_source text,
	"window"	integer		NOT NULL DEFAULT 200 CHECK ("window" >= 20),	-- rows that are compared with it at once
	drift		text,						-- features of the last window that were not as they should be
	created		timestamptz	NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE UNIQUE INDEX attachment_column ON hwr.attachment ((data::oid), text_column) WHERE data::oid <> '0'::oid;

-- One row a row that waits to be read, or could not be read.  key: the primary key's values as text, in the settings that enqueue.c states.
CREATE TABLE hwr.queue (
	attachment	integer		NOT NULL,
	key			text[]		COLLATE "C" NOT NULL,
	-- 0: not read yet; 1: read, to be read again; 2: the same, as another version was being activated while it was read.  An entry of lane 0 and
	-- one to read again stand for themselves, so that a session that changes rows and one that activates a version never wait for each other.
	lane		smallint	NOT NULL DEFAULT 0 CHECK (lane BETWEEN 0 AND 2),
	due			timestamptz	NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	queued		timestamptz	NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	attempts	integer		NOT NULL DEFAULT 0,		-- that failed
	failed		boolean		NOT NULL DEFAULT false,	-- there will be no other attempt
	sqlstate	text,
	message		text,
	PRIMARY KEY (attachment, key, lane)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
CREATE INDEX queue_next ON hwr.queue (attachment, lane, due) WHERE NOT failed;

-- One row a row that has been read, or that a person has labelled.  It counts only where hash is that of the row's image.
CREATE TABLE hwr.read_row (
	attachment	integer		NOT NULL,
	key			text[]		COLLATE "C" NOT NULL,
	hash		bytea		NOT NULL,				-- SHA-256 of the image
	model		text,								-- NULL: labelled before it was read
	version		integer,							-- 0: a model that comes with hwr; -1: the text was read of another image (mode now)
	confidence	double precision,
	read		timestamptz	NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	corrected	boolean		NOT NULL DEFAULT false,	-- a person has settled it: it is not read again
	trial		integer,							-- hwr.trial: what was tried when it was read
	arm			text,								-- a: the attachment's model, b: the one that is tried
	PRIMARY KEY (attachment, key)
) WITH (fillfactor = 85);

-- What persons have said about readings.
CREATE TABLE hwr.correction (
	id			bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	attachment	integer		NOT NULL,
	key			text[]		COLLATE "C" NOT NULL,
	who			hwr.role	NOT NULL,
	"at"		timestamptz	NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	reading		text,								-- what the model had read
	was			text,								-- before this correction
	label		text		NOT NULL,				-- what the person says it is; equal to was: confirmed
	hash		bytea		NOT NULL,				-- SHA-256 of the image
	model		text,
	version		integer,
	confidence	double precision,
	trial		integer,
	arm			text
);
CREATE INDEX correction_key ON hwr.correction (attachment, key);

-- One row a batch that was committed, kept for a month: how fast it goes, and what the rows look like.
CREATE TABLE hwr.batch (
	id			bigint		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,	-- a publication of all tables needs one
	attachment	integer		NOT NULL,
	done		timestamptz	NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	read		integer		NOT NULL,
	failed		integer		NOT NULL,
	seconds		double precision NOT NULL,
	features	jsonb,						-- of what was read: features.h
	counted		boolean		NOT NULL DEFAULT false	-- in a window of hwr.drift_window
);
CREATE INDEX batch_done ON hwr.batch (attachment, done);
CREATE INDEX batch_uncounted ON hwr.batch (attachment) WHERE NOT counted;

SELECT pg_catalog.pg_extension_config_dump('hwr.attachment', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.attachment_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.queue', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.read_row', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.correction', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.correction_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.batch', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.batch_id_seq', '');

-- The triggers that hwr_attach puts on a table.  Their argument is the attachment's number; they do nothing on tables that are not its own.
CREATE FUNCTION hwr.before_row() RETURNS trigger AS 'MODULE_PATHNAME', 'hwr_before_row' LANGUAGE C;
COMMENT ON FUNCTION hwr.before_row() IS 'trigger of an attached table: an image that changes takes its reading along; in mode now, read it';
CREATE FUNCTION hwr.after_row() RETURNS trigger AS 'MODULE_PATHNAME', 'hwr_after_row' LANGUAGE C;
COMMENT ON FUNCTION hwr.after_row() IS 'trigger of an attached table: queue what is to be read, keep what a person corrects';
CREATE FUNCTION hwr.after_truncate() RETURNS trigger AS 'MODULE_PATHNAME', 'hwr_after_truncate' LANGUAGE C;
COMMENT ON FUNCTION hwr.after_truncate() IS 'trigger of an attached table: forget all rows';

-- Parts of the functions below, each of which looks itself whether the caller may.
CREATE FUNCTION hwr.store_attachment(data regclass, image_column name, text_column name, confidence_column name, key_columns name[], model text, mode text,
									 reread text, doubtful double precision, retries integer, retry_after interval, queue_limit bigint, on_full text, batch integer)
	RETURNS integer AS 'MODULE_PATHNAME', 'hwr_store_attachment' LANGUAGE C;
COMMENT ON FUNCTION hwr.store_attachment(regclass, name, name, name, name[], text, text, text, double precision, integer, interval, bigint, text, integer) IS
'the row of hwr.attachment that hwr_attach makes';
CREATE FUNCTION hwr.delete_attachment(attachment integer, forget boolean) RETURNS void
	AS 'MODULE_PATHNAME', 'hwr_delete_attachment' LANGUAGE C STRICT;
COMMENT ON FUNCTION hwr.delete_attachment(integer, boolean) IS 'what hwr_detach removes, triggers too';
CREATE FUNCTION hwr.pause_attachment(attachment integer, pause boolean) RETURNS void
	AS 'MODULE_PATHNAME', 'hwr_pause_attachment' LANGUAGE C STRICT;
COMMENT ON FUNCTION hwr.pause_attachment(integer, boolean) IS 'what hwr_pause and hwr_unpause set';
CREATE FUNCTION hwr.queue_rows(attachment integer, which text) RETURNS bigint
	AS 'MODULE_PATHNAME', 'hwr_queue_rows' LANGUAGE C STRICT;
COMMENT ON FUNCTION hwr.queue_rows(integer, text) IS 'what hwr_reread does';

CREATE VIEW hwr_attachments WITH (security_barrier) AS
	SELECT a.id AS attachment,
		   a.data::oid::regclass AS data,
		   a.image_column, a.text_column, a.confidence_column, a.key_columns, a.model, a.mode, a.reread, a.doubtful,
		   (SELECT r.rolname FROM pg_catalog.pg_roles r WHERE r.oid = a.role::oid) AS role,
		   a.paused, a.retries, a.retry_after, a.queue_limit, a.on_full, a.batch,
		   CASE WHEN o.own THEN a.sqlstate END AS sqlstate, CASE WHEN o.own THEN a.problem END AS problem, a.created
	  FROM hwr.attachment a JOIN pg_catalog.pg_class c ON c.oid = a.data::oid
	  CROSS JOIN LATERAL (SELECT pg_catalog.pg_has_role(a.role, 'USAGE') OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
								 OR pg_catalog.pg_has_role(c.relowner, 'USAGE') AS own) o
	 WHERE o.own OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT');
COMMENT ON VIEW hwr_attachments IS 'tables that read themselves, of those that the current user may read';
COMMENT ON COLUMN hwr_attachments.role IS 'who attached it: its rows are read and written with that role''s privileges';
COMMENT ON COLUMN hwr_attachments.problem IS 'why the last batch failed as a whole, for those who attached or own the table, and monitors; NULL: it did not';
GRANT SELECT ON hwr_attachments TO PUBLIC;

-- The attachment that is meant; an error where there is none, or more than one.
CREATE FUNCTION hwr.find_attachment(data regclass, text_column name) RETURNS integer
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	found integer[] := ARRAY(SELECT a.attachment FROM @extschema@.hwr_attachments a
							  WHERE a.data = $1 AND ($2 IS NULL OR a.text_column = $2) ORDER BY a.attachment);
BEGIN
	IF $1 IS NULL THEN
		RAISE EXCEPTION 'table must not be null' USING ERRCODE = 'null_value_not_allowed';
	ELSIF cardinality(found) = 0 THEN
		RAISE EXCEPTION 'table "%" is not attached%', $1, CASE WHEN $2 IS NOT NULL THEN format(' with text column "%s"', $2) ELSE '' END
			USING ERRCODE = 'undefined_object', HINT = 'hwr_attachments lists those that are.';
	ELSIF cardinality(found) > 1 THEN
		RAISE EXCEPTION 'table "%" is attached more than once', $1
			USING ERRCODE = 'ambiguous_parameter', HINT = 'Choose one with text_column => ''name''.';
	END IF;
	RETURN found[1];
END $$;
COMMENT ON FUNCTION hwr.find_attachment(regclass, name) IS 'the number of a table''s attachment';

CREATE FUNCTION hwr.base_type(oid) RETURNS regtype
	LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
	WITH RECURSIVE base AS (SELECT t.oid, t.typtype, t.typbasetype FROM pg_type t WHERE t.oid = $1
							UNION ALL SELECT t.oid, t.typtype, t.typbasetype FROM base b JOIN pg_type t ON t.oid = b.typbasetype WHERE b.typtype = 'd')
	SELECT b.oid::regtype FROM base b WHERE b.typtype <> 'd';
$$;
COMMENT ON FUNCTION hwr.base_type(oid) IS 'the type that a domain, or a domain over a domain, is of';

-- Text becomes a value of such a type by functions of superusers alone.  The checks of a domain are its owner's functions: one that a key's column
-- is of is looked through (base_type), but those within a composite type, an array or a range would run as whoever looks at keys.
CREATE FUNCTION hwr.is_plain_key(type oid) RETURNS boolean
	LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
	WITH RECURSIVE part AS (
		SELECT hwr.base_type($1)::oid AS type
		UNION
		SELECT CASE t.typtype WHEN 'r' THEN (SELECT r.rngsubtype FROM pg_range r WHERE r.rngtypid = t.oid)
							  WHEN 'm' THEN (SELECT r.rngtypid FROM pg_range r WHERE r.rngmultitypid = t.oid)
							  WHEN 'b' THEN nullif(t.typelem, 0) END
		  FROM part p JOIN pg_type t ON t.oid = p.type)
	SELECT coalesce(bool_and(t.typtype IN ('b', 'e', 'r', 'm')), false) FROM part p JOIN pg_type t ON t.oid = p.type;
$$;
COMMENT ON FUNCTION hwr.is_plain_key(oid) IS 'whether a key of this type can be made of text without running anything of the type''s owner';

-- A column of a table by its name, or the only one of a type category; NULL: none, and none was named.
CREATE FUNCTION hwr.attach_column(data regclass, named name, argument text, kind text) RETURNS name
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	fitting name[];
	wanted regtype;
BEGIN
	-- A confidence has decimals: what cannot take them, integers and money among others, is no column for it.
	IF named IS NOT NULL THEN
		SELECT t.oid::regtype, ARRAY[CASE kind WHEN 'bytea' THEN hwr.base_type(t.oid) = 'bytea'::regtype
					WHEN 'text' THEN t.typcategory = 'S' AND hwr.base_type(t.oid) <> '"char"'::regtype
					ELSE hwr.base_type(t.oid) IN ('numeric'::regtype, 'real'::regtype, 'double precision'::regtype)
						OR (t.typcategory = 'N' AND t.typnamespace <> 'pg_catalog'::regnamespace
							AND EXISTS (SELECT FROM pg_cast c WHERE c.castsource = 'double precision'::regtype AND c.casttarget = hwr.base_type(t.oid)
										AND c.castcontext IN ('a', 'i'))) END::text]
		  INTO wanted, fitting
		  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid WHERE a.attrelid = data AND a.attname = named AND a.attnum > 0 AND NOT a.attisdropped;
		IF NOT FOUND THEN
			RAISE EXCEPTION 'column "%" of relation "%" does not exist', named, data USING ERRCODE = 'undefined_column';
		ELSIF fitting[1] = 'false' THEN
			RAISE EXCEPTION 'column "%" is of type %, not %', named, wanted, kind USING ERRCODE = 'datatype_mismatch';
		END IF;
		RETURN named;
	END IF;
	SELECT array_agg(a.attname ORDER BY a.attnum) INTO fitting
	  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
	 WHERE a.attrelid = data AND a.attnum > 0 AND NOT a.attisdropped
		   AND CASE kind WHEN 'bytea' THEN hwr.base_type(t.oid) = 'bytea'::regtype ELSE t.typcategory = 'S' AND hwr.base_type(t.oid) <> '"char"'::regtype END
		   AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = data AND i.indisprimary
							AND a.attnum = ANY ((i.indkey::smallint[])[0:i.indnkeyatts - 1]));
	IF fitting IS NULL THEN
		RAISE EXCEPTION 'relation "%" has no % column', data, kind USING ERRCODE = 'undefined_column';
	ELSIF cardinality(fitting) > 1 THEN
		RAISE EXCEPTION 'relation "%" has more than one % column', data, kind USING ERRCODE = 'ambiguous_column',
			DETAIL = format('The columns are "%s".', array_to_string(fitting, '", "')), HINT = format('Choose one with %s => ''name''.', argument);
	END IF;
	RETURN fitting[1];
END $$;
COMMENT ON FUNCTION hwr.attach_column(regclass, name, text, text) IS 'a column that hwr_attach is told, or finds';

CREATE FUNCTION hwr_attach(data regclass, image_column name DEFAULT NULL, text_column name DEFAULT NULL, confidence_column name DEFAULT NULL,
						   model text DEFAULT 'default', mode text DEFAULT 'queue', reread text DEFAULT 'none', doubtful double precision DEFAULT 0.9,
						   existing boolean DEFAULT true, retries integer DEFAULT 3, retry_after interval DEFAULT '1 minute',
						   queue_limit bigint DEFAULT NULL, on_full text DEFAULT 'wait', batch integer DEFAULT 64, replica boolean DEFAULT false)
	RETURNS integer
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	kind "char";
	keys name[];
	attachment integer;
	event text;
	watched name[];
BEGIN
	SELECT c.relkind INTO kind FROM pg_class c WHERE c.oid = $1;
	IF data IS NULL THEN
		RAISE EXCEPTION 'table must not be null' USING ERRCODE = 'null_value_not_allowed';
	ELSIF kind IS NULL OR kind NOT IN ('r', 'p') THEN
		RAISE EXCEPTION '"%" is not a table', data USING ERRCODE = 'wrong_object_type';
	ELSIF (SELECT c.relpersistence FROM pg_class c WHERE c.oid = $1) = 't' THEN
		RAISE EXCEPTION 'cannot attach temporary table "%"', data USING ERRCODE = 'feature_not_supported',
			HINT = 'Its rows would be read by other sessions, which cannot see it.';
	ELSIF $5 IS NULL OR NOT (coalesce(mode, '') = ANY ('{queue,now,notify}')) OR NOT (coalesce(reread, '') = ANY ('{none,doubtful,all}'))
			OR NOT (coalesce(on_full, '') = ANY ('{wait,fail}')) OR batch IS NULL OR batch NOT BETWEEN 1 AND 1000 OR retries IS NULL OR retries NOT BETWEEN 0 AND 1000
			OR doubtful IS NULL OR doubtful NOT BETWEEN 0 AND 1 OR retry_after IS NULL OR retry_after < '0' OR queue_limit <= 0 OR existing IS NULL OR replica IS NULL THEN
		RAISE EXCEPTION 'invalid argument of hwr_attach' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = format('mode is %L, reread %L, on_full %L, batch %s, retries %s, doubtful %s, retry_after %L, queue_limit %s.', mode, reread, on_full,
				coalesce(batch::text, 'NULL'), coalesce(retries::text, 'NULL'), coalesce(doubtful::text, 'NULL'), retry_after, coalesce(queue_limit::text, 'NULL')),
			HINT = 'mode: queue, now, notify; reread: none, doubtful, all; on_full: wait, fail; batch: 1 to 1000; retries: 0 to 1000; doubtful: 0 to 1; '
				'retry_after: not negative; queue_limit: NULL or positive; the others not null.';
	END IF;
	image_column := hwr.attach_column(data, image_column, 'image_column', 'bytea');
	text_column := hwr.attach_column(data, text_column, 'text_column', 'text');
	IF confidence_column IS NOT NULL THEN
		confidence_column := hwr.attach_column(data, confidence_column, 'confidence_column', 'numeric, real or double precision');
	END IF;
	SELECT array_agg(a.attname ORDER BY k.n) INTO keys
	  FROM pg_index i CROSS JOIN unnest(i.indkey::smallint[]) WITH ORDINALITY k (attnum, n) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
	 WHERE i.indrelid = $1 AND i.indisprimary AND k.n <= i.indnkeyatts;
	IF keys IS NULL THEN
		RAISE EXCEPTION 'table "%" has no primary key', data USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'A row that waits to be read is known by its primary key: ALTER TABLE ... ADD PRIMARY KEY.';
	ELSIF text_column = ANY (keys) OR image_column = ANY (keys) OR confidence_column = ANY (keys) THEN
		RAISE EXCEPTION 'a column of the primary key cannot be read or written by hwr_attach' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = data AND a.attname IN (text_column, confidence_column) AND (a.attnotnull OR a.attgenerated <> '')) THEN
		RAISE EXCEPTION 'column "%" must be able to be null and be written', text_column USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = 'A row that has not been read has neither text nor confidence.', HINT = 'ALTER TABLE ... ALTER COLUMN ... DROP NOT NULL.';
	END IF;

	-- Triggers before a change see no value of it, so a text of the former image would stay.
	IF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = data AND a.attname = image_column AND a.attgenerated <> '') THEN
		RAISE EXCEPTION 'column "%" is computed from others', image_column USING ERRCODE = 'feature_not_supported', HINT = 'Attach the column that it is computed from.';
	END IF;

	attachment := hwr.store_attachment(data, image_column, text_column, confidence_column, keys, model, mode, reread, doubtful, retries, retry_after,
		queue_limit, on_full, batch);
	watched := ARRAY[image_column, text_column] || keys;
	EXECUTE format('CREATE TRIGGER %I BEFORE %s UPDATE OF %I ON %s FOR EACH ROW EXECUTE FUNCTION hwr.before_row(%L)',
		'hwr_before_' || attachment, CASE WHEN mode = 'now' THEN 'INSERT OR' ELSE '' END, image_column, data, attachment);
	EXECUTE format('CREATE TRIGGER %I AFTER INSERT OR DELETE OR UPDATE OF %s ON %s FOR EACH ROW EXECUTE FUNCTION hwr.after_row(%L)',
		'hwr_after_' || attachment, (SELECT string_agg(quote_ident(c), ', ') FROM unnest(watched) c), data, attachment);
	EXECUTE format('CREATE TRIGGER %I AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION hwr.after_truncate(%L)',
		'hwr_truncate_' || attachment, data, attachment);
	IF replica THEN		-- rows that come by logical replication too
		FOREACH event IN ARRAY '{before,after,truncate}'::text[] LOOP
			EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', data, 'hwr_' || event || '_' || attachment);
		END LOOP;
	END IF;
	IF existing THEN
		PERFORM hwr.queue_rows(attachment, 'missing');
	END IF;
	RETURN attachment;
END $$;
COMMENT ON FUNCTION hwr_attach(regclass, name, name, name, text, text, text, double precision, boolean, integer, interval, bigint, text, integer, boolean) IS
'have a table''s images read into its text column, by workers, as the calling role: see doc/pipeline.md';

CREATE FUNCTION hwr_detach(data regclass, text_column name DEFAULT NULL, forget boolean DEFAULT false) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM hwr.delete_attachment(hwr.find_attachment($1, $2), coalesce($3, false));
END $$;
COMMENT ON FUNCTION hwr_detach(regclass, name, boolean) IS
'end what hwr_attach began; the table''s rows stay as they are, and corrections are kept unless they are to be forgotten';

CREATE FUNCTION hwr_pause(data regclass, text_column name DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM hwr.pause_attachment(hwr.find_attachment($1, $2), true);
END $$;
COMMENT ON FUNCTION hwr_pause(regclass, name) IS 'read no more rows of an attached table until hwr_unpause; rows go on to be queued';

CREATE FUNCTION hwr_unpause(data regclass, text_column name DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM hwr.pause_attachment(hwr.find_attachment($1, $2), false);
END $$;
COMMENT ON FUNCTION hwr_unpause(regclass, name) IS 'go on reading an attached table';

CREATE FUNCTION hwr_reread(data regclass, which text DEFAULT 'failed', text_column name DEFAULT NULL) RETURNS bigint
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF $2 IS NULL OR NOT ($2 = ANY ('{failed,missing,doubtful,all}')) THEN
		RAISE EXCEPTION 'invalid value for argument "which" of hwr_reread: %', quote_nullable($2) USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Valid values are: failed, missing, doubtful, all.';
	END IF;
	RETURN hwr.queue_rows(hwr.find_attachment($1, $3), $2);
END $$;
COMMENT ON FUNCTION hwr_reread(regclass, text, name) IS
'queue rows of an attached table again: failed, those that could not be read; missing, those that have an image and no text; doubtful or all, those that another version than the active one has read and no person has corrected; returns how many';

CREATE FUNCTION hwr.only_table(data regclass) RETURNS text
	LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN c.relkind = 'p' THEN '' ELSE 'ONLY ' END || $1::text FROM pg_class c WHERE c.oid = $1;
$$;
COMMENT ON FUNCTION hwr.only_table(regclass) IS 'an attached table as FROM names it, without tables that inherit from it, whose keys may be the same';

-- Does the current user see this row of an attached table?  For tables with row-level security, whose policies run as he does.
CREATE FUNCTION hwr.sees_row(data regclass, image_column name, key_columns name[], key text[]) RETURNS boolean
	LANGUAGE plpgsql STABLE COST 10000 SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' SET timezone = 'UTC' AS $$
DECLARE
	found boolean;
BEGIN
	IF cardinality(key) <> cardinality(key_columns) OR NOT hwr.lock_table(data) OR NOT hwr.may_look(data, image_column, key_columns) THEN
		RETURN false;
	END IF;
	EXECUTE format('SELECT EXISTS (SELECT FROM (SELECT $1 AS key) k JOIN %s t ON %s)', hwr.only_table(data), hwr.key_matches(data, key_columns)) INTO found USING key;
	RETURN found;
END $$;
COMMENT ON FUNCTION hwr.sees_row(regclass, name, name[], text[]) IS 'whether the current user sees the row of an attached table that has this key';

CREATE FUNCTION hwr.role_sees_row(number integer, key text[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'hwr_role_sees_row' LANGUAGE C STABLE STRICT COST 10000;
COMMENT ON FUNCTION hwr.role_sees_row(integer, text[]) IS
'the same as the role that attached the table, for its members, as whom policies of the table''s owner do not run';

CREATE FUNCTION hwr.wake_workers() RETURNS void AS 'MODULE_PATHNAME', 'hwr_wake_workers' LANGUAGE C;
COMMENT ON FUNCTION hwr.wake_workers() IS 'have workers look for rows to read when the transaction is committed';
REVOKE EXECUTE ON FUNCTION hwr.wake_workers() FROM PUBLIC;

-- A new version: rows that an older one has read, as the attachment wants it.  Runs as the extension's owner, on tables of schema hwr alone.
CREATE FUNCTION hwr.queue_again() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF TG_OP = 'UPDATE' AND NEW.active IS NOT DISTINCT FROM OLD.active THEN
		RETURN NULL;
	END IF;
	INSERT INTO hwr.queue (attachment, key, lane)
		SELECT r.attachment, r.key, 1 FROM hwr.attachment a JOIN hwr.read_row r ON r.attachment = a.id
		 WHERE a.model = NEW.name AND a.reread <> 'none' AND NOT r.corrected AND r.model IS NOT NULL
			   AND (r.model, r.version) IS DISTINCT FROM (NEW.name, coalesce(NEW.active, 0))
			   AND (a.reread = 'all' OR r.confidence < a.doubtful)
			   -- in a restore, whose tables come in any order, the queue is filled from the dump; triggers come last
			   AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = a.data::oid AND t.tgname = ('hwr_after_' || a.id)::name)
			   AND NOT EXISTS (SELECT FROM hwr.queue q WHERE q.attachment = r.attachment AND q.key = r.key AND q.lane = 0 AND NOT q.failed)
		 ORDER BY r.attachment, r.key	-- as all do that add many, so that none waits for the other
		ON CONFLICT DO NOTHING;
	IF FOUND THEN
		PERFORM hwr.wake_workers();
	END IF;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION hwr.queue_again() IS 'trigger of hwr.model: rows to be read again with a version that has been activated';
CREATE TRIGGER queue_again AFTER INSERT OR UPDATE OF active ON hwr.model FOR EACH ROW EXECUTE FUNCTION hwr.queue_again();
REVOKE EXECUTE ON FUNCTION hwr.queue_again() FROM PUBLIC;

-- What is costly or writes is for those to whom an administrator grants it: see doc/privileges.md.
REVOKE EXECUTE ON FUNCTION
	hwr_attach(regclass, name, name, name, text, text, text, double precision, boolean, integer, interval, bigint, text, integer, boolean)
	FROM PUBLIC;
