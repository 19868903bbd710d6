--
-- stat.sql
--	  What recognition has done.
--

CREATE FUNCTION hwr.stat(OUT database text, OUT model text, OUT version integer,
						 OUT calls bigint, OUT images bigint, OUT batches bigint, OUT service_images bigint, OUT errors bigint,
						 OUT prepare_time double precision, OUT queue_time double precision,
						 OUT network_time double precision, OUT decode_time double precision,
						 OUT since timestamptz, OUT scope text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'hwr_stat' LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION hwr.stat() IS 'what view hwr_stat shows';

CREATE VIEW hwr_stat WITH (security_barrier) AS
	SELECT s.database, s.model, s.version, s.calls, s.images, s.batches, s.service_images, s.errors,
		   pg_catalog.round(s.prepare_time::numeric, 3)::double precision AS prepare_time,
		   pg_catalog.round(s.queue_time::numeric, 3)::double precision AS queue_time,
		   pg_catalog.round(s.network_time::numeric, 3)::double precision AS network_time,
		   pg_catalog.round(s.decode_time::numeric, 3)::double precision AS decode_time,
		   pg_catalog.date_trunc('second', s.since) AS since, s.scope
	  FROM hwr.stat() s;
COMMENT ON VIEW hwr_stat IS
'what each version of a model has read, and the milliseconds it took; names are for members of pg_read_all_stats';
COMMENT ON COLUMN hwr_stat.version IS 'NULL: bundled with the extension';
COMMENT ON COLUMN hwr_stat.service_images IS 'of the images, those that the service worker ran';
COMMENT ON COLUMN hwr_stat.errors IS 'images that could not be decoded, and batches that failed';
COMMENT ON COLUMN hwr_stat.prepare_time IS 'from bytes to what the network sees, in milliseconds';
COMMENT ON COLUMN hwr_stat.queue_time IS 'until the service worker took the images, in milliseconds';
COMMENT ON COLUMN hwr_stat.decode_time IS 'from the network''s output to the most probable text, in milliseconds';
COMMENT ON COLUMN hwr_stat.scope IS
'server: all sessions; session: this one alone, because hwr is not in shared_preload_libraries';
GRANT SELECT ON hwr_stat TO PUBLIC;

CREATE FUNCTION hwr_stat_reset() RETURNS void
	AS 'MODULE_PATHNAME', 'hwr_stat_reset' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION hwr_stat_reset() IS 'let hwr_stat begin anew';

-- What is costly or writes is for those to whom an administrator grants it: see doc/privileges.md.
REVOKE EXECUTE ON FUNCTION
	hwr_stat_reset()
	FROM PUBLIC;
