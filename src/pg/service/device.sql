--
-- device.sql
--	  Devices, and the service worker.
--

CREATE FUNCTION hwr.devices(OUT backend text, OUT name text, OUT memory bigint, OUT memory_used bigint,
							OUT driver text, OUT state text, OUT reason text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'hwr_devices' LANGUAGE C VOLATILE PARALLEL SAFE ROWS 2;
COMMENT ON FUNCTION hwr.devices() IS 'what view hwr_devices shows';

CREATE VIEW hwr_devices WITH (security_barrier) AS
	SELECT d.backend, d.name, d.memory, d.memory_used, d.driver, d.state, d.reason FROM hwr.devices() d;
COMMENT ON VIEW hwr_devices IS
'the devices that recognition can run on: in each session (in backend), in the service worker (service), or not, and why';
GRANT SELECT ON hwr_devices TO PUBLIC;

CREATE FUNCTION hwr.service(OUT pid integer, OUT started timestamptz, OUT device text,
							OUT queue_slots integer, OUT in_use integer,
							OUT requests bigint, OUT images bigint, OUT batches bigint, OUT mean_fill double precision,
							OUT models integer, OUT model_bytes bigint, OUT dropped bigint, OUT errors bigint)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'hwr_service_status' LANGUAGE C VOLATILE PARALLEL SAFE ROWS 1;
COMMENT ON FUNCTION hwr.service() IS 'what view hwr_service shows';

CREATE VIEW hwr_service WITH (security_barrier) AS
	SELECT s.pid, s.started, s.device, s.queue_slots, s.in_use, s.requests, s.images, s.batches, s.mean_fill,
		   s.models, s.model_bytes, s.dropped, s.errors
	  FROM hwr.service() s;
COMMENT ON VIEW hwr_service IS
'the service worker and what it has done since the server started; no row where hwr is not in shared_preload_libraries';
GRANT SELECT ON hwr_service TO PUBLIC;
