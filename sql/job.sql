-- Jobs: without waiting, views, hwr_cancel, a timeout while waiting
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS hwr;

CREATE TABLE job_words (id integer GENERATED ALWAYS AS IDENTITY, image bytea, label text);
\copy job_words (image, label) FROM PROGRAM 'tools/load-images --copy test/data/words.csv test/data/words'
DELETE FROM job_words WHERE id > 40;
CREATE FUNCTION tiny(more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql
RETURN jsonb_build_object('architecture', '[1,32,96,1 Cr3,3,8 Mp4,4 Cr3,3,16 Mp8,1 Lbx16', 'epochs', 2, 'threads', 1) || more;
-- a job whose end is not near
CREATE FUNCTION endless() RETURNS jsonb LANGUAGE sql RETURN tiny('{"epochs": 10000, "patience": 0}');

CREATE FUNCTION wait_for(job bigint, wanted text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	now text;
BEGIN
	FOR i IN 1 .. 600 LOOP
		SELECT state INTO now FROM hwr_job_details j WHERE j.job = wait_for.job;
		IF now = wanted THEN
			RETURN now;
		END IF;
		PERFORM pg_sleep(0.1);
	END LOOP;
	RETURN coalesce(now, 'no such job');
END $$;

--
-- wait => false
--
SELECT job AS first_job, job > 0 AS job, model, version, epochs, best_epoch, train_loss, validation_loss, cer, wer,
	exact_match, images, validation_images, skipped, seconds
FROM hwr_train('job_words', 'job_a', options => tiny(), wait => false) \gset
\echo :job :model :version :epochs :seconds
SELECT wait_for(:first_job, 'done');
SELECT state, version, message, pid FROM hwr_job_details WHERE job = :first_job;
-- an error is in the job's row
CREATE TABLE job_empty (image bytea, label text);
SELECT job AS empty_job FROM hwr_train('job_empty', 'job_a', options => tiny(), wait => false) \gset
SELECT wait_for(:empty_job, 'failed');
SELECT state, version, sqlstate, message, pid, finished >= started AS finished FROM hwr_job_details WHERE job = :empty_job;

--
-- A running job
--
SELECT job AS long_job FROM hwr_train('job_words', 'job_b', options => endless(), wait => false) \gset
SELECT wait_for(:long_job, 'running');
DO $$
BEGIN
	FOR i IN 1 .. 600 LOOP
		EXIT WHEN (SELECT epoch IS NOT NULL OR state <> 'running' FROM hwr_job_details WHERE model = 'job_b');
		PERFORM pg_sleep(0.1);
	END LOOP;
END $$;
SELECT model, phase IN ('training', 'validating') AS phase, epoch > 0 AS epoch, epochs, step >= 0 AS step, steps > 0 AS steps,
	loss > 0 AS loss, images_per_second > 0 AS images_per_second, eta > '0' AS eta, elapsed > '0' AS elapsed, length(bar) AS bar
FROM hwr_progress WHERE job = :long_job;
SELECT state, sqlstate, message, finished, pid > 0 AS pid FROM hwr_job_details WHERE job = :long_job;
SELECT backend_type, query LIKE 'training job %' AS query FROM pg_stat_activity
WHERE pid = (SELECT pid FROM hwr_job_details WHERE job = :long_job);
-- the table is free meanwhile
ALTER TABLE job_words ADD COLUMN note integer;
-- someone else sees nothing of it, and cannot cancel it
CREATE ROLE regress_hwr_jobs;
SET ROLE regress_hwr_jobs;
SELECT count(*) FROM hwr_job_details;
SELECT count(*) FROM hwr_progress;
\set VERBOSITY sqlstate
SELECT hwr_cancel(:long_job);
\set VERBOSITY default
RESET ROLE;
-- a monitor sees it
GRANT pg_read_all_stats TO regress_hwr_jobs;
SET ROLE regress_hwr_jobs;
SELECT model, state FROM hwr_job_details WHERE job = :long_job;
RESET ROLE;
-- the lock that shows that a worker lives is not one that a user can take
SELECT pg_try_advisory_lock(0, :first_job);
SELECT state FROM hwr_job_details WHERE job IN (:first_job, :long_job) ORDER BY job;
SELECT pg_advisory_unlock(0, :first_job);

SELECT hwr_cancel(:long_job);
SELECT wait_for(:long_job, 'cancelled');
SELECT state, version, sqlstate, message, pid FROM hwr_job_details WHERE job = :long_job;
SELECT count(*) FROM hwr_progress WHERE job = :long_job;
SELECT count(*) FROM hwr.model WHERE name = 'job_b';
SELECT hwr_cancel(:long_job);
SELECT hwr_cancel(:first_job);
SELECT hwr_cancel(-1);
\echo :SQLSTATE
SELECT hwr_cancel(NULL);

-- a snapshot older than a job's end does not make it an interrupted one
SELECT job AS other_job FROM hwr_train('job_words', 'job_b', options => endless(), wait => false) \gset
SELECT wait_for(:other_job, 'running');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT state FROM hwr_job_details WHERE job = :other_job;
SELECT hwr_cancel(:other_job);
DO $$
BEGIN
	FOR i IN 1 .. 600 LOOP
		EXIT WHEN NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database()));
		PERFORM pg_sleep(0.1);
	END LOOP;
END $$;
SELECT state FROM hwr_job_details WHERE job = :other_job;
COMMIT;
SELECT state FROM hwr_job_details WHERE job = :other_job;

--
-- A timeout ends the job that is waited for
--
SET statement_timeout = '3s';
SELECT hwr_train('job_words', 'job_c', 'image', options => endless());
\echo :SQLSTATE
RESET statement_timeout;
SELECT job AS late_job FROM hwr_job_details WHERE model = 'job_c' \gset
SELECT wait_for(:late_job, 'cancelled');
SELECT state, sqlstate, message FROM hwr_job_details WHERE job = :late_job;

--
-- A worker that could not say how it ended
--
SELECT job AS lost_job FROM hwr_train('job_words', 'job_d', 'image', options => endless(), wait => false) \gset
SELECT wait_for(:lost_job, 'running');
SELECT pg_terminate_backend(pid) FROM hwr_job_details WHERE job = :lost_job;
SELECT wait_for(:lost_job, 'interrupted');
SELECT state, sqlstate, message, finished, pid FROM hwr_job_details WHERE job = :lost_job;
SELECT count(*) FROM hwr_progress WHERE job = :lost_job;
SELECT hwr_cancel(:lost_job);

SELECT hwr_drop_model('job_a');
DROP TABLE job_words, job_empty;
DROP FUNCTION wait_for, endless, tiny;
REVOKE pg_read_all_stats FROM regress_hwr_jobs;
DROP ROLE regress_hwr_jobs;
