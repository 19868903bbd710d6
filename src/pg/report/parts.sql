--
-- parts.sql
--	  What charts and reports are made of.
--

CREATE FUNCTION hwr.thumbnail(image bytea, height integer, first double precision DEFAULT 0, last double precision DEFAULT 1) RETURNS bytea
	AS 'MODULE_PATHNAME', 'hwr_thumbnail' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION hwr.thumbnail(bytea, integer, double precision, double precision) IS
'a PNG of this height of what is between two shares of an image''s width, dark on white; NULL for what is no image';
CREATE FUNCTION hwr.escape(text) RETURNS text
	AS 'MODULE_PATHNAME', 'hwr_escape' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.escape(text) IS 'text as it stands in HTML and XML, in content and in quoted attributes';
CREATE FUNCTION hwr.diff(truth text, guess text) RETURNS text
	AS 'MODULE_PATHNAME', 'hwr_diff' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.diff(text, text) IS
'a reading as HTML with <mark> around wrong, <ins> around superfluous and <del> around missing characters';
CREATE FUNCTION hwr.bootstrap(numerators double precision[], denominators double precision[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'hwr_bootstrap_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION hwr.bootstrap(double precision[], double precision[]) IS
'95 % bootstrap interval of the ratio of two sums';
CREATE FUNCTION hwr.wilson(hits bigint, n bigint) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'hwr_wilson_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.wilson(bigint, bigint) IS '95 % interval of a share';
CREATE FUNCTION hwr.mcnemar(only_a bigint, only_b bigint) RETURNS double precision
	AS 'MODULE_PATHNAME', 'hwr_mcnemar_test' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hwr.mcnemar(bigint, bigint) IS 'exact two-sided p value of McNemar''s test';
CREATE FUNCTION hwr.label_column(data regclass, label_column name) RETURNS text
	AS 'MODULE_PATHNAME', 'hwr_label_column' LANGUAGE C STABLE;
COMMENT ON FUNCTION hwr.label_column(regclass, name) IS 'the label column of a table, quoted: as named, or the only one that is text';

-- Small words

CREATE FUNCTION hwr.percent(share double precision) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN share IS NULL THEN '&#8211;' ELSE trim(to_char(share * 100, '99999990.0')) || '&#8239;%' END;
$$;
COMMENT ON FUNCTION hwr.percent(double precision) IS 'a share as HTML';

CREATE FUNCTION hwr.show_character(c text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE c WHEN '' THEN '<span class="soft">nothing</span>' WHEN ' ' THEN '<kbd>space</kbd>' ELSE '<kbd><bdi>' || hwr.escape(c) || '</bdi></kbd>' END;
$$;
COMMENT ON FUNCTION hwr.show_character(text) IS 'a character as HTML';

CREATE FUNCTION hwr.data_uri(png bytea) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT 'data:image/png;base64,' || translate(encode(png, 'base64'), E'\n', '');
$$;
COMMENT ON FUNCTION hwr.data_uri(bytea) IS 'a PNG within a page';

-- The version that a report is about: the one named, or else the active one.
CREATE FUNCTION hwr.shown_version(model text, version integer) RETURNS integer
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce($2, (SELECT m.version FROM @extschema@.hwr_models m WHERE m.model = coalesce($1, 'default') AND m.active));
$$;
COMMENT ON FUNCTION hwr.shown_version(text, integer) IS 'a version''s number: the one named, or else the active one';

-- Epochs of that version's training; without a version, of the newest training.
CREATE FUNCTION hwr.shown_epochs(model text, version integer) RETURNS SETOF hwr.epochs
	LANGUAGE sql STABLE ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
	SELECT e.* FROM hwr.epochs e
	 WHERE e.job = (SELECT max(x.job) FROM hwr.epochs x
					 WHERE x.model = coalesce($1, 'default')
					   AND (x.version = hwr.shown_version($1, $2) OR hwr.shown_version($1, $2) IS NULL))
	 ORDER BY e.epoch;
$$;
COMMENT ON FUNCTION hwr.shown_epochs(text, integer) IS 'what hwr_plot_history draws';
