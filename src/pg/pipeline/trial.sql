--
-- trial.sql
--	  Another version on a share of an attached table's rows, in the place of the one that is read with, or in its shadow.
--

-- At most one an attachment that has not ended.
CREATE TABLE hwr.trial (
	id			integer		GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	attachment	integer		NOT NULL,
	model		text		NOT NULL,
	version		integer,					-- NULL: the active one
	share		double precision NOT NULL CHECK (share > '0'::double precision AND share <= '1'::double precision),
	shadow		boolean		NOT NULL,		-- its readings are kept beside the row's, and written nowhere
	started		timestamptz	NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	ended		timestamptz,
	problem		text						-- why the last batch was read without it
);
CREATE UNIQUE INDEX trial_running ON hwr.trial (attachment) WHERE ended IS NULL;

-- What the other version reads where it is a shadow.
CREATE TABLE hwr.shadow (
	trial		integer		NOT NULL,
	attachment	integer		NOT NULL,
	key			text[]		COLLATE "C" NOT NULL,
	hash		bytea		NOT NULL,
	model		text		NOT NULL,
	version		integer		NOT NULL,
	text		text		NOT NULL,
	confidence	double precision,
	PRIMARY KEY (attachment, key, trial)
);

SELECT pg_catalog.pg_extension_config_dump('hwr.trial', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.trial_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('hwr.shadow', '');

CREATE VIEW hwr.own_shadows WITH (security_barrier) AS
	SELECT s.* FROM hwr.shadow s JOIN hwr.attachment a ON a.id = s.attachment JOIN pg_catalog.pg_class t ON t.oid = a.data::oid
	 WHERE CASE WHEN pg_catalog.pg_has_role(t.relowner, 'USAGE') THEN true
				WHEN NOT pg_catalog.pg_has_role(a.role, 'USAGE') THEN false
				ELSE NOT pg_catalog.row_security_active(t.oid) OR hwr.role_sees_row(a.id, s.key) END;
COMMENT ON VIEW hwr.own_shadows IS 'shadow readings of rows that the current user sees of attached tables of his roles';
GRANT SELECT ON hwr.own_shadows TO PUBLIC;

CREATE VIEW hwr_trials WITH (security_barrier) AS
	SELECT t.id AS trial, a.attachment, a.data, a.text_column, t.model, t.version, t.share, t.shadow, t.started, t.ended, t.problem
	  FROM hwr_attachments a JOIN hwr.trial t ON t.attachment = a.attachment;
COMMENT ON VIEW hwr_trials IS 'versions that are tried, or were, on a share of an attached table''s rows';
COMMENT ON COLUMN hwr_trials.problem IS 'why rows are read without it, by the attachment''s model alone; NULL: they are not';
GRANT SELECT ON hwr_trials TO PUBLIC;

CREATE FUNCTION hwr.set_trial(attachment integer, model text, version integer, share double precision, shadow boolean) RETURNS integer
	AS 'MODULE_PATHNAME', 'hwr_set_trial' LANGUAGE C;
COMMENT ON FUNCTION hwr.set_trial(integer, text, integer, double precision, boolean) IS 'what hwr_try and, without a model, hwr_try_end do';

CREATE FUNCTION hwr_try(data regclass, model text, version integer DEFAULT NULL, share double precision DEFAULT 0.1, shadow boolean DEFAULT true,
						text_column name DEFAULT NULL) RETURNS integer
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.set_trial(hwr.find_attachment($1, $6), coalesce($2, 'default'), $3, coalesce($4, 0.1), coalesce($5, true));
$$;
COMMENT ON FUNCTION hwr_try(regclass, text, integer, double precision, boolean, name) IS
'have a share of an attached table''s rows, chosen by a hash of the key, read by another version too (shadow), or instead; returns the trial''s number';

CREATE FUNCTION hwr_try_end(data regclass, text_column name DEFAULT NULL) RETURNS boolean
	LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT hwr.set_trial(hwr.find_attachment($1, $2), NULL, NULL, NULL, NULL) IS NOT NULL;
$$;
COMMENT ON FUNCTION hwr_try_end(regclass, name) IS 'end what hwr_try began; its readings stay; false: nothing was tried';
