--
-- work.sql
--	  Reading what is queued: hwr_work, and how far it is.
--

CREATE PROCEDURE hwr_work(data regclass DEFAULT NULL, "limit" bigint DEFAULT NULL, INOUT read bigint DEFAULT 0, INOUT failed bigint DEFAULT 0)
	AS 'MODULE_PATHNAME', 'hwr_work' LANGUAGE C;
COMMENT ON PROCEDURE hwr_work(regclass, bigint, bigint, bigint) IS
'read what is queued of attached tables, or of one, a batch a transaction, until nothing is due or "limit" rows were taken; how many were read, and how many could not be';

-- Batches that are being read, by the locks that their transactions hold: the lock's number is the attachment, and pid and rows (work.c).
CREATE VIEW hwr.running WITH (security_barrier) AS
	SELECT l.classid::bigint::integer AS attachment, l.pid, (l.objid::bigint & 1023::bigint)::integer AS "rows"
	  FROM pg_catalog.pg_locks l
	 WHERE l.locktype = 'userlock' AND l.objsubid = 26746 AND l.granted
		   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database());
COMMENT ON VIEW hwr.running IS 'batches of attached tables that are being read now';

CREATE VIEW hwr_queue WITH (security_barrier) AS
	SELECT a.attachment, a.data, a.text_column, a.model,
		   greatest(q.waiting - w."rows", 0) AS waiting,
		   w."rows" AS running,
		   q.failed,
		   q.again,
		   (SELECT count(*) FROM hwr.read_row r WHERE r.attachment = a.attachment AND r.model IS NOT NULL) AS read,
		   (SELECT count(*) FROM hwr.read_row r WHERE r.attachment = a.attachment AND r.corrected) AS corrected,
		   s.rate AS rows_per_second,
		   pg_catalog.clock_timestamp() - q.oldest AS oldest,
		   CASE WHEN q.waiting = 0 THEN '0'::interval WHEN NOT a.paused AND s.rate > '0'::double precision THEN pg_catalog.make_interval(secs => q.waiting::double precision / s.rate) END AS time_left,
		   w.workers,
		   a.paused,
		   coalesce(a.problem, (SELECT pg_catalog.format('trial %s: %s', t.trial, t.problem) FROM hwr_trials t
								 WHERE t.attachment = a.attachment AND t.ended IS NULL AND t.problem IS NOT NULL)) AS problem
	  FROM hwr_attachments a
	  CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE NOT e.failed) AS waiting, count(*) FILTER (WHERE e.failed) AS failed,
								 count(*) FILTER (WHERE e.lane > 0 AND NOT e.failed) AS again, min(e.queued) FILTER (WHERE NOT e.failed) AS oldest
							FROM hwr.queue e WHERE e.attachment = a.attachment) q
	  CROSS JOIN LATERAL (SELECT coalesce(sum(r."rows"), 0)::bigint AS "rows", count(*) AS workers FROM hwr.running r WHERE r.attachment = a.attachment) w
	  -- of the last minute, or of as much of it as there was work
	  CROSS JOIN LATERAL (SELECT sum(b.read + b.failed)::double precision
								 / greatest(extract(epoch FROM pg_catalog.clock_timestamp() - min(b.done - pg_catalog.make_interval(secs => b.seconds))), 0.001)::double precision AS rate
							FROM hwr.batch b WHERE b.attachment = a.attachment AND b.done > pg_catalog.clock_timestamp() - '1 minute'::interval) s;
COMMENT ON VIEW hwr_queue IS 'attached tables, and how far their reading is';
COMMENT ON COLUMN hwr_queue.waiting IS 'rows that nobody is reading now, those among them that will be tried again';
COMMENT ON COLUMN hwr_queue.running IS 'rows of batches that are being read';
COMMENT ON COLUMN hwr_queue.failed IS 'rows that could not be read, and will not be tried again: hwr_failures';
COMMENT ON COLUMN hwr_queue.again IS 'of those that wait or are read: rows that have been read, by another version';
COMMENT ON COLUMN hwr_queue.read IS 'rows that have been read';
COMMENT ON COLUMN hwr_queue.corrected IS 'rows that a person has corrected, confirmed or labelled';
COMMENT ON COLUMN hwr_queue.rows_per_second IS 'in the last minute; NULL: nothing was read';
COMMENT ON COLUMN hwr_queue.oldest IS 'how long the row has waited that waits longest';
COMMENT ON COLUMN hwr_queue.problem IS 'why the last batch failed as a whole, or was read without the version that is tried';
GRANT SELECT ON hwr_queue TO PUBLIC;

-- Messages can quote data: for the role that reads the rows, its members, and monitors.
CREATE VIEW hwr_failures WITH (security_barrier) AS
	SELECT a.attachment, a.data, a.text_column, q.key, q.sqlstate, q.message, q.attempts, q.failed, CASE WHEN NOT q.failed THEN q.due END AS next_try
	  FROM hwr_attachments a JOIN hwr.queue q ON q.attachment = a.attachment JOIN hwr.attachment h ON h.id = a.attachment
	  JOIN pg_catalog.pg_class c ON c.oid = h.data::oid
	 WHERE q.sqlstate IS NOT NULL
		   AND (pg_catalog.pg_has_role(h.role, 'USAGE') OR pg_catalog.pg_has_role(c.relowner, 'USAGE') OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'));
COMMENT ON VIEW hwr_failures IS 'rows of attached tables that could not be read, and why';
COMMENT ON COLUMN hwr_failures.failed IS 'there will be no other attempt, unless the image changes or hwr_reread asks for it';
GRANT SELECT ON hwr_failures TO PUBLIC;
